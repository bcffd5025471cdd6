namespace KhoActors.Subsystems.Actors;

/// <summary>
/// Who an actor is inside its machine: a small number, the same in every host and every generation.
/// </summary>
/// <param name="Value">0..63; 0 is the machine itself.</param>
public readonly record struct ActorId(byte Value)
{
    /// <summary>The machine: boot, load, kexec, panic, supervision.</summary>
    public static readonly ActorId Machine = new(0);

    /// <summary>Early memory and the page allocator.</summary>
    public static readonly ActorId Memblock = new(1);

    /// <summary>KHO core.</summary>
    public static readonly ActorId Kho = new(2);

    /// <summary>The preserved-memory tracker.</summary>
    public static readonly ActorId Tracker = new(3);

    /// <summary>User space.</summary>
    public static readonly ActorId Workload = new(4);

    /// <summary>First number for clients (pstore, tmpfs, a user's own).</summary>
    public const byte FirstClient = 8;
}

/// <summary>What a message asks or tells: the protocol's actor in the high byte, the message in the low one; bit 7 of the low byte marks a reply.</summary>
/// <param name="Value">The number; part of digests and histories, so it never changes once released.</param>
public readonly record struct MessageKind(ushort Value)
{
    /// <summary>Bit that marks the reply to a request.</summary>
    public const ushort ReplyBit = 0x80;

    /// <summary>Makes a kind.</summary>
    /// <param name="protocol">The actor that receives the request.</param>
    /// <param name="number">1..127.</param>
    /// <returns>The kind.</returns>
    public static MessageKind Of(ActorId protocol, byte number) => new((ushort)((protocol.Value << 8) | number));

    /// <summary>The kind of the reply to this request.</summary>
    public MessageKind Reply => new((ushort)(Value | ReplyBit));

    /// <summary>Whether it is a reply.</summary>
    public bool IsReply => (Value & ReplyBit) != 0;

    /// <summary>The number in hexadecimal. A record's own text would print <see cref="Reply"/>, whose text prints its reply, without end.</summary>
    /// <returns>For example <c>0x0201</c>.</returns>
    public override string ToString() => $"0x{Value:x4}";
}

/// <summary>
/// An immutable message: a kind, four words and, rarely, a text. Protocols give it meaning through typed records beside their actor.
/// Fixed in size so that a mailbox is an array and a delivery allocates nothing.
/// </summary>
/// <param name="Kind">What it asks or tells.</param>
/// <param name="A">First word.</param>
/// <param name="B">Second word.</param>
/// <param name="C">Third word.</param>
/// <param name="D">Fourth word.</param>
/// <param name="Text">A text, or null.</param>
public readonly record struct Message(MessageKind Kind, ulong A = 0, ulong B = 0, ulong C = 0, ulong D = 0, string? Text = null);

/// <summary>A message on its way, or received.</summary>
/// <param name="From">The sender.</param>
/// <param name="To">The receiver.</param>
/// <param name="Correlation">Chosen by the asker and copied into the reply; 0 for messages that want none.</param>
/// <param name="Message">The message.</param>
public readonly record struct Delivery(ActorId From, ActorId To, uint Correlation, Message Message);
