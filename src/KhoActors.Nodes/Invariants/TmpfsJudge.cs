using System.Runtime.InteropServices;
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
    private readonly List<Request> _requests = [];
    private readonly SortedSet<ulong> _preserved = [];
    private readonly List<ContentRun> _frozenContent = [];
    private readonly TmpfsModelCalls _calls;
    private readonly TmpfsClaims _claims;
    private readonly TmpfsFreezes _freezes = new();
    private PhysicalMemory _memory = null!;
    private TmpfsImageReader _reader = null!;
    private ulong _anchor;
    private ulong _expectedGeneration;
    private bool _isHere;

    /// <summary>A judge that knows nothing.</summary>
    /// <param name="report">Receives violations: invariant, detail.</param>
    public TmpfsJudge(Action<string, string> report)
    {
        _report = report;
        _calls = new TmpfsModelCalls(report);
        _claims = new TmpfsClaims(report);
    }

    /// <summary>A request without an answer.</summary>
    /// <param name="Delivery">The request.</param>
    /// <param name="IsBlocked">Whether everything was certainly frozen when it came, so that it waits if it changes anything.</param>
    private readonly record struct Request(Delivery Delivery, bool IsBlocked)
    {
        public bool IsAnsweredBy(in Delivery reply) =>
            Delivery.Correlation == reply.Correlation && Delivery.From == reply.To && Delivery.To == reply.From
            && Delivery.Message.Kind.Reply == reply.Message.Kind;
    }

    /// <inheritdoc/>
    public void Begin(BootFacts facts, PhysicalMemory memory, KernelLog log)
    {
        _isHere = facts.Clients.Contains(ClientName);
        if (!_isHere)
        {
            return;
        }

        if (_memory != memory)
        {
            _memory = memory;
            _reader = new TmpfsImageReader(memory, _report);
        }

        _requests.Clear();
        _preserved.Clear();
        _frozenContent.Clear();
        _calls.Begin(memory);
        _claims.Clear();
        _freezes.Clear();
        _anchor = 0;
        _expectedGeneration = 1;
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
            return;
        }

        for (int i = 0; i < _requests.Count; i++)
        {
            if (CollectionsMarshal.AsSpan(_requests)[i].IsAnsweredBy(delivery))
            {
                Delivery request = _requests[i].Delivery;
                _requests.RemoveAt(i);
                Answered(request, delivery.Message);
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

        foreach (Request request in _requests)
        {
            if (!request.IsBlocked)
            {
                _calls.NeverAnswered(request.Delivery.Message);
            }
        }

        JudgeFrozen();
        if (_anchor != 0 && State(_anchor) == StateComplete)
        {
            JudgeHandedOver();
        }
        else if (!IsAsking() && _preserved.Count > (_anchor == 0 ? 0 : 1))
        {
            _report(InvariantCatalog.TmpfsPagesPreserved, $"{_preserved.Count} pages are preserved, and no complete anchor leads to them");
        }
    }

    /// <summary>T9.</summary>
    private void JudgeFrozen()
    {
        if (_freezes.HasKexecFrozen && _anchor != 0 && State(_anchor) != StateComplete)
        {
            _report(InvariantCatalog.TmpfsFrozen, "the anchor was complete when the kexec went on, and is not any more");
        }

        foreach (ContentRun run in _frozenContent)
        {
            if (_freezes.IsFrozen && !ContentImage.Holds(_memory, run, out ulong badPfn))
            {
                _report(InvariantCatalog.TmpfsFrozen, $"page 0x{badPfn:x} changed after the freeze");
            }
        }
    }

    /// <summary>T1: these pages, each of them once, and no others.</summary>
    private bool ArePreserved(IReadOnlyList<ulong> pages)
    {
        bool arePreserved = pages.Count == _preserved.Count;
        for (int i = 0; i < pages.Count && arePreserved; i++)
        {
            arePreserved = _preserved.Contains(pages[i]);
        }

        return arePreserved;
    }

    private void JudgeHandedOver()
    {
        TmpfsImage? image = _reader.Read(_anchor, judges: true);
        if (!ArePreserved(_reader.Pages))
        {
            ulong stray = _reader.Pages.Except(_preserved).Concat(_preserved.Except(_reader.Pages)).First();
            string what = _preserved.Contains(stray) ? "is preserved and not reached from the anchor" : "is reached from the anchor and not preserved";
            _report(InvariantCatalog.TmpfsPagesPreserved, $"page 0x{stray:x} {what}");
        }

        if (image is null)
        {
            return;
        }

        if (image.Generation != _expectedGeneration)
        {
            _report(InvariantCatalog.TmpfsGeneration, $"the anchor's generation is {image.Generation}, expected {_expectedGeneration}");
        }

        _calls.JudgeImage(image);
        if (_calls.IsCarrying)
        {
            _claims.JudgeCarried(image, _memory);
        }
    }

    private void Requested(in Delivery request)
    {
        Message message = request.Message;
        if (request.To == TmpfsProtocol.Actor)
        {
            Called(request);
        }

        switch (message.Kind.Value)
        {
            case KhoProtocol.UnpreserveFolio:
                Unpreserved(PageGeometry.PhysOf(message.A));
                break;
            case KhoProtocol.UnpreserveFree:
                Unpreserved(message.A);
                _anchor = _anchor == message.A ? 0 : _anchor;
                break;
            case KhoProtocol.RestoreFolio:
                _claims.Restoring(message.A);
                break;
        }

        _requests.Add(new Request(request, request.To == TmpfsProtocol.Actor && _freezes.IsCertainlyFrozen));
    }

    private void Called(in Delivery request)
    {
        switch (ClientProtocol.NumberOf(request.Message.Kind))
        {
            case ClientProtocol.Freeze or TmpfsProtocol.FreezeNow:
                _claims.Freezing();
                _freezes.Asked(request, isIdle: !IsTakingTurns());
                break;
            case ClientProtocol.Thaw or TmpfsProtocol.ThawNow:
                _freezes.Asked(request, isIdle: false);
                AdmitAll();
                break;
            case TmpfsProtocol.Mount:
                _claims.Mounting(TmpfsModelCalls.NameOf(request.Message));
                break;
            case TmpfsProtocol.Discard:
                _claims.Discarding(request.Message.Text!);
                break;
        }
    }

    private void Answered(in Delivery request, in Message reply)
    {
        KernelResult result = KernelResult.From(reply);
        Message message = request.Message;
        switch (message.Kind.Value)
        {
            case KhoProtocol.PreserveFolio when result.Succeeded:
                Preserved(PageGeometry.PhysOf(message.A), (int)message.B);
                return;
            case KhoProtocol.AllocPreserve when result.Succeeded:
                Preserved(result.Value, PageGeometry.OrderOf(message.A));
                return;
            case KhoProtocol.AddSubtree when result.Succeeded && message.Text == SubtreeName:
                _anchor = message.A;
                return;
            case KhoProtocol.RetrieveSubtree when result.Succeeded && State(result.Value) == StateComplete:
                TmpfsImage? image = _reader.Read(result.Value, judges: false);
                _expectedGeneration = (image?.Generation ?? 0) + 1;
                _claims.Take(image, _memory);
                return;
        }

        if (request.To == TmpfsProtocol.Actor)
        {
            Returned(request, reply, result);
        }
    }

    private void Returned(in Delivery request, in Message reply, KernelResult result)
    {
        switch (ClientProtocol.NumberOf(request.Message.Kind))
        {
            case ClientProtocol.Freeze or ClientProtocol.Thaw or TmpfsProtocol.FreezeNow or TmpfsProtocol.ThawNow:
                _freezes.Answered(request, result.Code);
                AfterFreezes();
                break;
            case TmpfsProtocol.Mount:
                string name = TmpfsModelCalls.NameOf(request.Message);
                TmpfsImageMount? restored = name.Length == 0 ? null : _claims.Mounted(name, result.Code);
                if (result.Code == 0)
                {
                    _calls.Mounted(request.Message, restored);
                }

                break;
            default:
                _calls.Answered(request.Message, reply, result);
                break;
        }
    }

    private void AfterFreezes()
    {
        while (_freezes.TryNext(out TmpfsFreezeEvent what))
        {
            switch (what)
            {
                case TmpfsFreezeEvent.Frozen:
                    _frozenContent.Clear();
                    foreach (ulong page in _preserved)
                    {
                        ContentImage.Capture(_memory, PageGeometry.PfnOf(page), 1, _frozenContent);
                    }

                    break;
                case TmpfsFreezeEvent.Thawed or TmpfsFreezeEvent.Failed:
                    _frozenContent.Clear();
                    AdmitAll();
                    JudgeThawed(what);
                    break;
            }
        }
    }

    /// <summary>T10, when nothing else is under way: outside a freeze nothing but the anchor is preserved.</summary>
    private void JudgeThawed(TmpfsFreezeEvent what)
    {
        bool isAnchorOnly = _preserved.Count == 0 || (_preserved.Count == 1 && _preserved.Contains(_anchor));
        if (!isAnchorOnly && !IsTakingTurns() && !IsAsking() && !_freezes.IsUnderWay)
        {
            string cause = what == TmpfsFreezeEvent.Thawed ? "freeze and thaw" : "a freeze that failed";
            _report(InvariantCatalog.TmpfsThaw, $"{cause} left {_preserved.Count} pages preserved, where only the anchor should be");
        }
    }

    /// <summary>A thaw may be under way: nobody is certainly blocked any more.</summary>
    private void AdmitAll()
    {
        for (int i = 0; i < _requests.Count; i++)
        {
            _requests[i] = _requests[i] with { IsBlocked = false };
        }
    }

    private void Preserved(ulong phys, int order)
    {
        if (order != 0 || !_preserved.Add(phys))
        {
            _report(InvariantCatalog.TmpfsPagesPreserved, $"page 0x{phys:x} is preserved as order {order}, or twice");
        }
    }

    private void Unpreserved(ulong phys) => _preserved.Remove(phys);

    /// <summary>Whether a request to tmpfs has no answer that waits for its turn: mounts, freezes and control files.</summary>
    private bool IsTakingTurns()
    {
        foreach (Request request in _requests)
        {
            if (request.Delivery.To == TmpfsProtocol.Actor && TmpfsModelCalls.WaitsForTurn(ClientProtocol.NumberOf(request.Delivery.Message.Kind)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether tmpfs waits for an answer of the KHO core.</summary>
    private bool IsAsking()
    {
        foreach (Request request in _requests)
        {
            if (request.Delivery.From == TmpfsProtocol.Actor)
            {
                return true;
            }
        }

        return false;
    }

    private uint State(ulong anchor) => (uint)(_memory.ReadUInt64(anchor + (StateOffset & ~7UL)) >> 32);
}
