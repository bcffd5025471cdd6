using System.Text;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Nodes.Invariants;

/// <summary>
/// Keeps the model's file systems from the results of system calls, in the order in which tmpfs carried them out, and judges every answer that it can
/// predict: content, sizes, links, targets (T6), and the image at the jump (T6, T7).
/// </summary>
/// <param name="report">Receives violations: invariant, detail.</param>
internal sealed class TmpfsModelCalls(Action<string, string> report)
{
    private const string DescriptorPrefix = "fd:";
    private const ulong PunchHole = 2;
    private const ulong KeepSize = 1;
    private const ulong Exchange = 2;
    private const ulong Whiteout = 4;
    private readonly List<TmpfsModelMount> _mounts = [];
    private readonly SortedDictionary<ulong, (TmpfsModelNode Node, TmpfsModelMount Mount)> _open = [];
    private readonly SortedSet<string> _taken = new(StringComparer.Ordinal);
    private readonly ICSharpCode.SharpZipLib.Checksum.Crc32 _crc = new();
    private PhysicalMemory _memory = null!;

    /// <summary>The KHO name that a mount asks for; empty for a plain tmpfs.</summary>
    public static string NameOf(in Message mount)
    {
        foreach (string option in Second(mount.Text!).Split(','))
        {
            if (option.StartsWith("kho=", StringComparison.Ordinal))
            {
                return option[4..];
            }
        }

        return string.Empty;
    }

    /// <summary>A kernel has booted: nothing is mounted.</summary>
    public void Begin(PhysicalMemory memory)
    {
        _memory = memory;
        _mounts.Clear();
        _open.Clear();
        _taken.Clear();
    }

    /// <summary>Whether a handed-over file system was mounted, or dropped, in this kernel.</summary>
    public bool WasTaken(string name) => _taken.Contains(name);

    /// <summary>A mount succeeded.</summary>
    /// <param name="request">The request.</param>
    /// <param name="image">What came over, or null for a new file system.</param>
    public void Mounted(in Message request, TmpfsImageMount? image)
    {
        string point = First(request.Text!).Trim('/');
        string name = NameOf(request);
        if (name.Length != 0)
        {
            _taken.Add(name);
        }

        if (image is not null)
        {
            _mounts.Add(TmpfsModelMount.FromImage(point, image, _memory));
            return;
        }

        TmpfsModelNode root = new() { Number = 0, Mode = 0x4000, Links = 2 };
        root.Parent = root;
        _mounts.Add(new TmpfsModelMount { Point = point, Name = name, Root = root });
    }

    /// <summary>A request that was never answered: nobody knows whether it was carried out.</summary>
    public void NeverAnswered(in Message request)
    {
        if (request.Text is { } text && request.Kind.Value >> 8 == TmpfsProtocol.Actor.Value
            && ClientProtocol.NumberOf(request.Kind) >= ClientProtocol.FirstOwn && MountOf(First(text), out _) is { } mount)
        {
            mount.IsDoubtful = true;
        }
        else if (request.Text is { } descriptor && descriptor.StartsWith(DescriptorPrefix, StringComparison.Ordinal))
        {
            _mounts.ForEach(static each => each.IsDoubtful = true);
        }
    }

    /// <summary>Any other system call returned.</summary>
    public void Answered(in Message request, in Message reply, KernelResult result)
    {
        if (!result.Succeeded || request.Text is not { } text)
        {
            return;
        }

        string path = First(text);
        byte number = ClientProtocol.NumberOf(request.Kind);
        switch (number)
        {
            case TmpfsProtocol.Unmount:
                _mounts.RemoveAll(mount => mount.Point == path.Trim('/'));
                return;
            case TmpfsProtocol.Discard:
                _taken.Add(text);
                return;
            case TmpfsProtocol.SymbolicLink:
                Made(Second(text), request, result, 0xA1FF, path);
                return;
            case TmpfsProtocol.Create:
                Made(path, request, result, 0x8000 | ((uint)request.A & 0xFFF));
                return;
            case TmpfsProtocol.MakeDirectory:
                Made(path, request, result, 0x4000 | ((uint)request.A & 0xFFF));
                return;
            case TmpfsProtocol.MakeNode:
                Made(path, request, result, (uint)request.A);
                return;
            case TmpfsProtocol.Link:
                Linked(path, Second(text));
                return;
            case TmpfsProtocol.Unlink or TmpfsProtocol.RemoveDirectory:
                Removed(path);
                return;
            case TmpfsProtocol.Rename:
                Renamed(path, Second(text), request.A);
                return;
            case TmpfsProtocol.Close:
                _open.Remove(DescriptorOf(path));
                return;
        }

        if (Find(path, number is not TmpfsProtocol.Stat and not TmpfsProtocol.ReadLink, out TmpfsModelMount? mount) is { } node)
        {
            OnNode(number, node, mount!, request, reply, result);
        }
    }

    /// <summary>What is handed over, against the model.</summary>
    public void JudgeImage(TmpfsImage image)
    {
        foreach (TmpfsModelMount mount in _mounts)
        {
            if (mount.Name.Length == 0 || mount.IsDoubtful)
            {
                continue;
            }

            if (image.Find(mount.Name) is { } written)
            {
                new TmpfsImageJudge(_memory, written, report).Judge(mount);
            }
            else
            {
                report(InvariantCatalog.TmpfsContent, $"'{mount.Name}' is mounted and not handed over");
            }
        }
    }

    private void OnNode(byte number, TmpfsModelNode node, TmpfsModelMount mount, in Message request, in Message reply, KernelResult result)
    {
        switch (number)
        {
            case TmpfsProtocol.Write or TmpfsProtocol.MapWrite:
                Wrote(node, request.A, number == TmpfsProtocol.Write ? result.Value : request.B, request.C, grows: number == TmpfsProtocol.Write);
                break;
            case TmpfsProtocol.WriteText:
                byte[] bytes = Encoding.Latin1.GetBytes(Second(request.Text!));
                ulong start = (node.Flags & 0x20) != 0 ? node.SizeBytes : request.A;
                node.Content.WriteBytes(start, bytes[..(int)result.Value]);
                node.SizeBytes = Math.Max(node.SizeBytes, start + result.Value);
                break;
            case TmpfsProtocol.Truncate:
                node.Content.Clear(Math.Min(node.SizeBytes, request.A), request.A < node.SizeBytes ? ulong.MaxValue : node.SizeBytes);
                node.SizeBytes = request.A;
                break;
            case TmpfsProtocol.Allocate:
                AllocatedRange(node, request);
                break;
            case TmpfsProtocol.ChangeMode:
                node.Mode = (node.Mode & TmpfsModelNode.TypeMask) | ((uint)request.A & 0xFFF);
                break;
            case TmpfsProtocol.ChangeOwner:
                node.Uid = (uint)(request.B >> 32) == uint.MaxValue ? node.Uid : (uint)(request.B >> 32);
                node.Gid = (uint)request.B == uint.MaxValue ? node.Gid : (uint)request.B;
                break;
            case TmpfsProtocol.SetFlags:
                node.Flags = (uint)request.A;
                break;
            case TmpfsProtocol.Open:
                _open[result.Value] = (node, mount);
                break;
            case TmpfsProtocol.Read when !mount.IsDoubtful:
                JudgeRead(node, request, result);
                break;
            case TmpfsProtocol.Stat when !mount.IsDoubtful:
                JudgeStat(node, request, result);
                break;
            case TmpfsProtocol.ReadLink when reply.Text != node.Target:
                report(InvariantCatalog.TmpfsContent, $"{request.Text}: the link leads to '{reply.Text}', expected '{node.Target}'");
                break;
        }
    }

    private static void Wrote(TmpfsModelNode node, ulong offset, ulong bytes, ulong seed, bool grows)
    {
        ulong start = grows && (node.Flags & 0x20) != 0 ? node.SizeBytes : offset;
        ulong end = start + bytes;
        ulong inside = grows ? end : Math.Min(end, node.SizeBytes);
        node.Content.WritePattern(start, Math.Max(start, inside), seed);
        if (!grows && end > inside)
        {
            node.Content.Forget(Math.Max(start, inside), end);
        }

        node.SizeBytes = grows && bytes != 0 ? Math.Max(node.SizeBytes, end) : node.SizeBytes;
    }

    private static void AllocatedRange(TmpfsModelNode node, in Message request)
    {
        ulong end = request.B + request.C;
        if ((request.A & PunchHole) != 0)
        {
            node.Content.Clear(request.B, end);
        }
        else if ((request.A & KeepSize) == 0)
        {
            node.SizeBytes = Math.Max(node.SizeBytes, end);
        }
    }

    private void JudgeRead(TmpfsModelNode node, in Message request, KernelResult result)
    {
        ulong expected = request.A >= node.SizeBytes ? 0 : Math.Min(request.B, node.SizeBytes - request.A);
        byte[] content = new byte[expected];
        bool isKnown = node.Content.Read(request.A, content);
        _crc.Reset();
        _crc.Update(content);
        if (result.Value != expected || (isKnown && (uint)result.Extra != (uint)_crc.Value))
        {
            report(
                InvariantCatalog.TmpfsContent,
                $"{request.Text}: {expected} bytes at {request.A} with checksum {_crc.Value:x8} were expected, {result.Value} with {result.Extra:x8} were read");
        }
    }

    private void JudgeStat(TmpfsModelNode node, in Message request, KernelResult result)
    {
        (ulong Value, ulong Extra)? expected = (TmpfsStatField)request.A switch
        {
            TmpfsStatField.InodeAndSize when node.Number != 0 && !node.IsDirectory => (node.Number, node.SizeBytes),
            TmpfsStatField.ModeLinksOwner when node.Number != 0 => (((ulong)node.Mode << 32) | node.Links, ((ulong)node.Uid << 32) | node.Gid),
            _ => null,
        };
        if (expected is { } known && known != (result.Value, result.Extra))
        {
            report(InvariantCatalog.TmpfsContent, $"stat {request.A} of {request.Text}: expected {known}, found {(result.Value, result.Extra)}");
        }
    }

    private void Made(string path, in Message request, KernelResult result, uint mode, string? target = null)
    {
        if (MountOf(path, out string rest) is not { } mount || mount.FindParent(rest) is not ({ } directory, var name))
        {
            return;
        }

        TmpfsModelNode node = new()
        {
            Number = result.Value, Mode = mode, Uid = (uint)(request.B >> 32), Gid = (uint)request.B, Target = target,
            SizeBytes = (ulong)(target?.Length ?? 0), DeviceNumber = (uint)request.C,
        };
        if (node.IsDirectory)
        {
            node.Links = 2;
            node.Parent = directory;
            directory.Links++;
        }

        directory.Entries[name] = node;
    }

    private void Linked(string oldPath, string newPath)
    {
        TmpfsModelNode? node = Find(oldPath, followLast: false, out _);
        if (node is not null && MountOf(newPath, out string rest)?.FindParent(rest) is ({ } directory, var name))
        {
            directory.Entries[name] = node;
            node.Links++;
        }
    }

    private void Removed(string path)
    {
        if (MountOf(path, out string rest)?.FindParent(rest) is ({ } directory, var name) && directory.Entries.Remove(name, out TmpfsModelNode? node))
        {
            Unlinked(directory, node);
        }
    }

    private static void Unlinked(TmpfsModelNode directory, TmpfsModelNode node)
    {
        node.Links -= node.IsDirectory ? 2u : 1;
        directory.Links -= node.IsDirectory ? 1u : 0;
    }

    private void Renamed(string oldPath, string newPath, ulong flags)
    {
        if (MountOf(oldPath, out string oldRest)?.FindParent(oldRest) is not ({ } from, var oldName)
            || MountOf(newPath, out string newRest)?.FindParent(newRest) is not ({ } to, var newName)
            || !from.Entries.TryGetValue(oldName, out TmpfsModelNode? moved))
        {
            return;
        }

        TmpfsModelNode? target = to.Entries.GetValueOrDefault(newName);
        if (ReferenceEquals(target, moved))
        {
            return;
        }

        from.Entries.Remove(oldName);
        to.Entries.Remove(newName);
        if (target is not null && (flags & Exchange) != 0)
        {
            Enter(from, oldName, target, to);
        }
        else if (target is not null)
        {
            Unlinked(to, target);
        }

        Enter(to, newName, moved, from);
        if ((flags & Whiteout) != 0)
        {
            // Its inode number is not told: 0 stands for any.
            from.Entries[oldName] = new TmpfsModelNode { Number = 0, Mode = 0x2000 };
        }
    }

    private static void Enter(TmpfsModelNode directory, string name, TmpfsModelNode node, TmpfsModelNode before)
    {
        directory.Entries[name] = node;
        if (node.IsDirectory)
        {
            node.Parent = directory;
            before.Links--;
            directory.Links++;
        }
    }

    private TmpfsModelNode? Find(string path, bool followLast, out TmpfsModelMount? mount)
    {
        if (path.StartsWith(DescriptorPrefix, StringComparison.Ordinal))
        {
            bool isOpen = _open.TryGetValue(DescriptorOf(path), out (TmpfsModelNode Node, TmpfsModelMount Mount) found);
            mount = found.Mount;
            return isOpen ? found.Node : null;
        }

        mount = MountOf(path, out string rest);
        return mount?.Find(rest, followLast);
    }

    private TmpfsModelMount? MountOf(string path, out string rest)
    {
        string[] parts = path.TrimStart('/').Split('/', 2);
        rest = parts.Length == 2 ? parts[1] : string.Empty;
        return _mounts.Find(mount => mount.Point == parts[0]);
    }

    private static ulong DescriptorOf(string path) => ulong.TryParse(path.AsSpan(DescriptorPrefix.Length), out ulong number) ? number : ulong.MaxValue;

    private static string First(string text) => text.IndexOf('\0') is >= 0 and int end ? text[..end] : text;

    private static string Second(string text) => text.IndexOf('\0') is >= 0 and int end ? text[(end + 1)..] : string.Empty;
}
