using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Invariants;

/// <summary>A file, directory or link as the model knows it.</summary>
internal sealed class TmpfsModelNode
{
    public const uint TypeMask = 0xF000;

    private Dictionary<string, TmpfsModelNode>? _entries;
    private TmpfsModelContent? _content;

    /// <summary>Its inode number; 0 when no answer told it.</summary>
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

    /// <summary>A directory's entries. They are only looked up: their order means nothing.</summary>
    public Dictionary<string, TmpfsModelNode> Entries => _entries ??= new Dictionary<string, TmpfsModelNode>(StringComparer.Ordinal);

    public TmpfsModelContent Content => _content ??= new TmpfsModelContent();

    public bool IsDirectory => (Mode & TypeMask) == 0x4000;

    public bool IsRegular => (Mode & TypeMask) == 0x8000;

    public bool IsSymbolicLink => (Mode & TypeMask) == 0xA000;

    public bool IsDevice => (Mode & TypeMask) is 0x2000 or 0x6000;

    /// <summary>Looks a name up.</summary>
    /// <returns>What it names, or null; always null in what is no directory.</returns>
    public TmpfsModelNode? Find(ReadOnlySpan<char> name) =>
        _entries is not null && _entries.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out TmpfsModelNode? found) ? found : null;
}

/// <summary>
/// A mounted tmpfs as its system calls made it: the simplest file system that can be told from their results. It knows no errors: what failed
/// changed nothing.
/// </summary>
internal sealed class TmpfsModelMount
{
    public required string Point { get; init; }

    /// <summary>Its KHO name; empty for a plain tmpfs.</summary>
    public required string Name { get; init; }

    public required TmpfsModelNode Root { get; init; }

    /// <summary>Whether mode and owner of the root are known: options of the mount may set them.</summary>
    public required bool IsRootKnown { get; init; }

    /// <summary>Whether it is unknown if some call was carried out: its answer never came.</summary>
    public bool IsDoubtful { get; set; }

    /// <summary>A file system that came over, as RAM holds it.</summary>
    /// <param name="point">Where it is mounted.</param>
    /// <param name="image">What came over.</param>
    /// <param name="memory">RAM.</param>
    /// <returns>The file system.</returns>
    public static TmpfsModelMount FromImage(string point, TmpfsImageMount image, PhysicalMemory memory)
    {
        TmpfsModelNode[] nodes = [.. image.Inodes.Select(inode => NodeOf(inode, memory))];
        for (int i = 0; i < nodes.Length; i++)
        {
            foreach ((string name, ulong number, _) in image.Inodes[i].Entries)
            {
                TmpfsModelNode child = nodes[image.IndexOf(number)];
                nodes[i].Entries[name] = child;
                child.Parent = child.IsDirectory ? nodes[i] : null;
            }
        }

        TmpfsModelNode root = nodes[image.IndexOf(image.RootNumber)];
        root.Parent = root;
        return new TmpfsModelMount { Point = point, Name = image.Name, Root = root, IsRootKnown = true };
    }

    private static TmpfsModelNode NodeOf(TmpfsImageInode inode, PhysicalMemory memory)
    {
        TmpfsModelNode node = new()
        {
            Number = inode.Number, Mode = inode.Mode, Links = inode.Links, Uid = inode.Uid, Gid = inode.Gid, SizeBytes = inode.SizeBytes,
            Flags = inode.Flags, DeviceNumber = inode.DeviceNumber, Target = inode.Target,
        };
        if (inode.IsRegular)
        {
            foreach ((ulong index, ulong phys, bool isUpToDate) in inode.Pages)
            {
                ulong start = index << PageGeometry.Shift;
                if (isUpToDate && start < node.SizeBytes)
                {
                    node.Content.TakePage(memory, index, phys, (int)Math.Min(PageGeometry.SizeBytes, node.SizeBytes - start));
                }
            }

            node.Content.Clear(node.SizeBytes, ulong.MaxValue);
        }

        return node;
    }
}
