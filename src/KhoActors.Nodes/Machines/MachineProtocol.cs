using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Machines;

/// <summary>Requests to the machine: what user space asks of it, and what starts user space.</summary>
public static class MachineProtocol
{
    /// <summary>kexec_file_load of the next kernel. Result: 0, -EADDRNOTAVAIL, -EINVAL.</summary>
    public const ushort Load = 0x0001;

    /// <summary>
    /// reboot(LINUX_REBOOT_CMD_KEXEC): the jump. A reply comes only when it fails: -EINVAL without a loaded kernel, or the errno of a client that
    /// could not freeze.
    /// </summary>
    public const ushort Execute = 0x0002;

    /// <summary>The boot's first message to the machine: run the initcalls, then start user space.</summary>
    public const ushort RunInitcalls = 0x0003;

    /// <summary>A plain reboot through the firmware. A: <see cref="RebootCause"/>. No reply.</summary>
    public const ushort Reboot = 0x0004;

    /// <summary>A line written to /dev/kmsg. A: level 0..7; text: the line. Result: 0.</summary>
    public const ushort WriteLog = 0x0005;

    /// <summary>dmesg -C. Result: 0.</summary>
    public const ushort ClearLog = 0x0006;

    /// <summary>A panic, for example by sysrq; no crash kernel gets hand-over data. Text: what it says. No reply.</summary>
    public const ushort Panic = 0x0007;

    /// <summary>An oops in the context of a process: the kernel lives on, unless <c>oops=panic</c>. Text: its first line. Result: 0.</summary>
    public const ushort Oops = 0x0008;

    /// <summary>emergency_restart(). No reply.</summary>
    public const ushort EmergencyRestart = 0x0009;

    /// <summary>Power off, and on again. No reply.</summary>
    public const ushort PowerOff = 0x000A;

    /// <summary>A kexec with KEXEC_PRESERVE_CONTEXT that comes back: the log is dumped, nothing is handed over. Result: 0.</summary>
    public const ushort JumpAndReturn = 0x000B;

    /// <summary>modprobe of a client. Text: its name. Result: what its init function returned; -ENOENT, -EEXIST.</summary>
    public const ushort InsertModule = 0x000C;

    /// <summary>rmmod of a client. Text: its name. Result: 0, -ENOENT, or -EBUSY from a client that is built in.</summary>
    public const ushort RemoveModule = 0x000D;

    /// <summary>dmesg, searched. Text: what to look for. Value: lines that contain it. -ENOENT when none does.</summary>
    public const ushort FindLog = 0x000E;

    /// <summary>To user space: the kernel is up.</summary>
    public const ushort StartUserSpace = 0x0401;

    /// <summary>To user space, from itself: time for the next operation.</summary>
    public const ushort NextOperation = 0x0402;

    /// <summary>To user space, from itself: it has waited long enough for an answer, or for the next step of a script. A: which wait.</summary>
    public const ushort LostPatience = 0x0403;

    /// <summary>To user space, from itself: time to try the kexec again that was refused.</summary>
    public const ushort TryAgain = 0x0404;

    /// <summary>A message without words.</summary>
    /// <param name="kind">One of the constants.</param>
    /// <returns>The message.</returns>
    public static Message Plain(ushort kind) => new(new MessageKind(kind));
}

/// <summary>Why user space reboots through the firmware.</summary>
public enum RebootCause
{
    /// <summary>The next kernel could not be loaded.</summary>
    LoadFailed = 0,

    /// <summary>A client refused the kexec, again and again.</summary>
    KexecRefused = 1,

    /// <summary>Somebody asked for it.</summary>
    Asked = 2,
}
