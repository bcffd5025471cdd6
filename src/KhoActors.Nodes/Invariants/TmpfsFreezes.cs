using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Nodes.Invariants;

/// <summary>What a freeze or a thaw turned out to be.</summary>
internal enum TmpfsFreezeEvent
{
    /// <summary>It changed nothing: it was refused, or taken over.</summary>
    Nothing,

    /// <summary>Everything is frozen now.</summary>
    Frozen,

    /// <summary>Nothing is frozen any more.</summary>
    Thawed,

    /// <summary>A freeze failed and was undone.</summary>
    Failed,
}

/// <summary>
/// Who holds a freeze. tmpfs carries freezes and thaws out in the order in which they came, but their answers go to user space and to the machine
/// and may overtake each other: an answer counts when all before it are there.
/// </summary>
internal sealed class TmpfsFreezes
{
    private readonly List<(Delivery Request, int? Code)> _asked = [];
    private bool _isUserHolding;
    private bool _isKexecHolding;

    /// <summary>Whether everything is frozen, and no thaw was asked for.</summary>
    public bool IsFrozen => (_isUserHolding || _isKexecHolding) && !IsThawAsked();

    /// <summary>Whether a kexec was told that everything is frozen, and no thaw was asked for.</summary>
    public bool HasKexecFrozen { get; private set; }

    /// <summary>Whether every request that changes something waits from now on.</summary>
    public bool IsCertainlyFrozen { get; private set; }

    /// <summary>Whether some were asked for and do not count yet.</summary>
    public bool IsUnderWay => _asked.Count != 0;

    /// <summary>A kernel has booted.</summary>
    public void Clear()
    {
        _asked.Clear();
        _isUserHolding = false;
        _isKexecHolding = false;
        HasKexecFrozen = false;
        IsCertainlyFrozen = false;
    }

    /// <summary>A freeze or a thaw was asked for.</summary>
    /// <param name="request">The request.</param>
    /// <param name="isIdle">Whether tmpfs begins with it at once.</param>
    public void Asked(in Delivery request, bool isIdle)
    {
        bool isFreeze = IsFreeze(request);
        _asked.Add((request, null));
        IsCertainlyFrozen = isFreeze && (IsCertainlyFrozen || isIdle);
        HasKexecFrozen &= isFreeze || ClientProtocol.NumberOf(request.Message.Kind) != ClientProtocol.Thaw;
    }

    /// <summary>It was answered.</summary>
    public void Answered(in Delivery request, int code)
    {
        HasKexecFrozen |= code == 0 && ClientProtocol.NumberOf(request.Message.Kind) == ClientProtocol.Freeze;
        for (int i = 0; i < _asked.Count; i++)
        {
            if (_asked[i].Request == request && _asked[i].Code is null)
            {
                _asked[i] = (request, code);
                return;
            }
        }
    }

    /// <summary>The next one that counts.</summary>
    /// <param name="what">What it did.</param>
    /// <returns>False when there is none.</returns>
    public bool TryNext(out TmpfsFreezeEvent what)
    {
        what = TmpfsFreezeEvent.Nothing;
        if (_asked.Count == 0 || _asked[0].Code is not { } code)
        {
            return false;
        }

        Delivery request = _asked[0].Request;
        _asked.RemoveAt(0);
        bool isOfKexec = request.Message.Kind == MessageKind.Of(TmpfsProtocol.Actor, IsFreeze(request) ? ClientProtocol.Freeze : ClientProtocol.Thaw);
        what = IsFreeze(request) ? Froze(isOfKexec, code) : code == 0 ? Thawed(isOfKexec) : TmpfsFreezeEvent.Nothing;
        if (what is TmpfsFreezeEvent.Failed)
        {
            IsCertainlyFrozen = false;
        }

        return true;
    }

    private static bool IsFreeze(in Delivery request) =>
        ClientProtocol.NumberOf(request.Message.Kind) is ClientProtocol.Freeze or TmpfsProtocol.FreezeNow;

    private TmpfsFreezeEvent Froze(bool isOfKexec, int code)
    {
        if (code == -Errno.EBUSY)
        {
            return TmpfsFreezeEvent.Nothing;
        }

        if (code != 0)
        {
            return TmpfsFreezeEvent.Failed;
        }

        bool wasFrozen = _isUserHolding;
        _isKexecHolding |= isOfKexec && !wasFrozen;
        _isUserHolding |= !isOfKexec;
        return wasFrozen ? TmpfsFreezeEvent.Nothing : TmpfsFreezeEvent.Frozen;
    }

    private TmpfsFreezeEvent Thawed(bool isOfKexec)
    {
        bool isThawed = isOfKexec ? _isKexecHolding : _isUserHolding;
        _isKexecHolding &= !isOfKexec;
        _isUserHolding &= isOfKexec;
        return isThawed ? TmpfsFreezeEvent.Thawed : TmpfsFreezeEvent.Nothing;
    }

    private bool IsThawAsked()
    {
        foreach ((Delivery request, _) in _asked)
        {
            if (!IsFreeze(request))
            {
                return true;
            }
        }

        return false;
    }
}
