using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Tracking;

/// <summary>Asks the tracker to record one block.</summary>
/// <param name="Pfn">First page frame.</param>
/// <param name="Order">Its order.</param>
public readonly record struct TrackRequest(ulong Pfn, int Order)
{
    /// <summary>Its kind.</summary>
    public static readonly MessageKind Kind = MessageKind.Of(ActorId.Tracker, 1);

    /// <summary>Reads it from a message.</summary>
    /// <param name="message">A message of <see cref="Kind"/>.</param>
    /// <returns>The request.</returns>
    public static TrackRequest From(in Message message) => new(message.A, (int)message.B);

    /// <summary>The message that carries it.</summary>
    /// <returns>The message.</returns>
    public Message ToMessage() => new(Kind, Pfn, (ulong)Order);
}

/// <summary>Answers <see cref="TrackRequest"/>.</summary>
/// <param name="Result">0, or -ENOMEM with nothing changed.</param>
public readonly record struct TrackReply(int Result)
{
    /// <summary>Its kind.</summary>
    public static readonly MessageKind Kind = TrackRequest.Kind.Reply;

    /// <summary>Reads it from a message.</summary>
    /// <param name="message">A message of <see cref="Kind"/>.</param>
    /// <returns>The reply.</returns>
    public static TrackReply From(in Message message) => new((int)(long)message.A);

    /// <summary>The message that carries it.</summary>
    /// <returns>The message.</returns>
    public Message ToMessage() => new(Kind, (ulong)(long)Result);
}

/// <summary>Asks the tracker to forget one block.</summary>
/// <param name="Pfn">First page frame.</param>
/// <param name="Order">Its order.</param>
public readonly record struct UntrackRequest(ulong Pfn, int Order)
{
    /// <summary>Its kind.</summary>
    public static readonly MessageKind Kind = MessageKind.Of(ActorId.Tracker, 2);

    /// <summary>Reads it from a message.</summary>
    /// <param name="message">A message of <see cref="Kind"/>.</param>
    /// <returns>The request.</returns>
    public static UntrackRequest From(in Message message) => new(message.A, (int)message.B);

    /// <summary>The message that carries it.</summary>
    /// <returns>The message.</returns>
    public Message ToMessage() => new(Kind, Pfn, (ulong)Order);
}

/// <summary>Answers <see cref="UntrackRequest"/>.</summary>
/// <param name="Result">0, or -ENOENT when a structure was missing, which the tracker has warned about.</param>
public readonly record struct UntrackReply(int Result)
{
    /// <summary>Its kind.</summary>
    public static readonly MessageKind Kind = UntrackRequest.Kind.Reply;

    /// <summary>Reads it from a message.</summary>
    /// <param name="message">A message of <see cref="Kind"/>.</param>
    /// <returns>The reply.</returns>
    public static UntrackReply From(in Message message) => new((int)(long)message.A);

    /// <summary>The message that carries it.</summary>
    /// <returns>The message.</returns>
    public Message ToMessage() => new(Kind, (ulong)(long)Result);
}

/// <summary>
/// Asks the tracker to make its empty structure (kho_init). Answered with a <see cref="KernelResult"/>: value is what the root FDT's map
/// property gets; -ENOMEM.
/// </summary>
public readonly record struct CreateRootRequest
{
    /// <summary>Its kind.</summary>
    public static readonly MessageKind Kind = MessageKind.Of(ActorId.Tracker, 4);

    /// <summary>The message that carries it.</summary>
    /// <returns>The message.</returns>
    public static Message ToMessage() => new(Kind);
}

/// <summary>
/// Asks the tracker to give its structure's pages back: kho_init failed. Answered with a <see cref="KernelResult"/>. Kernels before 7.3 free the
/// root page only and lose the tables of the one or two blocks that were tracked by then; that leak is not simulated.
/// </summary>
public readonly record struct DestroyRequest
{
    /// <summary>Its kind.</summary>
    public static readonly MessageKind Kind = MessageKind.Of(ActorId.Tracker, 5);

    /// <summary>The message that carries it.</summary>
    /// <returns>The message.</returns>
    public static Message ToMessage() => new(Kind);
}
