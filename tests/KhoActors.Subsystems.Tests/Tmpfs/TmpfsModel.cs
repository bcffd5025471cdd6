using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>An inode of the model: content as an array, everything that can be counted is counted when it is asked for.</summary>
internal sealed class ModelNode
{
    public required ulong Number { get; init; }

    public required uint Mode { get; set; }

    public uint Uid { get; set; }

    public uint Gid { get; set; }

    public uint Flags { get; set; }

    public uint Device { get; set; }

    public string? Target { get; set; }

    public byte[] Data { get; set; } = [];

    /// <summary>Allocated pages, and whether they were written.</summary>
    public SortedDictionary<ulong, bool> Pages { get; } = [];

    public List<(string Name, ModelNode Node)> Kids { get; } = [];

    public Dictionary<string, ulong> Attributes { get; } = [];

    public int Opened { get; set; }

    public TmpfsTime Access { get; set; }

    public TmpfsTime Modify { get; set; }

    public TmpfsTime Change { get; set; }

    public TmpfsTime Birth { get; init; }

    public bool IsDirectory => Mode >> 12 == 4;

    public bool IsFile => Mode >> 12 == 8;

    public bool IsLink => Mode >> 12 == 10;

    public bool IsLocked => (Flags & 0x30) != 0;

    public ulong Size => IsDirectory ? 40 + (20 * (ulong)Kids.Count) : IsLink ? (ulong)Target!.Length : (ulong)Data.Length;

    public ModelNode? Kid(string name) => Kids.Find(kid => kid.Name == name).Node;
}

/// <summary>A mount of the model.</summary>
internal sealed class ModelMount(string name, ulong maxBlocks, ulong maxInodes, TmpfsTime now)
{
    public string Name => name;

    public ulong MaxBlocks { get; set; } = maxBlocks;

    public ulong MaxInodes { get; set; } = maxInodes;

    public bool ReadOnly { get; set; }

    public bool Frozen { get; set; }

    public ulong NextNumber { get; set; } = 2;

    public ModelNode Root { get; } = new() { Number = 1, Mode = 0x43FF, Access = now, Modify = now, Change = now, Birth = now };

    /// <summary>Unlinked and open.</summary>
    public List<ModelNode> Orphans { get; } = [];

    public ulong UsedBlocks => (ulong)All().Sum(node => node.Pages.Count);

    public ulong UsedSpace => (ulong)All().Sum(node => 1024 + ExtraLinks(node) + node.Attributes.Sum(at => 40L + at.Key.Length + (long)at.Value));

    public bool HasInode => MaxInodes == 0 || UsedSpace + 1024 <= MaxInodes * 1024;

    public List<ModelNode> All()
    {
        List<ModelNode> all = [Root];
        for (int i = 0; i < all.Count; i++)
        {
            all.AddRange(all[i].Kids.Select(kid => kid.Node).Where(node => !all.Contains(node)).Distinct().ToList());
        }

        return [.. all, .. Orphans];
    }

    public uint Links(ModelNode node)
    {
        if (Orphans.Contains(node))
        {
            return 0;
        }

        return node.IsDirectory
            ? 2 + (uint)node.Kids.Count(kid => kid.Node.IsDirectory)
            : (uint)All().Sum(directory => directory.Kids.Count(kid => kid.Node == node));
    }

    private long ExtraLinks(ModelNode node) => node.IsDirectory ? 0 : 1024 * Math.Max(0L, (long)Links(node) - 1);

    public ModelNode ParentOf(ModelNode directory) => directory == Root ? Root : All().First(node => node.Kids.Any(kid => kid.Node == directory));

    public bool IsWithin(ModelNode directory, ModelNode above) =>
        directory == above || (directory != Root && IsWithin(ParentOf(directory), above));
}
