using KhoActors.Subsystems;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Nodes.Tests.Tmpfs;

/// <summary>A file or directory of the model.</summary>
internal sealed class ModelNode
{
    public required uint Mode { get; set; }

    public ulong Number { get; init; }

    public ulong Owner { get; set; }

    public byte[] Data { get; set; } = [];

    public string? Target { get; init; }

    /// <summary>Entries in the order of their creation.</summary>
    public List<(string Name, ModelNode Node)> Entries { get; } = [];

    public bool IsDirectory => (Mode & 0xF000) == 0x4000;

    public bool IsRegular => (Mode & 0xF000) == 0x8000;
}

/// <summary>A file system as it must be: names, bytes and attributes in plain objects, changed by the same operations.</summary>
internal sealed class TmpfsModel
{
    public ModelNode Root { get; init; } = new() { Mode = 0x43FF };

    /// <summary>Names that were given: no two are the same.</summary>
    public int NamesUsed { get; set; }

    /// <summary>Every path with its directory, in a fixed order.</summary>
    public List<(string Path, ModelNode Parent, int Position)> Paths()
    {
        List<(string, ModelNode, int)> paths = [];
        Walk(string.Empty, Root, paths);
        return paths;
    }

    /// <summary>Compares with what the kernel says of a mount.</summary>
    public void AssertIs(TmpfsBench bench, string mount, string context)
    {
        foreach ((string path, ModelNode parent, int position) in Paths())
        {
            ModelNode node = parent.Entries[position].Node;
            string where = $"{context}: {mount}{path}";
            var size = bench.Call(TmpfsProtocol.Stat, mount + path, (ulong)TmpfsStatField.InodeAndSize);
            var mode = bench.Call(TmpfsProtocol.Stat, mount + path, (ulong)TmpfsStatField.ModeLinksOwner);
            Assert.True(size.Code == 0, $"{where}: {size.Code}");
            ulong bytes = node.IsDirectory ? 40 + (20 * (ulong)node.Entries.Count) : (ulong)(node.Target?.Length ?? node.Data.Length);
            Assert.True((node.Number, bytes) == (size.Value, size.Extra), $"{where}: inode {size.Value} of {size.Extra} bytes, not {node.Number} of {bytes}");
            ulong modeAndLinks = ((ulong)node.Mode << 32) | (uint)LinksOf(node);
            Assert.True((modeAndLinks, node.Owner) == (mode.Value, mode.Extra), $"{where}: mode and links {mode.Value:x}, owner {mode.Extra:x}");
            if (node.IsRegular)
            {
                (ulong read, ulong crc) = bench.Read(mount + path);
                Assert.True((read, crc) == ((ulong)node.Data.Length, Crc32.Of(node.Data)), $"{where}: content differs");
            }
        }

        AssertEntries(bench, mount, Root, context);
    }

    private int LinksOf(ModelNode node) => node.IsDirectory
        ? 2 + node.Entries.Count(entry => entry.Node.IsDirectory)
        : Paths().Count(path => path.Parent.Entries[path.Position].Node == node);

    private static void AssertEntries(TmpfsBench bench, string path, ModelNode directory, string context)
    {
        ulong position = 2;
        foreach ((string name, ModelNode node) in directory.Entries)
        {
            uint asked = bench.Ask(TmpfsProtocol.ReadDirectory, path, position);
            bench.Run();
            Assert.True(bench.TextTo(asked) == name, $"{context}: {path} has {bench.TextTo(asked)} in the place of {name}");
            position = bench.AnswerTo(asked)!.Value.Value;
            if (node.IsDirectory)
            {
                AssertEntries(bench, $"{path}/{name}", node, context);
            }
        }

        Assert.Equal(0UL, bench.Call(TmpfsProtocol.ReadDirectory, path, position).Extra);
    }

    private static void Walk(string path, ModelNode directory, List<(string, ModelNode, int)> paths)
    {
        for (int i = 0; i < directory.Entries.Count; i++)
        {
            (string name, ModelNode node) = directory.Entries[i];
            paths.Add(($"{path}/{name}", directory, i));
            if (node.IsDirectory)
            {
                Walk($"{path}/{name}", node, paths);
            }
        }
    }
}
