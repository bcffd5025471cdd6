using System.Runtime.InteropServices;

namespace KhoActors.Nodes.Invariants;

/// <summary>What an anchor of tmpfs-kho-v1 leads to, as the judge reads it.</summary>
/// <param name="Generation">The anchor's generation.</param>
/// <param name="Mounts">Its file systems in the order of their slots.</param>
internal sealed record TmpfsImage(ulong Generation, IReadOnlyList<TmpfsImageMount> Mounts)
{
    /// <summary>Finds a file system by name.</summary>
    /// <param name="name">Its KHO name.</param>
    /// <returns>The file system, or null.</returns>
    public TmpfsImageMount? Find(string name)
    {
        foreach (TmpfsImageMount mount in Mounts)
        {
            if (mount.Name == name)
            {
                return mount;
            }
        }

        return null;
    }
}

/// <summary>One file system of an image.</summary>
internal sealed class TmpfsImageMount
{
    /// <summary>Its KHO name.</summary>
    public required string Name { get; init; }

    /// <summary>How many kernels carried it on without mounting it.</summary>
    public required uint Carried { get; init; }

    /// <summary>Limit of blocks, 0 for none.</summary>
    public required ulong MaxBlocks { get; init; }

    /// <summary>Limit of inodes, 0 for none.</summary>
    public required ulong MaxInodes { get; init; }

    /// <summary>Its pages in ascending order of address: super page, metadata and data.</summary>
    public List<ulong> Pages { get; } = [];

    /// <summary>Its super page.</summary>
    public required ulong SuperPhys { get; init; }

    /// <summary>Number of the root's inode.</summary>
    public required ulong RootNumber { get; init; }

    /// <summary>Inodes in ascending number.</summary>
    public List<TmpfsImageInode> Inodes { get; } = [];

    /// <summary>Finds an inode.</summary>
    /// <param name="number">Its number.</param>
    /// <returns>The inode, or null.</returns>
    public TmpfsImageInode? Find(ulong number) => IndexOf(number) is >= 0 and int at ? Inodes[at] : null;

    /// <summary>Finds an inode's place in <see cref="Inodes"/>.</summary>
    /// <param name="number">Its number.</param>
    /// <returns>The place, or -1.</returns>
    public int IndexOf(ulong number)
    {
        int low = 0;
        int high = Inodes.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (Inodes[middle].Number == number)
            {
                return middle;
            }

            (low, high) = Inodes[middle].Number < number ? (middle + 1, high) : (low, middle - 1);
        }

        return -1;
    }
}

/// <summary>One inode of an image.</summary>
internal sealed class TmpfsImageInode
{
    private List<(string Name, ulong Number, byte Type)>? _entries;
    private List<(ulong Index, ulong Phys, bool IsUpToDate)>? _pages;

    public required ulong Number { get; init; }

    public required uint Mode { get; init; }

    public required uint Links { get; init; }

    public required uint Uid { get; init; }

    public required uint Gid { get; init; }

    public required ulong SizeBytes { get; init; }

    public required uint Flags { get; init; }

    public required uint DeviceNumber { get; init; }

    public required ulong ParentNumber { get; init; }

    /// <summary>How many entries name it.</summary>
    public uint Names { get; set; }

    /// <summary>Target of a symbolic link, a character a byte; else null.</summary>
    public string? Target { get; set; }

    /// <summary>A directory's entries in the order of their creation.</summary>
    public ReadOnlySpan<(string Name, ulong Number, byte Type)> Entries => CollectionsMarshal.AsSpan(_entries);

    /// <summary>Pages by ascending index.</summary>
    public ReadOnlySpan<(ulong Index, ulong Phys, bool IsUpToDate)> Pages => CollectionsMarshal.AsSpan(_pages);

    public void Add(string name, ulong number, byte type) => (_entries ??= []).Add((name, number, type));

    public void Add(ulong index, ulong phys, bool isUpToDate) => (_pages ??= []).Add((index, phys, isUpToDate));

    public bool IsDirectory => (Mode & 0xF000) == 0x4000;

    public bool IsRegular => (Mode & 0xF000) == 0x8000;

    public bool IsSymbolicLink => (Mode & 0xF000) == 0xA000;
}
