namespace KhoActors.Subsystems.Memory;

/// <summary>Flags of a vmalloc area (include/linux/vmalloc.h), as far as a caller can tell areas apart by them.</summary>
[Flags]
public enum VmallocAttributes : ulong
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>VM_ALLOC: the area was made by vmalloc.</summary>
    Alloc = 0x2,

    /// <summary>VM_MAP: pages of somebody else are mapped (vmap).</summary>
    Map = 0x4,

    /// <summary>VM_USERMAP: the area may be mapped into user space (vmalloc_user).</summary>
    UserMap = 0x8,

    /// <summary>VM_DMA_COHERENT: memory for devices.</summary>
    DmaCoherent = 0x10,

    /// <summary>VM_FLUSH_RESET_PERMS: its permissions are reset when it is freed (text of modules).</summary>
    FlushResetPermissions = 0x100,

    /// <summary>VM_ALLOW_HUGE_VMAP: it may consist of blocks larger than a page.</summary>
    AllowHugeVmap = 0x400,
}
