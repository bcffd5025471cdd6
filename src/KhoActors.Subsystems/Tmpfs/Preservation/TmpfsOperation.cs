using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Tmpfs.Preservation;

/// <summary>
/// Something that tmpfs does with KHO in several steps: between them other actors run. One is under way at a time, as under a mutex.
/// </summary>
internal abstract class TmpfsOperation
{
    /// <summary>Does the first step.</summary>
    /// <param name="outbox">Receives requests; the time.</param>
    /// <returns>The result, or null when answers are awaited.</returns>
    public abstract KernelResult? Begin(Outbox outbox);

    /// <summary>Goes on with an answer from the KHO core.</summary>
    /// <param name="correlation">The request's correlation.</param>
    /// <param name="reply">Its result.</param>
    /// <param name="outbox">Receives further requests.</param>
    /// <returns>The result, or null when more answers are awaited.</returns>
    public abstract KernelResult? Answered(uint correlation, KernelResult reply, Outbox outbox);

    /// <summary>A result without values.</summary>
    /// <param name="code">0 or a negative errno.</param>
    /// <returns>The result.</returns>
    protected static KernelResult? Done(int code) => new KernelResult(code);
}
