namespace KhoActors.Subsystems.Memblock;

/// <summary>Attributes of a memblock region (include/linux/memblock.h, enum memblock_flags).</summary>
[Flags]
public enum MemblockAttributes
{
    /// <summary>No attribute.</summary>
    None = 0,

    /// <summary>Memory that may be unplugged.</summary>
    Hotplug = 0x1,

    /// <summary>Mirrored memory.</summary>
    Mirror = 0x2,

    /// <summary>Memory outside the kernel's direct mapping; never allocated from.</summary>
    NoMap = 0x4,

    /// <summary>Memory added by a driver; never allocated from.</summary>
    DriverManaged = 0x8,

    /// <summary>Reserved, and its pages are not initialised as reserved: preserved memory on a KHO boot.</summary>
    ReservedNoInit = 0x10,

    /// <summary>Reserved by the kernel for itself: what scaled scratch sizes count.</summary>
    ReservedKernel = 0x20,

    /// <summary>Scratch: the only memory that may be allocated from before preserved memory is known.</summary>
    KhoScratch = 0x40,
}
