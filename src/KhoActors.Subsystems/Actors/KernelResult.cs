namespace KhoActors.Subsystems.Actors;

/// <summary>The answer to a request to a part of the kernel: its return value and up to two values it yields.</summary>
/// <param name="Code">0, a positive result where the request says so, or a negative errno.</param>
/// <param name="Value">First value, for example a physical address.</param>
/// <param name="Extra">Second value, for example a size in bytes.</param>
public readonly record struct KernelResult(int Code, ulong Value = 0, ulong Extra = 0)
{
    /// <summary>Whether the request was carried out.</summary>
    public bool Succeeded => Code >= 0;

    /// <summary>The reply message to a request.</summary>
    /// <param name="request">The request's kind.</param>
    /// <returns>The message.</returns>
    public Message ToReply(MessageKind request) => new(request.Reply, (ulong)(long)Code, Value, Extra);

    /// <summary>Reads a reply.</summary>
    /// <param name="message">A message that <see cref="ToReply"/> made.</param>
    /// <returns>The result.</returns>
    public static KernelResult From(in Message message) => new((int)(long)message.A, message.B, message.C);
}
