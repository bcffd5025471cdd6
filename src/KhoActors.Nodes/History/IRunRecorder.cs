namespace KhoActors.Nodes.History;

/// <summary>
/// Takes the records of a run in while it runs; safe to call from several workers. A seam: the writer of a history, nothing for runs
/// without one, and what tests plant.
/// </summary>
public interface IRunRecorder
{
    /// <summary>
    /// Takes a slice. Returns when it is queued, which may wait until the history keeps up; it is durable later, with its group.
    /// </summary>
    /// <param name="record">The slice.</param>
    /// <param name="checkpoint">The machine behind the slice, or null.</param>
    /// <param name="isFinished">Whether the machine's chain ends with the slice.</param>
    /// <exception cref="HistoryUnavailableException">The history can no longer be written: the run should stop.</exception>
    /// <exception cref="DivergentRecordException">The history holds another record of this slice.</exception>
    void Add(SliceRecord record, MachineCheckpoint? checkpoint, bool isFinished);

    /// <summary>Takes a checkpoint without a slice, as of a machine that rests when the run is interrupted.</summary>
    /// <param name="checkpoint">The machine.</param>
    /// <exception cref="HistoryUnavailableException">The history can no longer be written.</exception>
    void Add(MachineCheckpoint checkpoint);

    /// <summary>Whether a machine that hibernates now should leave a checkpoint: often enough that little is lost, seldom enough to cost little.</summary>
    bool WantsCheckpoints { get; }

    /// <summary>Said when a round of checkpoints has been handed over.</summary>
    void CheckpointsDone();
}
