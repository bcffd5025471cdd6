using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Tmpfs.Preservation;

/// <summary>On whose behalf everything is frozen.</summary>
internal enum FreezeHolder : byte
{
    /// <summary>Nothing is frozen.</summary>
    Nobody,

    /// <summary>User space, by the control file.</summary>
    User,

    /// <summary>A kexec that is under way.</summary>
    Kexec,
}

/// <summary>What tmpfs knows of KHO in one kernel generation: what came over, what is mounted by name, what is frozen.</summary>
/// <param name="kernel">The kernel.</param>
internal sealed class TmpfsPreservation(ClientKernel kernel)
{
    private const ulong LiveKind = 1;
    private const ulong WaitingKind = 2;
    private const ulong BrokenKind = 3;
    private readonly List<TmpfsMount> _live = [];

    /// <summary>The kernel.</summary>
    public ClientKernel Kernel => kernel;

    /// <summary>The anchor that this kernel hands over.</summary>
    public OutgoingAnchor Anchor { get; } = new(kernel);

    /// <summary>What the previous kernel handed over.</summary>
    public HandedOverMounts Incoming { get; } = new(kernel);

    /// <summary>Mounts with a name, by name in byte order.</summary>
    public IReadOnlyList<TmpfsMount> Live => _live;

    /// <summary>On whose behalf everything is frozen.</summary>
    public FreezeHolder Holder { get; set; }

    /// <summary>What a snapshot consists of, while everything is frozen.</summary>
    public FrozenPages Frozen { get; } = new(kernel);

    /// <summary>Whether a snapshot leaves out what nobody mounted.</summary>
    public bool DropsUnmounted { get; set; }

    /// <summary>Adds a mount with a name.</summary>
    /// <param name="mount">The mount.</param>
    public void Add(TmpfsMount mount)
    {
        int at = 0;
        while (at < _live.Count && string.CompareOrdinal(_live[at].FileSystem.KhoName, mount.FileSystem.KhoName) < 0)
        {
            at++;
        }

        _live.Insert(at, mount);
    }

    /// <summary>Forgets a mount.</summary>
    /// <param name="mount">The mount.</param>
    public void Remove(TmpfsMount mount) => _live.Remove(mount);

    /// <summary>Finds a mount by name.</summary>
    /// <param name="name">The name.</param>
    /// <returns>The mount, or null.</returns>
    public TmpfsMount? FindLive(string name) => _live.Find(mount => mount.FileSystem.KhoName == name);

    /// <summary>A mount or a handed-over one by position, by name in byte order; see <see cref="TmpfsProtocol.ListNames"/>.</summary>
    /// <param name="position">0 for the first.</param>
    /// <param name="name">Its name.</param>
    /// <returns>Value: 1 live, 2 waits, 3 broken; extra: how many kernels passed it on; -ENOENT behind the last.</returns>
    public KernelResult Describe(ulong position, out string? name)
    {
        IReadOnlyList<HandedOverMount> waiting = Incoming.Mounts;
        (int live, int handedOver) = (0, 0);
        while (live < _live.Count || handedOver < waiting.Count)
        {
            bool isLive = handedOver == waiting.Count
                || (live < _live.Count && string.CompareOrdinal(_live[live].FileSystem.KhoName, waiting[handedOver].Slot.Name) < 0);
            if (position-- == 0)
            {
                name = isLive ? _live[live].FileSystem.KhoName : waiting[handedOver].Slot.Name;
                return isLive ? new KernelResult(0, LiveKind, _live[live].Carried)
                    : new KernelResult(0, waiting[handedOver].IsBroken ? BrokenKind : WaitingKind, Incoming.CarriedCount(waiting[handedOver]));
            }

            (live, handedOver) = isLive ? (live + 1, handedOver) : (live, handedOver + 1);
        }

        name = null;
        return new KernelResult(-Errno.ENOENT);
    }

    /// <summary>Blocks or admits writers of every mount with a name.</summary>
    /// <param name="holder">On whose behalf; nobody to admit them.</param>
    public void SetHolder(FreezeHolder holder)
    {
        Holder = holder;
        foreach (TmpfsMount mount in _live)
        {
            mount.FileSystem.IsFrozen = holder != FreezeHolder.Nobody;
        }
    }
}
