using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.History;

/// <summary>
/// Where histories are kept. A seam: one implementation for each kind of database, all held to one abstract specification. A store is used
/// by one thread at a time; several processes may use the same history, each through a store of its own.
/// </summary>
/// <remarks>
/// Every method throws <see cref="HistoryUnavailableException"/> when the history cannot be reached or written, and
/// <see cref="HistoryDamageException"/> when what it reads is damaged.
/// </remarks>
public interface IHistoryStore : IDisposable
{
    /// <summary>The history's address as the command line takes it, for example <c>sqlite:./khoactors.db</c>.</summary>
    string Address { get; }

    /// <summary>Enters a new run, in state <see cref="RunState.Running"/>. Durable when it returns.</summary>
    /// <param name="facts">What it depends on.</param>
    /// <returns>Its number.</returns>
    int BeginRun(RunFacts facts);

    /// <summary>
    /// Records slices and replaces checkpoints, all or nothing. A slice that is recorded already must be the same bytes and changes
    /// nothing, so that committing twice, or from two processes, is harmless.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="batch">What to write.</param>
    /// <exception cref="DivergentRecordException">A slice is recorded already, with other bytes: nothing of the batch was written.</exception>
    void Commit(int run, HistoryBatch batch);

    /// <summary>
    /// Closes a run. Durable when it returns. A run that is finished stays so: of two processes that carry the same run, the one that is
    /// interrupted does not take back what the other has finished.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="state">How it ended.</param>
    /// <param name="digest">The fleet's digest, or empty.</param>
    /// <param name="ended">When, UTC.</param>
    void EndRun(int run, RunState state, string digest, DateTimeOffset ended);

    /// <summary>Opens an interrupted run, or one whose process died, for more records.</summary>
    /// <param name="run">The run.</param>
    void ReopenRun(int run);

    /// <summary>Finds a run.</summary>
    /// <param name="run">Its number; null for the newest.</param>
    /// <returns>The run, or null when there is none.</returns>
    StoredRun? FindRun(int? run);

    /// <summary>All runs, oldest first. A damaged one does not hide the others.</summary>
    /// <param name="damage">Called for each run that cannot be read, with the sentence that names the damage.</param>
    /// <returns>The runs that can be read.</returns>
    IReadOnlyList<StoredRun> ReadRuns(Action<string> damage);

    /// <summary>What became of the reboots from one kernel to another in a run, by names.</summary>
    /// <param name="run">The run.</param>
    /// <returns>The transitions.</returns>
    IReadOnlyList<FleetTransition> ReadTransitions(int run);

    /// <summary>How generations of a run ended, by name.</summary>
    /// <param name="run">The run.</param>
    /// <returns>Name and count.</returns>
    IReadOnlyList<KeyValuePair<string, long>> ReadOutcomes(int run);

    /// <summary>The violations of a run with their texts, by machine and generation.</summary>
    /// <param name="run">The run.</param>
    /// <param name="limit">Most to return.</param>
    /// <returns>The first of them.</returns>
    IReadOnlyList<MachineViolation> ReadViolations(int run, int limit);

    /// <summary>
    /// Records of a run in the order of machines and generations, one in memory at a time. Damage throws when the record is reached;
    /// <see cref="Verify"/> reads past it.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="machine">Only this machine's, or null for all.</param>
    /// <returns>The records.</returns>
    IEnumerable<StoredSlice> ReadSlices(int run, int? machine = null);

    /// <summary>
    /// Records of one machine from a generation on, as <see cref="ReadSlices(int, int?)"/> gives them; a store that can seek does not read
    /// the others.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="machine">The machine.</param>
    /// <param name="fromGeneration">The least <see cref="StoredSlice.FirstGeneration"/> of a record.</param>
    /// <returns>The records.</returns>
    IEnumerable<StoredSlice> ReadSlices(int run, int machine, int fromGeneration) =>
        ReadSlices(run, machine).SkipWhile(slice => slice.FirstGeneration < fromGeneration);

    /// <summary>Where each machine of a run stands, in the order of their numbers.</summary>
    /// <param name="run">The run.</param>
    /// <returns>One entry for each machine that has a record.</returns>
    IEnumerable<MachineProgress> ReadProgress(int run);

    /// <summary>The newest checkpoint of a machine: a snapshot as <see cref="Machines.Machine.Snapshot"/> writes it.</summary>
    /// <param name="run">The run.</param>
    /// <param name="machine">The machine.</param>
    /// <returns>The checkpoint, or null when there is none.</returns>
    MachineCheckpoint? ReadCheckpoint(int run, int machine);

    /// <summary>Removes a run with everything that belongs to it.</summary>
    /// <param name="run">The run.</param>
    /// <returns>False when there is no such run.</returns>
    bool DeleteRun(int run);

    /// <summary>Reads everything and compares every checksum, count and sum.</summary>
    /// <param name="damage">Called for each thing that is wrong, with the sentence that names it.</param>
    /// <param name="clients">Where clients are that runs name; null for those that come with the laboratory. Records of a run with clients
    /// from outside are decoded only with their catalog; their checksums are compared without.</param>
    void Verify(Action<string> damage, ClientCatalog? clients = null);

    /// <summary>Bytes that the history takes on its medium, of all runs.</summary>
    /// <returns>Bytes.</returns>
    long ReadSizeBytes();
}

/// <summary>A slice to be recorded: the record, and its encoding.</summary>
/// <param name="Record">The record, from which sums are counted.</param>
/// <param name="Encoded">What is stored: <c>SliceCodec</c>'s bytes, which carry their checksum.</param>
public sealed record EncodedSlice(SliceRecord Record, ReadOnlyMemory<byte> Encoded);

/// <summary>A slice as it is stored.</summary>
/// <param name="Machine">Number of the machine.</param>
/// <param name="FirstGeneration">Its first generation.</param>
/// <param name="Encoded">Its encoding, not yet checked.</param>
public readonly record struct StoredSlice(int Machine, int FirstGeneration, ReadOnlyMemory<byte> Encoded);

/// <summary>A machine at its jump.</summary>
/// <param name="Machine">Number of the machine.</param>
/// <param name="NextGeneration">The generation that boots next.</param>
/// <param name="Snapshot">The machine.</param>
public sealed record MachineCheckpoint(int Machine, int NextGeneration, ReadOnlyMemory<byte> Snapshot);

/// <summary>Where a machine of a run stands.</summary>
/// <param name="Machine">Number of the machine.</param>
/// <param name="RecordedGenerations">Generations that are recorded, without a gap, from 0.</param>
/// <param name="CheckpointGeneration">The generation before which its checkpoint was taken; 0 without one.</param>
/// <param name="Digest">Its digest after the last recorded generation, 32 bytes.</param>
public sealed record MachineProgress(int Machine, int RecordedGenerations, int CheckpointGeneration, ReadOnlyMemory<byte> Digest);

/// <summary>What is written in one transaction.</summary>
public sealed class HistoryBatch
{
    /// <summary>Slices, in any order.</summary>
    public List<EncodedSlice> Slices { get; } = [];

    /// <summary>Checkpoints; each replaces the machine's older one.</summary>
    public List<MachineCheckpoint> Checkpoints { get; } = [];

    /// <summary>Machines that have come to the end of their chain: their checkpoints go.</summary>
    public List<int> FinishedMachines { get; } = [];

    /// <summary>Whether nothing is in it.</summary>
    public bool IsEmpty => Slices.Count == 0 && Checkpoints.Count == 0 && FinishedMachines.Count == 0;

    /// <summary>Starts anew.</summary>
    public void Clear()
    {
        Slices.Clear();
        Checkpoints.Clear();
        FinishedMachines.Clear();
    }
}

/// <summary>
/// An execution produced another record than the one in the history: the same seed and the same model gave something else. Never damage:
/// the stored record's checksum is right.
/// </summary>
public sealed class DivergentRecordException : Exception
{
    /// <summary>Says which record.</summary>
    /// <param name="message">One sentence: run, machine, generations.</param>
    public DivergentRecordException(string message)
        : base(message)
    {
    }
}
