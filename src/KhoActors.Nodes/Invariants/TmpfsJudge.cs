using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Nodes.Invariants;

/// <summary>
/// Judges tmpfs on our layout, tmpfs-kho-v1: invariants T1 to T14. It follows what tmpfs asks of the KHO core, keeps a file system of its own from the
/// results of system calls (<see cref="TmpfsModelCalls"/>), and reads what is handed over with a reader of its own.
/// </summary>
internal sealed class TmpfsJudge : IClientJudge
{
    private const string ClientName = "tmpfs";
    private const string SubtreeName = "tmpfs-kho";
    private const ulong StateOffset = 0x24;
    private const uint StateComplete = 2;
    private readonly Action<string, string> _report;
    private readonly List<Delivery> _requests = [];
    private readonly SortedSet<ulong> _preserved = [];
    private readonly List<ulong> _preservedBeforeFreeze = [];
    private readonly List<ContentRun> _frozenContent = [];
    private readonly TmpfsModelCalls _calls;
    private PhysicalMemory _memory = null!;
    private TmpfsImageReader _reader = null!;
    private TmpfsImage? _incoming;
    private ulong _anchor;
    private bool _isHere;
    private bool _isFrozen;
    private int _restoredByMount;

    /// <summary>A judge that knows nothing.</summary>
    /// <param name="report">Receives violations: invariant, detail.</param>
    public TmpfsJudge(Action<string, string> report)
    {
        _report = report;
        _calls = new TmpfsModelCalls(report);
    }

    /// <inheritdoc/>
    public void Begin(BootFacts facts, PhysicalMemory memory, KernelLog log)
    {
        _isHere = facts.Clients.Contains(ClientName);
        if (!_isHere)
        {
            return;
        }

        _memory = memory;
        _reader = new TmpfsImageReader(memory, _report);
        _requests.Clear();
        _preserved.Clear();
        _preservedBeforeFreeze.Clear();
        _frozenContent.Clear();
        _calls.Begin(memory);
        _incoming = null;
        _anchor = 0;
        _isFrozen = false;
    }

    /// <inheritdoc/>
    public void Delivered(in Delivery delivery)
    {
        if (!_isHere || (delivery.From != TmpfsProtocol.Actor && delivery.To != TmpfsProtocol.Actor))
        {
            return;
        }

        if (!delivery.Message.Kind.IsReply)
        {
            Requested(delivery);
            _requests.Add(delivery);
            return;
        }

        for (int i = 0; i < _requests.Count; i++)
        {
            Delivery request = _requests[i];
            if (request.From == delivery.To && request.To == delivery.From && request.Correlation == delivery.Correlation
                && request.Message.Kind.Reply == delivery.Message.Kind)
            {
                _requests.RemoveAt(i);
                Answered(request.Message, delivery.Message);
                return;
            }
        }
    }

    /// <inheritdoc/>
    public void AtJump(bool handedOver)
    {
        if (!_isHere || !handedOver)
        {
            return;
        }

        foreach (Delivery request in _requests)
        {
            _calls.NeverAnswered(request.Message);
        }

        foreach (ContentRun run in _frozenContent)
        {
            if (_isFrozen && !ContentImage.Holds(_memory, run, out ulong badPfn))
            {
                _report(InvariantCatalog.TmpfsFrozen, $"page 0x{badPfn:x} changed after the freeze");
            }
        }

        if (_anchor != 0 && State(_anchor) == StateComplete)
        {
            JudgeHandedOver();
        }
        else if (!HasUnansweredPreservation() && _preserved.Count > (_anchor == 0 ? 0 : 1))
        {
            _report(InvariantCatalog.TmpfsPagesPreserved, $"{_preserved.Count} pages are preserved, and no complete anchor leads to them");
        }
    }

    private void JudgeHandedOver()
    {
        TmpfsImage? image = _reader.Read(_anchor);
        foreach (ulong page in _reader.Pages.Except(_preserved))
        {
            _report(InvariantCatalog.TmpfsPagesPreserved, $"page 0x{page:x} is reached from the anchor and not preserved");
        }

        foreach (ulong page in _preserved.Except(_reader.Pages))
        {
            _report(InvariantCatalog.TmpfsPagesPreserved, $"page 0x{page:x} is preserved and not reached from the anchor");
        }

        if (image is null)
        {
            return;
        }

        ulong expected = (_incoming?.Generation ?? 0) + 1;
        if (image.Generation != expected)
        {
            _report(InvariantCatalog.TmpfsGeneration, $"the anchor's generation is {image.Generation}, expected {expected}");
        }

        _calls.JudgeImage(image);
    }

    private void Requested(in Delivery request)
    {
        Message message = request.Message;
        switch (message.Kind.Value)
        {
            case KhoProtocol.UnpreserveFolio:
                _preserved.Remove(PageGeometry.PhysOf(message.A));
                break;
            case KhoProtocol.UnpreserveFree:
                _preserved.Remove(message.A);
                _anchor = _anchor == message.A ? 0 : _anchor;
                break;
            case KhoProtocol.RestoreFolio:
                _restoredByMount++;
                break;
        }

        if (request.To != TmpfsProtocol.Actor)
        {
            return;
        }

        switch (ClientProtocol.NumberOf(message.Kind))
        {
            case ClientProtocol.Freeze or TmpfsProtocol.FreezeNow when !_isFrozen:
                _preservedBeforeFreeze.Clear();
                _preservedBeforeFreeze.AddRange(_preserved);
                break;
            case TmpfsProtocol.Mount:
                _restoredByMount = 0;
                break;
        }
    }

    private void Answered(in Message request, in Message reply)
    {
        KernelResult result = KernelResult.From(reply);
        switch (request.Kind.Value)
        {
            case KhoProtocol.PreserveFolio when result.Succeeded:
                Preserved(PageGeometry.PhysOf(request.A), (int)request.B);
                return;
            case KhoProtocol.AllocPreserve when result.Succeeded:
                Preserved(result.Value, PageGeometry.OrderOf(request.A));
                return;
            case KhoProtocol.AddSubtree when result.Succeeded && request.Text == SubtreeName:
                _anchor = request.A;
                return;
            case KhoProtocol.RetrieveSubtree when result.Succeeded && State(result.Value) == StateComplete:
                _incoming = _reader.Read(result.Value);
                return;
        }

        if (request.Kind.Value >> 8 == TmpfsProtocol.Actor.Value)
        {
            Called(request, reply, result);
        }
    }

    private void Preserved(ulong phys, int order)
    {
        if (order != 0 || !_preserved.Add(phys))
        {
            _report(InvariantCatalog.TmpfsPagesPreserved, $"page 0x{phys:x} is preserved as order {order}, or twice");
        }
    }

    private void Called(in Message request, in Message reply, KernelResult result)
    {
        switch (ClientProtocol.NumberOf(request.Kind))
        {
            case ClientProtocol.Freeze or TmpfsProtocol.FreezeNow:
                if (result.Code == 0)
                {
                    Frozen();
                }
                else if (result.Code != -Errno.EBUSY)
                {
                    JudgeThawed("a freeze that failed");
                }

                break;
            case ClientProtocol.Thaw or TmpfsProtocol.ThawNow when result.Code == 0 && _isFrozen:
                _isFrozen = false;
                JudgeThawed("freeze and thaw");
                break;
            case TmpfsProtocol.Mount:
                Mounted(request, result);
                break;
            default:
                _calls.Answered(request, reply, result);
                break;
        }
    }

    private void Frozen()
    {
        _isFrozen = true;
        _frozenContent.Clear();
        foreach (ulong page in _preserved)
        {
            ContentImage.Capture(_memory, PageGeometry.PfnOf(page), 1, _frozenContent);
        }
    }

    private void JudgeThawed(string what)
    {
        if (!_preserved.SetEquals(_preservedBeforeFreeze))
        {
            _report(InvariantCatalog.TmpfsThaw, $"{what} left {_preserved.Count} pages preserved, before there were {_preservedBeforeFreeze.Count}");
        }
    }

    private void Mounted(in Message request, KernelResult result)
    {
        string name = TmpfsModelCalls.NameOf(request);
        TmpfsImageMount? handedOver = name.Length == 0 ? null : _incoming?.Find(name);
        bool isRestored = handedOver is not null && !_calls.WasTaken(name);
        if (result.Code != 0)
        {
            if (_restoredByMount != 0 && result.Code is -Errno.EINVAL or -Errno.EUCLEAN or -Errno.EBUSY or -Errno.ENOSPC or -Errno.EPERM)
            {
                _report(InvariantCatalog.TmpfsMountRetry, $"a mount of '{name}' that was refused with {Errno.Symbol(result.Code)} restored {_restoredByMount} pages");
            }
        }
        else
        {
            if (isRestored && (ulong)_restoredByMount != handedOver!.PageCount)
            {
                _report(InvariantCatalog.TmpfsClaim, $"the mount of '{name}' restored {_restoredByMount} pages, {handedOver.PageCount} were handed over");
            }

            _calls.Mounted(request, isRestored ? handedOver : null);
        }
    }

    private bool HasUnansweredPreservation()
    {
        foreach (Delivery request in _requests)
        {
            if (request.Message.Kind.Value is KhoProtocol.PreserveFolio or KhoProtocol.AllocPreserve or KhoProtocol.AddSubtree)
            {
                return true;
            }
        }

        return false;
    }

    private uint State(ulong anchor) => (uint)(_memory.ReadUInt64(anchor + (StateOffset & ~7UL)) >> 32);
}
