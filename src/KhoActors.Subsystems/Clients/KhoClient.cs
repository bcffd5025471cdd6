using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Clients;

/// <summary>When a client's init function runs; the kernel's initcall levels (include/linux/init.h). KHO is ready from <see cref="Device"/> on.</summary>
public enum InitcallLevel
{
    /// <summary>fs_initcall: right behind kho_init.</summary>
    Fs = 5,

    /// <summary>device_initcall: module_init of what is built in.</summary>
    Device = 6,

    /// <summary>late_initcall: behind reserve_mem_init.</summary>
    Late = 7,
}

/// <summary>What a kernel calls its clients for, beside their init functions.</summary>
[Flags]
public enum ClientHooks
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>
    /// <see cref="ClientProtocol.Freeze"/> at the place of the live-update reboot hook, before reboot notifiers, and
    /// <see cref="ClientProtocol.Thaw"/> when the kexec is given up.
    /// </summary>
    Freeze = 1,

    /// <summary><see cref="ClientProtocol.KmsgDump"/> when the kernel dumps its log (kernel/printk/printk.c).</summary>
    KmsgDump = 2,
}

/// <summary>
/// A client of KHO: a part of a simulated kernel that preserves memory, and what user space does with it. One of these is all that the
/// laboratory needs to know; a kernel file or a scenario switches it on by name.
/// </summary>
public sealed record KhoClient
{
    /// <summary>Name in kernel files and scenarios: lower-case letters, digits, dashes and underscores.</summary>
    public required string Name { get; init; }

    /// <summary>One line that says what it is.</summary>
    public required string Summary { get; init; }

    /// <summary>
    /// Its actor number, part of digests and histories: 8 to 15 for the clients that come with the laboratory, 16 to 63 for others. Two clients
    /// of one kernel must differ in it; variants of one client share it.
    /// </summary>
    public required ActorId Actor { get; init; }

    /// <summary>When its <see cref="ClientProtocol.Init"/> is sent.</summary>
    public InitcallLevel Level { get; init; } = InitcallLevel.Device;

    /// <summary>What else it is called for.</summary>
    public ClientHooks Hooks { get; init; }

    /// <summary>Makes the actor for one kernel generation. It has no state but what it finds in RAM.</summary>
    public required Func<ClientKernel, IActor> Create { get; init; }

    /// <summary>Makes what user space runs for it in one kernel generation, or null when user space has nothing to do with it.</summary>
    public Func<IUserProgram>? UserProgram { get; init; }
}

/// <summary>
/// Names the clients of an assembly outside the laboratory: <c>[assembly: KhoClients(typeof(MyClient))]</c>. The type has a public static
/// property <c>Client</c> of type <see cref="KhoClient"/>.
/// </summary>
/// <param name="types">The types, one for each client.</param>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class KhoClientsAttribute(params Type[] types) : Attribute
{
    /// <summary>Name of the property that each type has.</summary>
    public const string PropertyName = "Client";

    /// <summary>The types, one for each client.</summary>
    public IReadOnlyList<Type> Types => types;
}
