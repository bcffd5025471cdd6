using KhoActors.Nodes.Machines.UserSpace;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Machines.Deciding;

/// <summary>The workload generator: everything is drawn, with the weights and ranges of the scenario. Has no state but the streams'.</summary>
internal sealed class ChanceDecider : IDecider
{
    public ulong Between(DecisionStream stream, ulong minimum, ulong maximum) => minimum + stream.Draws.NextBelow(maximum - minimum + 1);

    public ulong Scaled(DecisionStream stream, ulong limit) => (ulong)(((UInt128)stream.Draws.NextUInt64() * limit) >> 64);

    public bool Chance(DecisionStream stream, uint partsPerMillion) => stream.Draws.Chance(partsPerMillion);

    public ulong Word(DecisionStream stream) => stream.Draws.NextUInt64();

    public int Operation(DecisionStream stream, UserSpacePlan plan) => plan.Choose(stream.Draws.NextBelow(plan.TotalWeight));

    public GenerationEnd End(DecisionStream stream, LeavePlan plan)
    {
        bool panics = stream.Draws.Chance((uint)plan.PanicWithoutHandoverPartsPerMillion);
        bool powersOff = stream.Draws.Chance((uint)plan.ColdBootPartsPerMillion);

        // A chance that no scenario has takes no draw, so that it shifts none.
        bool restarts = plan.EmergencyRestartPartsPerMillion > 0 && stream.Draws.Chance((uint)plan.EmergencyRestartPartsPerMillion);
        return restarts ? GenerationEnd.EmergencyRestart : panics ? GenerationEnd.Panic : powersOff ? GenerationEnd.ColdBoot : GenerationEnd.Kexec;
    }
}
