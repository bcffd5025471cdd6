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
internal sealed partial class TmpfsModelCalls(Action<string, string> report)
{
    private const string DescriptorPrefix = "fd:";
    private const string NameOption = "kho=";
    private const uint SetGroupId = 0x400;
    private const uint SetUserId = 0x800;
    private const uint GroupExecute = 0x8;
    private const ulong PunchHole = 2;
    private const ulong KeepSize = 1;
    private readonly List<TmpfsModelMount> _mounts = [];
    private readonly SortedDictionary<ulong, TmpfsModelPlace> _open = [];
    private readonly ICSharpCode.SharpZipLib.Checksum.Crc32 _crc = new();
    private TmpfsModelPaths _paths = null!;
    private PhysicalMemory _memory = null!;
    private byte[] _content = new byte[4096];

    /// <summary>Whether what nobody mounted is certainly carried on.</summary>
    public bool IsCarrying { get; private set; }

    /// <summary>The KHO name that a mount asks for; empty for a plain tmpfs.</summary>
    public static string NameOf(in Message mount)
    {
        string name = string.Empty;
        ReadOnlySpan<char> options = Second(mount.Text);
        foreach (Range range in options.Split(','))
        {
            if (options[range].StartsWith(NameOption, StringComparison.Ordinal))
            {
                name = options[range][NameOption.Length..].ToString();
            }
        }

        return name;
    }

    /// <summary>Whether tmpfs carries a request out when all others of this kind before it are answered; system calls are carried out at once.</summary>
    public static bool WaitsForTurn(byte number) => number is < TmpfsProtocol.Create or > TmpfsProtocol.MapWrite;

    /// <summary>A kernel has booted: nothing is mounted.</summary>
    public void Begin(PhysicalMemory memory)
    {
        _memory = memory;
        _paths ??= new TmpfsModelPaths(_mounts);
        _mounts.Clear();
        _open.Clear();
        IsCarrying = true;
    }

    /// <summary>A mount succeeded.</summary>
    /// <param name="request">The request.</param>
    /// <param name="image">What came over, or null for a new file system.</param>
    public void Mounted(in Message request, TmpfsImageMount? image)
    {
        string point = First(request.Text).Trim('/').ToString();
        if (image is not null)
        {
            _mounts.Add(TmpfsModelMount.FromImage(point, image, _memory));
            return;
        }

        string options = Second(request.Text).ToString();
        bool isRootKnown = !options.Contains("mode=", StringComparison.Ordinal) && !options.Contains("id=", StringComparison.Ordinal);
        TmpfsModelNode root = new() { Number = 0, Mode = 0x43FF, Links = 2, Uid = (uint)(request.B >> 32), Gid = (uint)request.B };
        root.Parent = root;
        _mounts.Add(new TmpfsModelMount { Point = point, Name = NameOf(request), Root = root, IsRootKnown = isRootKnown });
    }

    /// <summary>A request that was never answered: nobody knows whether it was carried out.</summary>
    public void NeverAnswered(in Message request)
    {
        byte number = ClientProtocol.NumberOf(request.Kind);
        if (request.Kind.Value >> 8 != TmpfsProtocol.Actor.Value || number < ClientProtocol.FirstOwn)
        {
            return;
        }

        IsCarrying &= number is not (TmpfsProtocol.CarryPolicy or TmpfsProtocol.Discard);
        bool changesNothing = number is TmpfsProtocol.Read or TmpfsProtocol.Seek or TmpfsProtocol.Stat or TmpfsProtocol.ReadLink or TmpfsProtocol.ReadDirectory
            or TmpfsProtocol.StatFileSystem or TmpfsProtocol.Open or TmpfsProtocol.Close or TmpfsProtocol.Mount or > TmpfsProtocol.MapWrite;
        foreach (TmpfsModelMount mount in _mounts)
        {
            // Symbolic links lead anywhere, so it may concern any mount.
            mount.IsDoubtful |= !changesNothing;
        }
    }

    /// <summary>Any other request was answered.</summary>
    public void Answered(in Message request, in Message reply, KernelResult result)
    {
        byte number = ClientProtocol.NumberOf(request.Kind);
        if (number == TmpfsProtocol.CarryPolicy)
        {
            IsCarrying = result.Succeeded ? request.A == 0 : IsCarrying;
        }

        if (request.Text is not { } text)
        {
            return;
        }

        if (!result.Succeeded)
        {
            Failed(number, request, result);
            return;
        }

        ReadOnlySpan<char> path = First(text);
        switch (number)
        {
            case TmpfsProtocol.Unmount:
                _mounts.Remove(_paths.MountOf(path)!);
                break;
            case TmpfsProtocol.SymbolicLink:
                Made(Second(text), request, result, 0xA1FF, path.ToString());
                break;
            case TmpfsProtocol.Create:
                Made(path, request, result, 0x8000 | ((uint)request.A & 0xFFF));
                break;
            case TmpfsProtocol.MakeDirectory:
                Made(path, request, result, 0x4000 | ((uint)request.A & 0x3FF));
                break;
            case TmpfsProtocol.MakeNode:
                uint type = (uint)request.A & TmpfsModelNode.TypeMask;
                Made(path, request, result, (type == 0 ? 0x8000 : type) | ((uint)request.A & 0xFFF));
                break;
            case TmpfsProtocol.Link:
                Linked(path, Second(text));
                break;
            case TmpfsProtocol.Unlink or TmpfsProtocol.RemoveDirectory:
                Removed(path);
                break;
            case TmpfsProtocol.Rename:
                Renamed(path, Second(text), request.A);
                break;
            case TmpfsProtocol.Close:
                _open.Remove(DescriptorOf(path));
                break;
            default:
                TmpfsModelPlace place = Find(path, number is not (TmpfsProtocol.Stat or TmpfsProtocol.ReadLink));
                if (place.Node is { } node)
                {
                    OnNode(number, node, place.Mount!, request, reply, result);
                }

                break;
        }
    }

    /// <summary>What failed changed nothing, but for a store through a mapping, which is done in part.</summary>
    private void Failed(byte number, in Message request, KernelResult result)
    {
        ReadOnlySpan<char> path = First(request.Text);
        if (number == TmpfsProtocol.MapWrite && result.Value != 0 && Find(path, followLast: true).Node is { } stored)
        {
            Stored(stored, request.A, result.Value, request.C);
        }
        else if (result.Code == -Errno.ENOENT && number is TmpfsProtocol.Read or TmpfsProtocol.Stat or TmpfsProtocol.ReadLink
            && Find(path, number == TmpfsProtocol.Read).Node is not null)
        {
            report(InvariantCatalog.TmpfsContent, $"{request.Text} is there, and was not found");
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
            case TmpfsProtocol.Write:
                node.Content.WritePattern(request.A, request.A + result.Value, request.C);
                Grown(node, request.A, result.Value);
                break;
            case TmpfsProtocol.WriteText:
                byte[] bytes = Encoding.Latin1.GetBytes(request.Text![(First(request.Text).Length + 1)..]);
                node.Content.WriteBytes(request.A, bytes[..(int)result.Value]);
                Grown(node, request.A, result.Value);
                break;
            case TmpfsProtocol.MapWrite:
                Stored(node, request.A, result.Value, request.C);
                break;
            case TmpfsProtocol.Truncate:
                node.Content.Clear(request.A, ulong.MaxValue);
                node.SizeBytes = request.A;
                break;
            case TmpfsProtocol.Allocate:
                AllocatedRange(node, request);
                break;
            case TmpfsProtocol.ChangeMode:
                node.Mode = (node.Mode & TmpfsModelNode.TypeMask) | ((uint)request.A & 0xFFF);
                break;
            case TmpfsProtocol.ChangeOwner:
                ChangedOwner(node, (uint)(request.B >> 32), (uint)request.B);
                break;
            case TmpfsProtocol.SetFlags:
                node.Flags = (uint)request.A;
                break;
            case TmpfsProtocol.Open:
                _open[result.Value] = new TmpfsModelPlace(mount, node);
                break;
            case TmpfsProtocol.Read:
                JudgeRead(node, request, result);
                break;
            case TmpfsProtocol.Stat:
                JudgeStat(node, request, result);
                break;
            case TmpfsProtocol.ReadLink when reply.Text != node.Target:
                report(InvariantCatalog.TmpfsContent, $"{request.Text}: the link leads to '{reply.Text}', expected '{node.Target}'");
                break;
            case TmpfsProtocol.ReadDirectory when reply.Text is not (null or "." or ".."):
                JudgeEntry(node, reply.Text, request, result.Extra & ((1UL << 56) - 1));
                break;
        }
    }

    private static void Grown(TmpfsModelNode node, ulong offset, ulong bytes) =>
        node.SizeBytes = bytes == 0 ? node.SizeBytes : Math.Max(node.SizeBytes, offset + bytes);

    /// <summary>A store through a mapping: what lies behind the end of the file is never seen again.</summary>
    private static void Stored(TmpfsModelNode node, ulong offset, ulong bytes, ulong seed) =>
        node.Content.WritePattern(offset, Math.Min(offset + bytes, node.SizeBytes), seed);

    /// <summary>chown takes set-user-ID, and set-group-ID of what a group may execute, from all but directories.</summary>
    private static void ChangedOwner(TmpfsModelNode node, uint uid, uint gid)
    {
        node.Uid = uid == uint.MaxValue ? node.Uid : uid;
        node.Gid = gid == uint.MaxValue ? node.Gid : gid;
        uint cleared = SetUserId | ((node.Mode & GroupExecute) != 0 ? SetGroupId : 0);
        node.Mode &= node.IsDirectory ? uint.MaxValue : ~cleared;
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
        int expected = request.A >= node.SizeBytes ? 0 : (int)Math.Min(request.B, node.SizeBytes - request.A);
        if (_content.Length < expected)
        {
            _content = new byte[expected];
        }

        node.Content.Read(request.A, _content.AsSpan(0, expected));
        _crc.Reset();
        _crc.Update(new ArraySegment<byte>(_content, 0, expected));
        if (result.Value != (ulong)expected || (uint)result.Extra != (uint)_crc.Value)
        {
            report(
                InvariantCatalog.TmpfsContent,
                $"{request.Text}: {expected} bytes at {request.A} with CRC {_crc.Value:x8} were expected, {result.Value} with {result.Extra:x8} read");
        }
    }

    private void JudgeEntry(TmpfsModelNode directory, string name, in Message request, ulong number)
    {
        TmpfsModelNode? entry = directory.Find(name);
        if (entry is null || (entry.Number != 0 && entry.Number != number))
        {
            string expected = entry is null ? "no such name" : $"{entry.Number}";
            report(InvariantCatalog.TmpfsContent, $"{request.Text} lists '{name}' as inode {number}, expected {expected}");
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

    private TmpfsModelPlace Find(ReadOnlySpan<char> path, bool followLast) =>
        path.StartsWith(DescriptorPrefix, StringComparison.Ordinal) ? _open.GetValueOrDefault(DescriptorOf(path)) : _paths.Find(path, followLast);

    private static ulong DescriptorOf(ReadOnlySpan<char> path) => ulong.TryParse(path[DescriptorPrefix.Length..], out ulong number) ? number : ulong.MaxValue;

    private static ReadOnlySpan<char> First(string? text) => text.AsSpan() is var all && all.IndexOf('\0') is >= 0 and int end ? all[..end] : all;

    private static ReadOnlySpan<char> Second(string? text) => text.AsSpan() is var all && all.IndexOf('\0') is >= 0 and int end ? all[(end + 1)..] : default;
}
