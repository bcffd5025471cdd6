using System.Buffers.Binary;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Nodes.Tests.Tmpfs;

/// <summary>Random work on one mount and the same work on its model. Every operation is chosen so that it succeeds.</summary>
internal sealed class TmpfsWorkload(TmpfsBench bench, string mount, TmpfsModel model, Func<ulong, ulong> below)
{
    public void Do()
    {
        List<(string Path, ModelNode Parent, int Position)> paths = model.Paths();
        (string Path, ModelNode Node)[] directories = [(string.Empty, model.Root), .. paths.Select(NodeAt).Where(path => path.Node.IsDirectory)];
        (string Path, ModelNode Node)[] files = [.. paths.Select(NodeAt).Where(path => path.Node.IsRegular)];
        (string directoryPath, ModelNode directory) = directories[below((ulong)directories.Length)];
        string name = $"{"name"[..(int)(1 + below(4))]}-{model.NamesUsed++}";
        string path = $"{directoryPath}/{name}";
        switch (below(12))
        {
            case 0:
                Add(directory, name, Call(TmpfsProtocol.MakeDirectory, path, 0x1ED), 0x41ED);
                break;
            case 1:
                Add(directory, name, Call(TmpfsProtocol.MakeNode, path, 0x1180), 0x1180);
                break;
            case 2:
                string target = new('t', (int)(1 + below(300)));
                ulong number = Call(TmpfsProtocol.SymbolicLink, $"{target}\0{mount}{path}", absolute: true);
                directory.Entries.Add((name, new ModelNode { Mode = 0xA1FF, Number = number, Target = target }));
                break;
            case 3 when files.Length != 0:
                Link(files[below((ulong)files.Length)], directory, name, path);
                break;
            case 4 when paths.Count != 0:
                Remove(paths[(int)below((ulong)paths.Count)]);
                break;
            case 5 when paths.Count != 0:
                Rename(paths[(int)below((ulong)paths.Count)], directoryPath, directory, name);
                break;
            case 6 or 7 or 8 when files.Length != 0:
                Write(files[below((ulong)files.Length)]);
                break;
            case 9 when files.Length != 0:
                Resize(files[below((ulong)files.Length)]);
                break;
            case 10 when files.Length != 0:
                ChangeAttributes(files[below((ulong)files.Length)]);
                break;
            default:
                Add(directory, name, Call(TmpfsProtocol.Create, path, 0x1A4), 0x81A4);
                break;
        }
    }

    private static (string Path, ModelNode Node) NodeAt((string Path, ModelNode Parent, int Position) at) => (at.Path, at.Parent.Entries[at.Position].Node);

    private static void Add(ModelNode directory, string name, ulong number, uint mode) =>
        directory.Entries.Add((name, new ModelNode { Mode = mode, Number = number }));

    private ulong Call(byte number, string path, ulong a = 0, ulong b = 0, ulong c = 0, bool absolute = false)
    {
        var result = bench.Call(number, absolute ? path : mount + path, a, b, c);
        Assert.True(result.Code == 0, $"request 0x{number:x2} {path.Replace('\0', ' ')}: {result.Code}");
        return result.Value;
    }

    private void Link((string Path, ModelNode Node) file, ModelNode directory, string name, string path)
    {
        Call(TmpfsProtocol.Link, $"{mount}{file.Path}\0{mount}{path}", absolute: true);
        directory.Entries.Add((name, file.Node));
    }

    private void Remove((string Path, ModelNode Parent, int Position) at)
    {
        ModelNode node = NodeAt(at).Node;
        if (node.Entries.Count == 0)
        {
            Call(node.IsDirectory ? TmpfsProtocol.RemoveDirectory : TmpfsProtocol.Unlink, at.Path);
            at.Parent.Entries.RemoveAt(at.Position);
        }
    }

    private void Rename((string Path, ModelNode Parent, int Position) at, string directoryPath, ModelNode directory, string name)
    {
        if (!$"{directoryPath}/".StartsWith($"{at.Path}/", StringComparison.Ordinal))
        {
            Call(TmpfsProtocol.Rename, $"{mount}{at.Path}\0{mount}{directoryPath}/{name}", absolute: true);
            ModelNode node = NodeAt(at).Node;
            at.Parent.Entries.RemoveAt(at.Position);
            directory.Entries.Add((name, node));
        }
    }

    private void Write((string Path, ModelNode Node) file)
    {
        ulong seed = below(1000), offset = below(20_000), bytes = 1 + below(9000);
        Assert.Equal(bytes, Call(TmpfsProtocol.Write, file.Path, offset, bytes, seed));
        Grow(file.Node, offset + bytes);
        PagePattern pattern = new(seed, 0);
        Span<byte> word = stackalloc byte[8];
        for (ulong at = offset; at < offset + bytes; at++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(word, pattern.WordAt(at >> 12, (int)(at >> 3) & 511));
            file.Node.Data[at] = word[(int)(at & 7)];
        }
    }

    private void Resize((string Path, ModelNode Node) file)
    {
        ulong size = below(30_000);
        if (below(3) == 0)
        {
            Call(TmpfsProtocol.Allocate, file.Path, 0, size, 1 + below(9000));
            size = Math.Max((ulong)file.Node.Data.Length, bench.Call(TmpfsProtocol.Stat, mount + file.Path).Extra);
            Grow(file.Node, size);
            return;
        }

        Call(TmpfsProtocol.Truncate, file.Path, size);
        byte[] data = file.Node.Data;
        Array.Resize(ref data, (int)size);
        file.Node.Data = data;
    }

    private void ChangeAttributes((string Path, ModelNode Node) file)
    {
        uint mode = (uint)below(512);
        Call(TmpfsProtocol.ChangeMode, file.Path, mode);
        ulong owner = (below(9) << 32) | below(9);
        Call(TmpfsProtocol.ChangeOwner, file.Path, b: owner);
        (file.Node.Mode, file.Node.Owner) = (0x8000 | mode, owner);
    }

    private static void Grow(ModelNode node, ulong size)
    {
        byte[] data = node.Data;
        Array.Resize(ref data, Math.Max(data.Length, (int)size));
        node.Data = data;
    }
}
