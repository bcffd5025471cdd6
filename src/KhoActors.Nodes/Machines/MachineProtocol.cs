using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Machines;

/// <summary>Requests to the machine: what user space asks of it, and what starts user space.</summary>
public static class MachineProtocol
{
    /// <summary>kexec_file_load of the next kernel. Result: 0, -EADDRNOTAVAIL, -EINVAL.</summary>
    public const ushort Load = 0x0001;

    /// <summary>reboot(LINUX_REBOOT_CMD_KEXEC): the jump. There is no reply: nobody is left to read it.</summary>
    public const ushort Execute = 0x0002;

    /// <summary>The boot's first message to the machine: run the initcalls, then start user space.</summary>
    public const ushort RunInitcalls = 0x0003;

    /// <summary>A plain reboot: user space gave up on kexec.</summary>
    public const ushort Reboot = 0x0004;

    /// <summary>To user space: the kernel is up.</summary>
    public const ushort StartUserSpace = 0x0401;

    /// <summary>To user space, from itself: time for the next operation.</summary>
    public const ushort NextOperation = 0x0402;

    /// <summary>A message without words.</summary>
    /// <param name="kind">One of the constants.</param>
    /// <returns>The message.</returns>
    public static Message Plain(ushort kind) => new(new MessageKind(kind));
}
