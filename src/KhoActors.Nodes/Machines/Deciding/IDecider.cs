using KhoActors.Nodes.Machines.UserSpace;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Machines.Deciding;

/// <summary>
/// Decides what the simulated kernels do not decide: what user space does and with what, how a generation ends, what clients find random.
/// A seam: chance in a run, the record in a replay, a writer-down around either. Whoever decides advances the stream by the draws that went into
/// the decision, at least one.
/// </summary>
internal interface IDecider
{
    /// <summary>A number of a range.</summary>
    /// <param name="stream">Whose decision it is.</param>
    /// <param name="minimum">Smallest.</param>
    /// <param name="maximum">Largest, included.</param>
    /// <returns>The number.</returns>
    ulong Between(DecisionStream stream, ulong minimum, ulong maximum);

    /// <summary>A number below a limit that takes exactly one draw, see <see cref="Subsystems.Clients.IProgramChance.NextBelow"/>.</summary>
    /// <param name="stream">Whose decision it is.</param>
    /// <param name="limit">At least 1; 0 counts as 1.</param>
    /// <returns>The number.</returns>
    ulong Scaled(DecisionStream stream, ulong limit);

    /// <summary>Whether something happens that happens at a rate.</summary>
    /// <param name="stream">Whose decision it is.</param>
    /// <param name="partsPerMillion">0 to 1,000,000.</param>
    /// <returns>Whether it happens.</returns>
    bool Chance(DecisionStream stream, uint partsPerMillion);

    /// <summary>A word that has no meaning by itself: the seed of a pattern, get_random_u64.</summary>
    /// <param name="stream">Whose decision it is.</param>
    /// <returns>Any word.</returns>
    ulong Word(DecisionStream stream);

    /// <summary>What user space does next.</summary>
    /// <param name="stream">Whose decision it is.</param>
    /// <param name="plan">What it can do on this kernel.</param>
    /// <returns>An operation as the plan numbers it.</returns>
    int Operation(DecisionStream stream, UserSpacePlan plan);

    /// <summary>How a generation ends whose user space asks for the kexec.</summary>
    /// <param name="stream">Whose decision it is.</param>
    /// <param name="plan">How often what happens.</param>
    /// <returns>Kexec, panic, cold boot or emergency restart.</returns>
    GenerationEnd End(DecisionStream stream, LeavePlan plan);
}
