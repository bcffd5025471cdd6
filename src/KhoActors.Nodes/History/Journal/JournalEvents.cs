using KhoActors.Nodes.Fleet;

namespace KhoActors.Nodes.History.Journal;

/// <summary>What an engine writes into its journal; <see cref="JournalCodec"/> makes bytes of it.</summary>
public abstract record JournalEvent
{
    private protected JournalEvent()
    {
    }
}

/// <summary>A number was given to a run. In <see cref="JournalNames.Runs"/>.</summary>
/// <param name="Run">The number, from 1.</param>
/// <param name="Ticket">What its client drew, so that a wish that is heard twice makes one run.</param>
public sealed record RunAnnounced(int Run, ulong Ticket) : JournalEvent;

/// <summary>A run needs no driver any more; announced again when it goes on. In <see cref="JournalNames.Runs"/>.</summary>
/// <param name="Run">Its number.</param>
public sealed record RunClosed(int Run) : JournalEvent;

/// <summary>A run begins: the first event of <see cref="JournalNames.Run"/>.</summary>
/// <param name="Run">Its number.</param>
/// <param name="Facts">What it depends on.</param>
/// <param name="IsConcurrent">Whether its machines' orders of deliveries were chosen by the engine, and are in the records.</param>
public sealed record RunBegun(int Run, RunFacts Facts, bool IsConcurrent) : JournalEvent;

/// <summary>A run that was over goes on. In <see cref="JournalNames.Run"/>.</summary>
/// <param name="Run">Its number.</param>
public sealed record RunReopened(int Run) : JournalEvent;

/// <summary>A run is over, or rests. In <see cref="JournalNames.Run"/>; the last one counts.</summary>
/// <param name="Run">Its number.</param>
/// <param name="State">How it ended; never <see cref="RunState.Running"/>.</param>
/// <param name="Digest">The fleet's digest, 64 hexadecimal digits, or empty.</param>
/// <param name="Ended">When, UTC.</param>
public sealed record RunOver(int Run, RunState State, string Digest, DateTimeOffset Ended) : JournalEvent;

/// <summary>
/// The fleet came further: what was counted since the event before it. In <see cref="JournalNames.Run"/>. The slices were recorded before, each
/// under its machine's id; a slice may be recorded and not counted yet.
/// </summary>
/// <param name="Run">The run's number.</param>
/// <param name="Machines">Machines that came further, each once.</param>
/// <param name="Counted">Sums over their slices, and defects and differences that took machines out.</param>
public sealed record FleetAdvanced(int Run, IReadOnlyList<MachineAdvance> Machines, FleetResult Counted) : JournalEvent;

/// <summary>A machine came further.</summary>
/// <param name="Machine">Its number.</param>
/// <param name="NextGeneration">The generation that boots next.</param>
/// <param name="IsOut">Whether it goes no further: the simulator failed, or a replay differed.</param>
/// <param name="Digest">Its digest after its last counted generation, 32 bytes.</param>
public readonly record struct MachineAdvance(int Machine, int NextGeneration, bool IsOut, ReadOnlyMemory<byte> Digest);

/// <summary>A machine has run a slice. In <see cref="JournalNames.Machine"/>; the only event there, so that slices are numbered from 1.</summary>
/// <param name="Run">The run's number.</param>
/// <param name="Machine">The machine's number.</param>
/// <param name="FirstGeneration">The first generation of the slice.</param>
/// <param name="EndGeneration">The generation behind its last.</param>
/// <param name="Encoded"><see cref="SliceCodec"/>'s bytes.</param>
public sealed record SliceRecorded(int Run, int Machine, int FirstGeneration, int EndGeneration, ReadOnlyMemory<byte> Encoded) : JournalEvent;

/// <summary>A machine at its jump: a snapshot of <see cref="JournalNames.Machine"/>.</summary>
/// <param name="Run">The run's number.</param>
/// <param name="Machine">The machine's number.</param>
/// <param name="NextGeneration">The generation that boots next.</param>
/// <param name="Snapshot">What <see cref="Machines.Machine.Snapshot"/> wrote.</param>
/// <param name="LastFirst">The first generation of the slice before it.</param>
/// <param name="LastSlice"><see cref="SliceCodec"/>'s bytes of that slice, for a driver that has not heard of it.</param>
public sealed record MachineRested(
    int Run, int Machine, int NextGeneration, ReadOnlyMemory<byte> Snapshot, int LastFirst, ReadOnlyMemory<byte> LastSlice) : JournalEvent;
