using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;

namespace KhoActors.Nodes.Akka.Wire;

/// <summary>A message that may cross from node to node: <see cref="KhoSerializer"/> knows each of them, and nothing else does.</summary>
internal interface IWireMessage;

/// <summary>A message to a machine; sent to the shard region, which finds or starts it.</summary>
internal interface IMachineMessage : IWireMessage
{
    /// <summary>Number of the run.</summary>
    int Run { get; }

    /// <summary>Number of the machine.</summary>
    int Machine { get; }
}

/// <summary>Driver to machine: run the slice that begins with a generation. Answered with one of the four below; asking twice is harmless.</summary>
internal sealed record RunSlice(int Run, int Machine, int FirstGeneration) : IMachineMessage;

/// <summary>Driver to machine: rest as soon as no kernel runs, the slice undone. Answered with <see cref="SliceCancelled"/>.</summary>
internal sealed record CancelSlice(int Run, int Machine, int FirstGeneration) : IMachineMessage;

/// <summary>Machine to driver: the slice is run and recorded.</summary>
internal sealed record SliceFinished(SliceRecorded Slice) : IWireMessage;

/// <summary>Machine to driver: the slice cannot be run.</summary>
/// <param name="Run">The run.</param>
/// <param name="Machine">The machine.</param>
/// <param name="FirstGeneration">The first generation of the slice.</param>
/// <param name="Kind">Why.</param>
/// <param name="Text">Why, for people.</param>
/// <param name="Done">The generations before the failure, to be counted and never recorded; or null.</param>
internal sealed record SliceFailed(int Run, int Machine, int FirstGeneration, SliceFailure Kind, string Text, SliceRecorded? Done = null) : IWireMessage;

/// <summary>Machine to driver: the machine's replay differs from its records.</summary>
internal sealed record SliceDiffers(int Run, int FirstGeneration, ReplayDifference Difference) : IWireMessage;

/// <summary>Machine to driver: the slice was not run to its end; nothing of it is left.</summary>
internal sealed record SliceCancelled(int Run, int Machine, int FirstGeneration) : IWireMessage;

/// <summary>Machine to driver: it was taken up from the journal, on another node perhaps, and waits.</summary>
internal sealed record MachineRecovered(int Run, int Machine, int NextGeneration) : IWireMessage;

/// <summary>Why a slice cannot be run.</summary>
internal enum SliceFailure
{
    /// <summary>The simulator failed: the machine goes no further.</summary>
    Defect = 1,

    /// <summary>The journal is damaged: the run stops.</summary>
    Damage = 2,

    /// <summary>The machine's node cannot carry this run: the run stops.</summary>
    Refused = 3,
}

/// <summary>Node to driver: what is this run? Answered with <see cref="RunFound"/> or <see cref="RunUnknown"/>.</summary>
internal sealed record FindRun(int Run) : IWireMessage;

/// <summary>The run that was asked for.</summary>
internal sealed record RunFound(RunBegun Begun) : IWireMessage;

/// <summary>There is no such run, or this program cannot run it.</summary>
internal sealed record RunUnknown(int Run, string Reason) : IWireMessage;

/// <summary>Client to driver: run a fleet. Answered with <see cref="RunStarted"/>; a ticket that was heard before means the same run.</summary>
internal sealed record StartRun(ulong Ticket, RunFacts Facts, bool IsConcurrent) : IWireMessage;

/// <summary>Client to driver: go on with a run that is over or rests. Answered with <see cref="RunStarted"/> or <see cref="RunRefused"/>.</summary>
internal sealed record ResumeRun(int Run, RunFacts Facts, bool IsConcurrent) : IWireMessage;

/// <summary>The run has a driver.</summary>
internal sealed record RunStarted(int Run) : IWireMessage;

/// <summary>There will be no such run.</summary>
internal sealed record RunRefused(string Reason) : IWireMessage;

/// <summary>
/// Client to driver, again and again: the sender wants to hear of a run. Answered with <see cref="RunConcluded"/> when it is over. A client that
/// wants its slices gets each as <see cref="SliceForClient"/> before it is counted, and owes a <see cref="SliceTaken"/>.
/// </summary>
internal sealed record FollowRun(int Run, bool WantsSlices, bool NeedsSlices) : IWireMessage;

/// <summary>A slice, for a client that wants them; a slice may come twice, when a driver was moved.</summary>
internal sealed record SliceForClient(SliceRecorded Slice) : IWireMessage;

/// <summary>A client has the slice.</summary>
internal sealed record SliceTaken(int Run, int Machine, int FirstGeneration) : IWireMessage;

/// <summary>Client to driver: let the machines rest, and end.</summary>
/// <param name="Run">The run.</param>
/// <param name="HasFailed">Whether the client can take no slice any more: what it has not taken is not counted.</param>
internal sealed record StopRun(int Run, bool HasFailed) : IWireMessage;

/// <summary>Driver to client: a run is over.</summary>
/// <param name="Over">How it ended.</param>
/// <param name="Sums">What was counted, no machines.</param>
/// <param name="Failure">Why it stopped by itself, or empty.</param>
internal sealed record RunConcluded(RunOver Over, FleetAdvanced Sums, string Failure) : IWireMessage;

/// <summary>Driver to whoever listens (<see cref="RunProgress.Topic"/>): how far a run is.</summary>
internal sealed record RunProgress(int Run, long Generations, long GenerationsOfAll, int OpenMachines, int InFlight) : IWireMessage
{
    /// <summary>The topic of distributed pub-sub.</summary>
    public const string Topic = "kho-progress";
}

/// <summary>What a shard tells a machine that shall stop: for its passivation, or because its shard moves.</summary>
internal sealed record StopMachine : IWireMessage
{
    private StopMachine()
    {
    }

    /// <summary>The message.</summary>
    public static StopMachine Instance { get; } = new();
}
