namespace KhoActors.Subsystems.Memblock;

/// <summary>What the KHO core does inside the early boot of a kernel that was started by kexec, in call order.</summary>
public interface IKhoEarlyHooks
{
    /// <summary>
    /// While setup data is parsed, before options are (kho_populate): checks the hand-off and, if it holds, takes over the scratch array
    /// with <see cref="ScratchAreas.TakeOver"/>.
    /// </summary>
    /// <param name="early">Memory so far: the kernel image and the setup data are reserved, no RAM is known yet.</param>
    /// <param name="log">The kernel's log.</param>
    void Populate(EarlyMemory early, KernelLog log);

    /// <summary>After NUMA set-up (kho_memory_init_early): extends scratch where the build does.</summary>
    /// <param name="early">Memory so far, node data included.</param>
    /// <param name="log">The kernel's log.</param>
    void MemoryInitEarly(EarlyMemory early, KernelLog log);

    /// <summary>The sub-trees for <c>reserve_mem=</c>, or null on a boot without hand-off.</summary>
    /// <param name="early">Memory so far.</param>
    /// <returns>Them, or null.</returns>
    IIncomingSubtrees? Subtrees(EarlyMemory early);

    /// <summary>Just before the page allocator starts, on a KHO boot (kho_memory_init): reserves what was preserved.</summary>
    /// <param name="early">Memory so far.</param>
    /// <param name="log">The kernel's log.</param>
    void ReservePreserved(EarlyMemory early, KernelLog log);
}
