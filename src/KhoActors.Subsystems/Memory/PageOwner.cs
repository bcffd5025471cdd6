using System.Globalization;

namespace KhoActors.Subsystems.Memory;

/// <summary>Who may write a page and who must free it.</summary>
/// <param name="Value">0 is free; below <see cref="FirstClient"/> the well-known owners; the rest belongs to registered clients.</param>
public readonly record struct PageOwner(byte Value)
{
    /// <summary>The first value that a registered client (pstore, tmpfs, one's own) may have.</summary>
    public const byte FirstClient = 16;

    /// <summary>Nobody: the page is free.</summary>
    public static PageOwner Free => default;

    /// <summary>The kernel itself: text, page tables, anything without an actor of its own.</summary>
    public static PageOwner Kernel => new(1);

    /// <summary>Memblock: everything reserved at boot that the page allocator never got.</summary>
    public static PageOwner Memblock => new(2);

    /// <summary>The KHO core: root FDT, metadata, vmalloc chunks.</summary>
    public static PageOwner Kho => new(3);

    /// <summary>The tracker: pages of its tree or bitmaps.</summary>
    public static PageOwner Tracker => new(4);

    /// <summary>User space.</summary>
    public static PageOwner Workload => new(5);

    /// <summary>A registered client.</summary>
    /// <param name="index">Its number, 0..239.</param>
    /// <returns>The owner.</returns>
    public static PageOwner Client(int index) => new(checked((byte)(FirstClient + index)));

    /// <summary>The name used in messages.</summary>
    /// <returns>"free", "kernel", ... or "client 3".</returns>
    public override string ToString() => Value switch
    {
        0 => "free",
        1 => "kernel",
        2 => "memblock",
        3 => "kho",
        4 => "tracker",
        5 => "workload",
        < FirstClient => string.Create(CultureInfo.InvariantCulture, $"owner {Value}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"client {Value - FirstClient}"),
    };
}
