using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs.Poc;

/// <summary>The mounts of one kernel generation: mount, umount, and every request on what is mounted.</summary>
internal sealed class PocMounts
{
    /// <summary>SB_ACTIVE, SB_BORN, SB_NOSEC, SB_I_VERSION and SB_POSIXACL: what a mounted tmpfs has (include/linux/fs.h).</summary>
    public const ulong SuperFlags = 0x7081_0000;

    /// <summary>SB_RDONLY.</summary>
    public const ulong ReadOnlyFlag = 1;

    private readonly ClientKernel _kernel;
    private readonly PocState _state;
    private readonly PocIncoming _incoming;
    private readonly TmpfsMountTable _table = new();
    private readonly TmpfsSystemCalls _calls;
    private readonly List<KhoMount> _khoMounts = [];
    private readonly MovablePages _pages;

    /// <summary>No mount yet.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="state">Bitmap and slab.</param>
    /// <param name="incoming">What the kernel before handed over.</param>
    public PocMounts(ClientKernel kernel, PocState state, PocIncoming incoming)
    {
        _kernel = kernel;
        _state = state;
        _incoming = incoming;
        _calls = new TmpfsSystemCalls(_table);
        _pages = new MovablePages(kernel);
    }

    /// <summary>Carries a request out.</summary>
    /// <param name="delivery">The request.</param>
    /// <param name="outbox">Receives the answer.</param>
    public void Receive(in Delivery delivery, Outbox outbox)
    {
        Message request = delivery.Message;
        byte number = ClientProtocol.NumberOf(request.Kind);
        string? text = null;
        KernelResult result = number switch
        {
            TmpfsProtocol.Mount => new KernelResult(Mount(request, TmpfsFileSystem.TimeOf(outbox.NowTicks))),
            TmpfsProtocol.Remount => new KernelResult(Remount(request)),
            TmpfsProtocol.Unmount => new KernelResult(Unmount(request)),
            TmpfsProtocol.ListNames => ListName(request.A, out text),
            TmpfsProtocol.MigratePage => new KernelResult(MigratePage(request, TmpfsFileSystem.TimeOf(outbox.NowTicks))),
            _ when TmpfsSystemCalls.Carries(number) => _calls.Execute(request, outbox.NowTicks, out text),
            _ => new KernelResult(-Errno.EOPNOTSUPP),
        };
        outbox.Reply(delivery, result.ToReply(request.Kind) with { Text = text });
    }

    /// <summary>What the tree says of the mounts.</summary>
    /// <returns>One for each KHO mount, the newest first.</returns>
    public IReadOnlyList<PocSuper> ToSupers()
    {
        List<PocSuper> supers = [];
        for (int i = _khoMounts.Count - 1; i >= 0; i--)
        {
            (TmpfsFileSystem fileSystem, PocMirror mirror) = (_khoMounts[i].FileSystem, _khoMounts[i].Mirror);
            supers.Add(new PocSuper(
                fileSystem.KhoName!,
                fileSystem.Uid,
                fileSystem.Gid,
                fileSystem.Mode,
                fileSystem.MaxBlocks,
                fileSystem.MaxInodes,
                mirror.FreeSpaceBytes(fileSystem.MaxInodes),
                SuperFlags | (fileSystem.IsReadOnly ? ReadOnlyFlag : 0),
                fileSystem.Root.Number));
        }

        return supers;
    }

    /// <summary>
    /// mount. <c>kho=</c> needs CAP_SYS_ADMIN in the initial user namespace and is refused with -EINVAL without; names are not compared, and any
    /// character will do. <c>kho_must</c> is not known to the proof of concept.
    /// </summary>
    private int Mount(in Message request, TmpfsTime now)
    {
        (string point, string text) = TmpfsProtocol.TextsOf(request);
        TmpfsMounter mounter = (TmpfsMounter)request.A;
        if (!TmpfsMountTable.TryName(point, out string name) || text.AsSpan().ContainsAnyExceptInRange('\x1', '\xFF'))
        {
            return -Errno.EINVAL;
        }

        int error = TmpfsOptionParser.Parse(text, mounter, _kernel.RamPages, _kernel.Build.MemparseBareSuffix, out TmpfsMountOptions options);
        bool mayKho = (mounter & (TmpfsMounter.Unprivileged | TmpfsMounter.OtherUserNamespace)) == 0;
        if (error != 0 || options.KhoMust || (options.KhoName is not null && !mayKho))
        {
            return -Errno.EINVAL;
        }

        if (_table.Find(name) is not null)
        {
            return -Errno.EBUSY;
        }

        (uint uid, uint gid) = ((uint)(request.B >> 32), (uint)request.B);
        if (options.KhoName is null)
        {
            _table.Add(name, new TmpfsFileSystem(options, Resources(TmpfsHooks.None), uid, gid, now));
            return 0;
        }

        error = MountKho(options, uid, gid, now, out KhoMount mount);
        if (error == 0)
        {
            _table.Add(name, mount.FileSystem);
            _khoMounts.Add(mount);
        }

        return error;
    }

    private int MountKho(TmpfsMountOptions options, uint uid, uint gid, TmpfsTime now, out KhoMount mount)
    {
        mount = default;
        if (!_state.EnsureBitmap())
        {
            return -Errno.ENOMEM;
        }

        int error = _incoming.Take(options.KhoName!, out PocSuper? super);
        if (error != 0)
        {
            return error;
        }

        PocMirror mirror = new(_kernel, _state, isRestored: super is not null);
        if (super is not null)
        {
            return Restore(super, mirror, out mount);
        }

        if (!_state.Slab.EnsureFree())
        {
            return -Errno.ENOMEM;
        }

        mirror.ExpectRoot(uid, gid);
        mount = new KhoMount(new TmpfsFileSystem(options, Resources(mirror), uid, gid, now), mirror);
        return 0;
    }

    /// <summary>Limits, flags and root come from what was handed over; options given now are overridden.</summary>
    private int Restore(PocSuper super, PocMirror mirror, out KhoMount mount)
    {
        mount = default;
        if (mirror.Load(super.Root, parent: null) is not { } root)
        {
            return -Errno.EOPNOTSUPP;
        }

        if (!root.IsDirectory)
        {
            return -Errno.EINVAL;
        }

        mirror.StartFrom(super);
        TmpfsState handedOver = new()
        {
            MaxBlocks = super.MaxBlocks,
            MaxInodes = super.MaxInodes,
            Mode = super.Mode,
            Uid = super.Uid,
            Gid = super.Gid,
            Uuid = new UInt128(_kernel.NextRandom(), _kernel.NextRandom()),
            NextInodeNumber = 1,
            ReadOnly = (super.Flags & ReadOnlyFlag) != 0,
            KhoName = super.Name,
        };
        mount = new KhoMount(TmpfsFileSystem.Restore(handedOver, root, [root], Resources(mirror)), mirror);
        return 0;
    }

    private int Remount(in Message request)
    {
        (string point, string text) = TmpfsProtocol.TextsOf(request);
        if (!TmpfsMountTable.TryName(point, out string name)
            || _table.Find(name) is not { } fileSystem
            || text.AsSpan().ContainsAnyExceptInRange('\x1', '\xFF')
            || TmpfsOptionParser.Parse(text, (TmpfsMounter)request.A, _kernel.RamPages, _kernel.Build.MemparseBareSuffix, out TmpfsMountOptions options) != 0)
        {
            return -Errno.EINVAL;
        }

        return fileSystem.Remount(options);
    }

    /// <summary>
    /// umount: every inode that is in memory ends, and with it its KHO inode and the pages in the page cache. What was handed over and never
    /// looked up stays, without a name.
    /// </summary>
    private int Unmount(in Message request)
    {
        (string point, _) = TmpfsProtocol.TextsOf(request);
        if (!TmpfsMountTable.TryName(point, out string name) || _table.Find(name) is not { } fileSystem)
        {
            return -Errno.EINVAL;
        }

        if (fileSystem.OpenDescriptors != 0)
        {
            return -Errno.EBUSY;
        }

        _table.Remove(name);
        _khoMounts.RemoveAll(mount => mount.FileSystem == fileSystem);
        fileSystem.Unmount();
        return 0;
    }

    /// <summary>KHO mounts in the order of mounting, then what waits in the order of the tree.</summary>
    private KernelResult ListName(ulong position, out string? name)
    {
        bool isLive = position < (ulong)_khoMounts.Count;
        name = isLive
            ? _khoMounts[(int)position].FileSystem.KhoName
            : _incoming.Names.Skip((int)Math.Min(position - (ulong)_khoMounts.Count, int.MaxValue)).FirstOrDefault();
        return name is null ? new KernelResult(-Errno.ENOENT) : new KernelResult(0, isLive ? 1UL : 2);
    }

    /// <summary>The mirror is not told.</summary>
    private int MigratePage(in Message request, TmpfsTime now)
    {
        int error = _calls.FindFile(request.Text ?? "", now, out TmpfsInode? inode);
        if (error != 0 || !inode!.Pages.Find(request.A, out int position))
        {
            return error != 0 ? error : -Errno.ENOENT;
        }

        TmpfsPage old = inode.Pages[position];
        ulong moved = _pages.AllocatePage();
        if (moved == 0)
        {
            return -Errno.ENOMEM;
        }

        Span<byte> content = stackalloc byte[PageGeometry.SizeBytes];
        _kernel.Memory.Read(old.Phys, content);
        _kernel.Memory.Write(moved, content);
        inode.Pages.Set(old with { Phys = moved });
        _pages.FreePage(old.Phys);
        return 0;
    }

    private TmpfsResources Resources(TmpfsHooks hooks) => new(_kernel.Memory, _pages, _kernel.NextRandom, _kernel.RamPages) { Hooks = hooks };

    private readonly record struct KhoMount(TmpfsFileSystem FileSystem, PocMirror Mirror);

    /// <summary>Pages of files: movable ones, which may lie in scratch, as the proof of concept took them.</summary>
    private sealed class MovablePages(ClientKernel kernel) : IPageSource
    {
        public ulong AllocateZeroedPage() => kernel.AllocateMovablePage(zero: true);

        public ulong AllocatePage() => kernel.AllocateMovablePage(zero: false);

        public void FreePage(ulong phys) => kernel.FreePages(phys, 0);
    }
}
