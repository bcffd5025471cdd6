using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Clients;

/// <summary>
/// What the kernel asks of every client, each answered with a <see cref="KernelResult"/>. The kind of a message to a client has the client's
/// actor number in its high byte; numbers from <see cref="FirstOwn"/> on are the client's own. Numbers are part of digests and histories.
/// </summary>
public static class ClientProtocol
{
    /// <summary>module_init. Result: 0, or the errno with which it failed, everything it did undone.</summary>
    public const byte Init = 0x01;

    /// <summary>A kexec begins: what is to be handed over must not change any more. Result: 0, or the errno that aborts the kexec.</summary>
    public const byte Freeze = 0x02;

    /// <summary>The kexec that <see cref="Freeze"/> announced was given up. Result: 0.</summary>
    public const byte Thaw = 0x03;

    /// <summary>The kernel dumps its log; see <see cref="Clients.KmsgDump"/>. Result: 0.</summary>
    public const byte KmsgDump = 0x04;

    /// <summary>module_exit. Result: 0; -EBUSY from a client that cannot be removed, because it is built in or in use.</summary>
    public const byte Exit = 0x05;

    /// <summary>First number of a client's own requests; the last is 0x7F.</summary>
    public const byte FirstOwn = 0x10;

    /// <summary>The number of a request, without its receiver and without the reply bit.</summary>
    /// <param name="kind">A kind.</param>
    /// <returns>1..127.</returns>
    public static byte NumberOf(MessageKind kind) => (byte)(kind.Value & 0x7F);

    /// <summary>A request without words.</summary>
    /// <param name="client">The client.</param>
    /// <param name="number">One of the constants, or the client's own.</param>
    /// <returns>The message.</returns>
    public static Message Plain(ActorId client, byte number) => new(MessageKind.Of(client, number));
}

/// <summary>Why the kernel dumps its log (include/linux/kmsg_dump.h).</summary>
public enum KmsgDumpReason
{
    /// <summary>KMSG_DUMP_UNDEF.</summary>
    Undefined = 0,

    /// <summary>KMSG_DUMP_PANIC: panic().</summary>
    Panic = 1,

    /// <summary>KMSG_DUMP_OOPS: the end of an oops.</summary>
    Oops = 2,

    /// <summary>KMSG_DUMP_EMERG: emergency_restart().</summary>
    Emergency = 3,

    /// <summary>KMSG_DUMP_SHUTDOWN: restart, halt, power-off, and the last moment before a kexec.</summary>
    Shutdown = 4,
}

/// <summary>kmsg_dump(): the log is to be stored.</summary>
/// <param name="Reason">Why.</param>
/// <param name="MayWait">False in a context that must not wait for locks (NMI; panic and emergency never wait whatever this says).</param>
public readonly record struct KmsgDump(KmsgDumpReason Reason, bool MayWait = true)
{
    /// <summary>The message.</summary>
    /// <param name="client">Who stores it.</param>
    /// <returns>Words: reason, may wait.</returns>
    public Message ToMessage(ActorId client) => new(MessageKind.Of(client, ClientProtocol.KmsgDump), (ulong)Reason, MayWait ? 1UL : 0);

    /// <summary>Reads the message.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The request.</returns>
    public static KmsgDump From(in Message message) => new((KmsgDumpReason)message.A, message.B != 0);
}
