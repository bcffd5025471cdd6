using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Invariants;

/// <summary>A file, directory or link as the model knows it.</summary>
internal sealed class TmpfsModelNode
{
    public const uint TypeMask = 0xF000;

    public required ulong Number { get; init; }

    public required uint Mode { get; set; }

    public uint Links { get; set; } = 1;

    public uint Uid { get; set; }

    public uint Gid { get; set; }

    public ulong SizeBytes { get; set; }

    public uint Flags { get; set; }

    public uint DeviceNumber { get; set; }

    public string? Target { get; set; }

    /// <summary>The directory that holds this directory; the root's is itself.</summary>
    public TmpfsModelNode? Parent { get; set; }

    public SortedDictionary<string, TmpfsModelNode> Entries { get; } = new(StringComparer.Ordinal);

    public TmpfsModelContent Content { get; } = new();

    public bool IsDirectory => (Mode & TypeMask) == 0x4000;

    public bool IsRegular => (Mode & TypeMask) == 0x8000;

    public bool IsSymbolicLink => (Mode & TypeMask) == 0xA000;
}

/// <summary>
/// A mounted tmpfs as its system calls made it: the simplest file system that can be told from their results. It knows no errors: what failed
/// changed nothing.
/// </summary>
internal sealed class TmpfsModelMount
{
    private const int LimitLinksFollowed = 40;

    public required string Point { get; init; }

    /// <summary>Its KHO name; empty for a plain tmpfs.</summary>
    public required string Name { get; init; }

    public required TmpfsModelNode Root { get; init; }

    /// <summary>Whether it is unknown if some call was carried out: its answer never came.</summary>
    public bool IsDoubtful { get; set; }

    /// <summary>A file system that came over, as RAM holds it.</summary>
    public static TmpfsModelMount FromImage(string point, TmpfsImageMount image, PhysicalMemory memory)
    {
        SortedDictionary<ulong, TmpfsModelNode> nodes = [];
        foreach (TmpfsImageInode inode in image.Inodes)
        {
            TmpfsModelNode node = new()
            {
                Number = inode.Number, Mode = inode.Mode, Links = inode.Links, Uid = inode.Uid, Gid = inode.Gid, SizeBytes = inode.SizeBytes,
                Flags = inode.Flags, DeviceNumber = inode.DeviceNumber, Target = inode.Target,
            };
            nodes.Add(inode.Number, node);
            if (inode.IsRegular)
            {
                foreach ((ulong index, ulong phys, bool isUpToDate) in inode.Pages)
                {
                    if (isUpToDate)
                    {
                        node.Content.TakePage(memory, index, phys);
                    }
                }

                node.Content.Clear(node.SizeBytes, ulong.MaxValue);
            }
        }

        foreach (TmpfsImageInode inode in image.Inodes)
        {
            foreach ((string name, ulong number, _) in inode.Entries)
            {
                nodes[inode.Number].Entries.Add(name, nodes[number]);
                nodes[number].Parent = nodes[number].IsDirectory ? nodes[inode.Number] : null;
            }
        }

        TmpfsModelNode root = nodes[image.RootNumber];
        root.Parent = root;
        return new TmpfsModelMount { Point = point, Name = image.Name, Root = root };
    }

    /// <summary>What a path below the mount point names.</summary>
    /// <param name="path">The path behind the mount point, with or without slashes at its ends.</param>
    /// <param name="followLast">Whether a symbolic link at its end is followed.</param>
    /// <returns>The node, or null when there is none here.</returns>
    public TmpfsModelNode? Find(string path, bool followLast = true)
    {
        int budget = LimitLinksFollowed;
        return Walk(Root, path, followLast || path.EndsWith('/'), ref budget);
    }

    /// <summary>The directory that holds a path's last name, and that name.</summary>
    public (TmpfsModelNode? Directory, string Name) FindParent(string path)
    {
        string trimmed = path.TrimEnd('/');
        int slash = trimmed.LastIndexOf('/');
        return (Find(slash < 0 ? string.Empty : trimmed[..slash]), trimmed[(slash + 1)..]);
    }

    private TmpfsModelNode? Walk(TmpfsModelNode from, string path, bool followLast, ref int budget)
    {
        TmpfsModelNode? at = from;
        string[] names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i < names.Length && at is not null; i++)
        {
            if (names[i] == ".")
            {
                continue;
            }

            TmpfsModelNode directory = at;
            at = names[i] == ".." ? directory.Parent : directory.Entries.GetValueOrDefault(names[i]);
            if (at is { IsSymbolicLink: true } && (followLast || i < names.Length - 1))
            {
                at = --budget < 0 ? null : Follow(directory, at.Target!, ref budget);
            }
        }

        return at;
    }

    private TmpfsModelNode? Follow(TmpfsModelNode directory, string target, ref int budget)
    {
        if (!target.StartsWith('/'))
        {
            return Walk(directory, target, followLast: true, ref budget);
        }

        string[] parts = target.Split('/', 2, StringSplitOptions.RemoveEmptyEntries);
        return parts.Length != 0 && parts[0] == Point ? Walk(Root, parts.Length == 2 ? parts[1] : string.Empty, followLast: true, ref budget) : null;
    }
}
