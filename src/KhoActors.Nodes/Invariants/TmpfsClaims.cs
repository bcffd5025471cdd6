using KhoActors.Subsystems;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Invariants;

/// <summary>
/// What came over from the kernel before, and who restored it: T11, T12, and T6 of file systems that nobody mounted. Pages are told apart by their
/// address, so it does not matter how mounts, freezes and their answers interleave.
/// </summary>
/// <param name="report">Receives violations: invariant, detail.</param>
internal sealed class TmpfsClaims(Action<string, string> report)
{
    private readonly List<Waiting> _waiting = [];
    private readonly SortedDictionary<ulong, Waiting> _ownerOfPage = [];
    private bool _isKnown;

    /// <summary>A handed-over file system.</summary>
    private sealed class Waiting(TmpfsImageMount image)
    {
        public TmpfsImageMount Image => image;

        public List<ContentRun> Content { get; } = [];

        public int Restored { get; set; }

        public int MountsUnderWay { get; set; }

        public bool IsTaken { get; set; }

        public bool WasRefused { get; set; }

        /// <summary>Whether a freeze or a discard was asked for: they restore what nobody mounted.</summary>
        public bool MayBeRestored { get; set; }

        public bool IsDiscarded { get; set; }
    }

    /// <summary>A kernel has booted.</summary>
    public void Clear()
    {
        _waiting.Clear();
        _ownerOfPage.Clear();
        _isKnown = true;
    }

    /// <summary>What came over was found, and read.</summary>
    /// <param name="image">The image, or null when it is not sound: then nothing can be said.</param>
    /// <param name="memory">RAM.</param>
    public void Take(TmpfsImage? image, PhysicalMemory memory)
    {
        _isKnown = image is not null;
        foreach (TmpfsImageMount mount in image?.Mounts ?? [])
        {
            Waiting waiting = new(mount);
            _waiting.Add(waiting);
            foreach (ulong page in mount.Pages)
            {
                _ownerOfPage.Add(page, waiting);
                if (page != mount.SuperPhys)
                {
                    ContentImage.Capture(memory, PageGeometry.PfnOf(page), 1, waiting.Content);
                }
            }
        }
    }

    /// <summary>tmpfs asks to restore a page.</summary>
    public void Restoring(ulong phys)
    {
        if (_ownerOfPage.TryGetValue(phys, out Waiting? waiting))
        {
            waiting.Restored++;
        }
        else if (_isKnown)
        {
            report(InvariantCatalog.TmpfsClaim, $"page 0x{phys:x} is restored, and belongs to no file system that was handed over");
        }
    }

    /// <summary>A freeze was asked for: it may restore whatever waits.</summary>
    public void Freezing()
    {
        foreach (Waiting waiting in _waiting)
        {
            waiting.MayBeRestored = true;
        }
    }

    /// <summary>A mount was asked for.</summary>
    public void Mounting(string name)
    {
        if (Find(name) is { } waiting)
        {
            waiting.MountsUnderWay++;
        }
    }

    /// <summary>A discard was asked for.</summary>
    public void Discarding(string name)
    {
        if (Find(name) is { } waiting)
        {
            waiting.MayBeRestored = true;
            waiting.IsDiscarded = true;
        }
    }

    /// <summary>A mount was answered.</summary>
    /// <param name="name">Its KHO name, not empty.</param>
    /// <param name="code">0, or the errno.</param>
    /// <returns>What it took over; null when it failed, or the file system is new.</returns>
    public TmpfsImageMount? Mounted(string name, int code)
    {
        if (Find(name) is not { } waiting)
        {
            return null;
        }

        waiting.MountsUnderWay--;
        if (waiting.IsTaken || waiting.IsDiscarded)
        {
            return null;
        }

        if (code != 0)
        {
            Refused(waiting, code);
            return null;
        }

        waiting.IsTaken = true;
        if (waiting.Restored != waiting.Image.Pages.Count)
        {
            report(InvariantCatalog.TmpfsClaim, $"the mount of '{name}' restored {waiting.Restored} pages, {waiting.Image.Pages.Count} were handed over");
        }

        return waiting.Image;
    }

    /// <summary>Whether what was handed over under a name is certainly carried on by a freeze, unless the policy drops it.</summary>
    private static bool Waits(Waiting waiting) => !waiting.IsTaken && !waiting.IsDiscarded && waiting.MountsUnderWay == 0;

    /// <summary>Judges what is carried on: it is there, and nothing of it changed.</summary>
    /// <param name="image">What is handed over.</param>
    /// <param name="memory">RAM.</param>
    public void JudgeCarried(TmpfsImage image, PhysicalMemory memory)
    {
        foreach (Waiting waiting in _waiting)
        {
            if (!Waits(waiting))
            {
                continue;
            }

            string name = waiting.Image.Name;
            if (image.Find(name) is not { } carried)
            {
                report(InvariantCatalog.TmpfsContent, $"'{name}' waited unmounted and is not carried on");
                continue;
            }

            if (carried.Carried != waiting.Image.Carried + 1 || !carried.Pages.SequenceEqual(waiting.Image.Pages))
            {
                report(InvariantCatalog.TmpfsContent, $"'{name}' waited unmounted: {carried.Carried} kernels carried it, with {carried.Pages.Count} pages");
            }

            foreach (ContentRun run in waiting.Content)
            {
                if (!ContentImage.Holds(memory, run, out ulong badPfn))
                {
                    report(InvariantCatalog.TmpfsContent, $"'{name}' waited unmounted, and its page 0x{badPfn:x} changed");
                }
            }
        }
    }

    private void Refused(Waiting waiting, int code)
    {
        bool wasTouched = waiting.Restored != 0 && !waiting.MayBeRestored && waiting.MountsUnderWay == 0;
        if (code is -Errno.EUCLEAN or -Errno.EIO)
        {
            string invariant = waiting.WasRefused ? InvariantCatalog.TmpfsMountRetry : InvariantCatalog.TmpfsClaim;
            report(invariant, $"the mount of '{waiting.Image.Name}' failed with {Errno.Symbol(code)}, and what was handed over is sound");
        }
        else if (wasTouched)
        {
            report(
                InvariantCatalog.TmpfsMountRetry,
                $"a mount of '{waiting.Image.Name}' that was refused with {Errno.Symbol(code)} restored {waiting.Restored} pages");
        }

        waiting.WasRefused = true;
    }

    private Waiting? Find(string name)
    {
        foreach (Waiting waiting in _waiting)
        {
            if (waiting.Image.Name == name)
            {
                return waiting;
            }
        }

        return null;
    }
}
