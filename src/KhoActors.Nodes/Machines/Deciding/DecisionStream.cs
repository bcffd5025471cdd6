using KhoActors.Nodes.Machines.UserSpace;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Machines.Deciding;

/// <summary>The decisions of one purpose, and the substream from which chance draws them.</summary>
/// <param name="number">Its number in a <see cref="DecisionLog"/>.</param>
/// <param name="name">What people call it.</param>
/// <param name="draws">The substream: its key, and how far it was drawn.</param>
/// <param name="seat">Who decides now.</param>
internal sealed class DecisionStream(int number, string name, RandomStream draws, DeciderSeat seat) : IProgramChance
{
    public int Number => number;

    public string Name => name;

    public RandomStream Draws => draws;

    /// <summary>A number of a range, both ends included.</summary>
    public ulong Between(ulong minimum, ulong maximum) => seat.Decider.Between(this, minimum, maximum);

    /// <summary>A number below a limit of at least 1.</summary>
    public ulong Below(ulong limit) => seat.Decider.Between(this, 0, limit - 1);

    /// <summary>Whether something happens that happens at a rate.</summary>
    public bool Chance(uint partsPerMillion) => seat.Decider.Chance(this, partsPerMillion);

    /// <summary>A word without meaning.</summary>
    public ulong NextWord() => seat.Decider.Word(this);

    /// <summary>What user space does next.</summary>
    public int Operation(UserSpacePlan plan) => seat.Decider.Operation(this, plan);

    /// <summary>How the generation ends.</summary>
    public GenerationEnd End(LeavePlan plan) => seat.Decider.End(this, plan);

    ulong IProgramChance.NextRandom() => NextWord();

    ulong IProgramChance.NextBelow(ulong limit) => seat.Decider.Scaled(this, limit);
}

/// <summary>Where the decider of a machine sits: one for all its streams, exchanged between generations.</summary>
internal sealed class DeciderSeat
{
    /// <summary>Who decides.</summary>
    public required IDecider Decider { get; set; }
}
