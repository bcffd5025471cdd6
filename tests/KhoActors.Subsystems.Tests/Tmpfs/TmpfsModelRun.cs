using System.Globalization;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>One random sequence: each operation is done by the file system and by the model, and both are compared.</summary>
internal sealed class TmpfsModelRun
{
    private static readonly string[] Names = ["a", "b", "c", "d", "e", "f"];
    private static readonly string[] Odd = [".", "..", "", "a/", "b//c", "./b", "../n/a", new string('x', 255), new string('y', 256)];
    private static readonly string[] Targets =
        ["a", "b/c", "../b", "/m/a", "/n", "d/", "..", ".", "/", new string('t', 127), new string('t', 128), new string('t', 4096), "", "../../n/b"];
    private static readonly ulong[] RenameFlags = [0, 0, 0, 1, 2, 2, 2, 4, 4, 3, 5, 8];

    private readonly SplitMix64 _random;
    private readonly TmpfsKernel _kernel = new();
    private readonly TmpfsModel _model = new();
    private readonly ulong _seed;
    private string _what = "";

    public TmpfsModelRun(ulong seed)
    {
        _random = new SplitMix64(seed);
        _seed = seed;
        Mount("m", 3 + Below(8), 4 + Below(10));
        Mount("n", Below(2) * 6, Below(2) * 9);
    }

    public void Step(int step)
    {
        _kernel.NowTicks += Below(4) == 0 ? Below(3) * TmpfsKernel.SecondTicks : Below(60) == 0 ? 90_000 * TmpfsKernel.SecondTicks : Below(1000);
        _model.Now = _kernel.Now;
        _what = string.Create(CultureInfo.InvariantCulture, $"seed {_seed} step {step}");
        Operate(Below(34));
        new TmpfsModelComparison(_kernel, _model, _what).Compare();
    }

    public void Unmount()
    {
        while (_kernel.Mounts.Mounts.Count != 0)
        {
            TmpfsMountPoint mount = _kernel.Mounts.Mounts[0];
            mount.FileSystem.Unmount();
            _kernel.Mounts.Remove(mount.Name);
        }

        Assert.Equal(0, _kernel.PagesInUse);
    }

    private ulong Below(ulong limit) => _random.Below(limit);

    private void Mount(string name, ulong blocks, ulong inodes)
    {
        _kernel.Mount(name, $"nr_blocks={blocks},nr_inodes={inodes}");
        _model.Mounts.Add(new ModelMount(name, blocks, inodes, _kernel.Now));
    }

    private void Operate(ulong operation)
    {
        string path = Path();
        string other = Below(2) == 0 ? Path() : NewPath();
        uint ids = (uint)Below(3);
        switch (operation)
        {
            case 0 or 1:
                uint mode = (uint)Below(0x1000);
                Check("create", path, Ask(TmpfsProtocol.Create, path, mode, Ids(ids)).Code, Make(path, 0x8000 | mode, ids, 0, byOpen: true));
                break;
            case 2 or 3:
                mode = (uint)Below(0x1000);
                int made = Ask(TmpfsProtocol.MakeDirectory, path, mode, Ids(ids)).Code;
                Check("mkdir", path, made, Make(path, 0x4000 | (mode & 0x3FF), ids, 0, byOpen: false));
                break;
            case 4:
                mode = (uint)Below(16) << 12;
                uint expectedMode = mode == 0 ? 0x8000 : mode;
                int refused = mode == 0x4000 ? -Errno.EPERM : mode is 0 or 0x1000 or 0x2000 or 0x6000 or 0x8000 or 0xC000 ? 0 : -Errno.EINVAL;
                uint device = mode is 0x2000 or 0x6000 ? 77U : 0;
                made = Ask(TmpfsProtocol.MakeNode, path, mode, Ids(ids), 77).Code;
                Check("mknod", path, made, refused != 0 ? refused : Make(path, expectedMode, ids, device, byOpen: false));
                break;
            case 5 or 6:
                Check("link", $"{path} {other}", _kernel.Link(path, other), _model.Link(path, other));
                break;
            case 7 or 8:
                string target = Targets[Below((ulong)Targets.Length)];
                Check("symlink", $"{target} {path}", _kernel.SymbolicLink(target, path), _model.SymbolicLink(target, path));
                break;
            case 9 or 10:
                Check("unlink", path, _kernel.Unlink(path), _model.Remove(path, asDirectory: false));
                break;
            case 11:
                Check("rmdir", path, _kernel.RemoveDirectory(path), _model.Remove(path, asDirectory: true));
                break;
            case 12 or 13 or 14:
                ulong flags = RenameFlags[Below((ulong)RenameFlags.Length)];
                path = ExistingPath(out _);
                Check("rename", $"{flags} {path} {other}", _kernel.Rename(path, other, flags), _model.Rename(path, other, flags));
                break;
            default:
                OperateOnFile(operation, path);
                break;
        }
    }

    private void OperateOnFile(ulong operation, string path)
    {
        ulong offset = Offset();
        ulong length = Offset() / 2;
        path = operation is >= 15 and <= 28 ? Path(wantsFile: true) : path;
        switch (operation)
        {
            case 15 or 16 or 17:
                ulong pattern = Below(5);
                ulong nonBlocking = Below(2);
                KernelResult write = Ask(TmpfsProtocol.Write, path, offset, length, pattern, nonBlocking);
                Check("write", $"{path} {offset}+{length}", write, _model.Write(path, offset, PatternAt(pattern, offset, length), nonBlocking != 0));
                break;
            case 18:
                string text = new('#', (int)Below(30));
                write = _kernel.WriteText(path, offset, text);
                Check("write text", path, write, _model.Write(path, offset, [.. text.Select(c => (byte)c)], nonBlocking: false));
                break;
            case 19 or 20:
                pattern = Below(5);
                KernelResult stored = _kernel.MapWrite(path, offset, length, pattern);
                Check("store", $"{path} {offset}+{length}", stored, _model.MapWrite(path, offset, PatternAt(pattern, offset, length)));
                break;
            case 21:
                Check("read", $"{path} {offset}+{length}", Ask(TmpfsProtocol.Read, path, offset, length), _model.Read(path, offset, length));
                break;
            case 22 or 23:
                Check("truncate", $"{path} {offset}", _kernel.Truncate(path, offset), _model.Truncate(path, offset));
                break;
            case 24 or 25:
                ulong mode = Below(4) == 0 ? Below(9) : Below(2) * 3;
                int allocated = _kernel.Allocate(path, mode, offset, length);
                Check("fallocate", $"{path} {mode} {offset}+{length}", allocated, _model.Allocate(path, mode, offset, length));
                break;
            case 26:
                bool data = Below(2) == 0;
                Check("seek", $"{path} {offset} {data}", _kernel.Seek(path, offset, data), _model.Seek(path, offset, data));
                break;
            case 27:
                Check("open", path, Ask(TmpfsProtocol.Open, path), _model.OpenFile(path));
                break;
            case 28:
                string descriptor = Below(3) == 0 ? path : $"fd:{3 + Below(4)}";
                Check("close", descriptor, _kernel.Close(descriptor), _model.Close(descriptor));
                break;
            case 29:
                Check("readlink", path, Ask(TmpfsProtocol.ReadLink, path), _model.ReadLink(path));
                break;
            case 30:
                List(path);
                break;
            case 31 or 32:
                ChangeAttributes(path);
                break;
            default:
                ChangeMount();
                break;
        }
    }

    private void List(string path)
    {
        int expected = _model.ReadDirectory(path, out List<string> names);
        Check("getdents", path, Ask(TmpfsProtocol.ReadDirectory, path).Code, expected);
        if (expected == 0)
        {
            Assert.Equal(names, _kernel.Names(path));
        }
    }

    private void ChangeAttributes(string path)
    {
        uint value = (uint)Below(0x10000);
        switch (Below(5))
        {
            case 0:
                Check("chmod", path, Ask(TmpfsProtocol.ChangeMode, path, value).Code, _model.Change(path, true, (_, node) =>
                {
                    node.Mode = (node.Mode & 0xF000) | (value & 0xFFF);
                    return 0;
                }));
                break;
            case 1:
                (uint uid, uint gid) = (Below(2) == 0 ? uint.MaxValue : value, Below(2) == 0 ? uint.MaxValue : value + 1);
                bool needsUnlocked = uid != uint.MaxValue || gid != uint.MaxValue;
                Check("chown", path, Ask(TmpfsProtocol.ChangeOwner, path, 0, ((ulong)uid << 32) | gid).Code, _model.Change(path, needsUnlocked, (_, node) =>
                {
                    (node.Uid, node.Gid) = (uid == uint.MaxValue ? node.Uid : uid, gid == uint.MaxValue ? node.Gid : gid);
                    uint drop = node.IsDirectory ? 0 : (node.Mode & 8) != 0 ? 0xC00U : 0x800;
                    node.Mode &= ~drop;
                    return 0;
                }));
                break;
            case 2:
                (ulong access, ulong modify) = (Below(1UL << 62), Below(1UL << 40));
                Check("utimensat", path, Ask(TmpfsProtocol.ChangeTimes, path, access, modify).Code, _model.Change(path, true, (_, node) =>
                {
                    node.Access = new TmpfsTime((long)(access / 1_000_000_000), (uint)(access % 1_000_000_000));
                    node.Modify = new TmpfsTime((long)(modify / 1_000_000_000), (uint)(modify % 1_000_000_000));
                    return 0;
                }));
                break;
            case 3:
                uint flags = Below(3) != 0 ? 0 : (uint)Below(16) << 4;
                Check("setflags", path, _kernel.SetFlags(path, flags), _model.Change(path, false, (_, node) =>
                {
                    node.Flags = flags;
                    return 0;
                }, isFlags: true));
                break;
            default:
                SetAttribute(path, Below(2) == 0 ? "user.x" : "trusted.yy", Below(2000));
                break;
        }
    }

    private void SetAttribute(string path, string name, ulong bytes)
    {
        int actual = Ask(TmpfsProtocol.SetExtendedAttribute, path + '\0' + name, bytes).Code;
        Check("setxattr", path, actual, _model.Change(path, true, (mount, node) =>
        {
            if (name[0] == 'u' && !node.IsFile && !node.IsDirectory)
            {
                return -Errno.EPERM;
            }

            if (mount.MaxInodes != 0 && mount.UsedSpace + 40 + bytes + (ulong)name.Length >= mount.MaxInodes * 1024)
            {
                return -Errno.ENOSPC;
            }

            node.Attributes[name] = bytes;
            return 0;
        }));
    }

    private void ChangeMount()
    {
        ModelMount mount = _model.Mounts[(int)Below(2)];
        TmpfsFileSystem fileSystem = _kernel.Mounts.Find(mount.Name)!;
        switch (Below(4))
        {
            case 0:
                mount.Frozen = !mount.Frozen && Below(3) == 0;
                fileSystem.IsFrozen = mount.Frozen;
                break;
            case 1:
                long left = Below(2) == 0 ? (long)Below(4) : 1000;
                _kernel.PagesLeft = left;
                _model.Capacity = left + _kernel.PagesInUse;
                break;
            default:
                Remount(mount, fileSystem, Below(3) == 0, Below(12), Below(16));
                break;
        }
    }

    private void Remount(ModelMount mount, TmpfsFileSystem fileSystem, bool readOnly, ulong blocks, ulong inodes)
    {
        int expected = 0;
        bool blocksRefused = blocks != 0 && (mount.MaxBlocks == 0 || blocks < mount.UsedBlocks);
        bool inodesRefused = inodes != 0 && (mount.MaxInodes == 0 || inodes * 1024 < mount.UsedSpace);
        if (readOnly && !mount.ReadOnly && (mount.Orphans.Count != 0 || _model.Open.Values.Any(open => open.Mount == mount && open.Writable)))
        {
            expected = -Errno.EBUSY;
        }
        else if (blocksRefused || inodesRefused)
        {
            expected = -Errno.EINVAL;
        }
        else if (blocks != 0 || inodes != 0)
        {
            // Unlimited cannot be taken back: the test would soon have no limits left.
            mount.MaxBlocks = blocks == 0 ? mount.MaxBlocks : blocks;
            mount.MaxInodes = inodes == 0 ? mount.MaxInodes : inodes;
            mount.ReadOnly = readOnly;
        }
        else
        {
            return;
        }

        string options = (readOnly ? "ro" : "rw") + (blocks == 0 ? "" : $",nr_blocks={blocks}") + (inodes == 0 ? "" : $",nr_inodes={inodes}");
        Check("remount", $"{mount.Name} {options}", TmpfsKernel.Remount(fileSystem, options), expected);
    }

    private int Make(string path, uint mode, uint ids, uint device, bool byOpen) => _model.Make(path, mode, ids, ids + 1, device, null, null, null, byOpen);

    private static ulong Ids(uint ids) => ((ulong)ids << 32) | (ids + 1);

    private KernelResult Ask(byte number, string path, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0) => _kernel.Ask(number, path, a, b, c, d);

    /// <summary>Mostly what is there, of the wanted type if it is soon found; else a new name beside it, or anything.</summary>
    private string Path(bool wantsFile = false)
    {
        ulong kind = Below(20);
        for (int attempt = 0; kind >= 5 && attempt < (wantsFile ? 5 : 1); attempt++)
        {
            string found = ExistingPath(out ModelNode node);
            if (node.IsDirectory && kind < 11 && !wantsFile)
            {
                return $"{found}/{Names[Below((ulong)Names.Length)]}";
            }

            if (!wantsFile || node.IsFile || attempt == 4)
            {
                return found;
            }
        }

        return AnyPath();
    }

    private string NewPath()
    {
        string path = ExistingPath(out ModelNode node);
        string directory = node.IsDirectory ? path : path[..path.LastIndexOf('/')];
        return $"{directory}/{Names[Below((ulong)Names.Length)]}{(Below(15) == 0 ? "/" : "")}";
    }

    private string ExistingPath(out ModelNode node)
    {
        ModelMount mount = _model.Mounts[Below(3) == 0 ? 1 : 0];
        string path = "/" + mount.Name;
        node = mount.Root;
        while (node.Kids.Count != 0 && Below(5) != 0)
        {
            (string name, node) = node.Kids[(int)Below((ulong)node.Kids.Count)];
            path += "/" + name;
        }

        return path;
    }

    private string AnyPath()
    {
        if (Below(3) == 0)
        {
            return $"fd:{3 + Below(4)}";
        }

        string path = Below(3) == 0 ? "/n" : "/m";
        ulong depth = Below(25) == 0 ? 0 : 1 + Below(3);
        for (ulong i = 0; i < depth; i++)
        {
            path += "/" + (Below(16) == 0 ? Odd[Below((ulong)Odd.Length)] : Names[Below((ulong)Names.Length)]);
        }

        return Below(60) == 0 ? "/" : path;
    }

    private ulong Offset() => Below(3) switch
    {
        0 => Below(6) * 4096,
        1 => (Below(5) * 4096) + Below(20),
        _ => Below(6 * 4096),
    };

    private static byte[] PatternAt(ulong seed, ulong offset, ulong length) => TmpfsKernel.Pattern(seed, (int)(offset + length))[(int)offset..];

    private void Check(string operation, string arguments, KernelResult actual, KernelResult expected)
    {
        _what += $" {operation} {arguments}";
        Assert.True(actual == expected, $"{_what}: {actual}, the model says {expected}");
    }

    private void Check(string operation, string arguments, int actual, int expected)
    {
        _what += $" {operation} {arguments}";
        Assert.True(actual == expected, $"{_what}: {Errno.Symbol(actual)}, the model says {Errno.Symbol(expected)}");
    }
}
