using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Tracking;

/// <summary>
/// The tracker of a machine as an actor: each delivery is one turn under the tracker's lock, so ranges of several clients interleave
/// block by block. Answers <see cref="CreateRootRequest"/>, <see cref="TrackRequest"/>, <see cref="UntrackRequest"/>
/// and <see cref="DestroyRequest"/>.
/// </summary>
/// <param name="create">Makes the empty structure in RAM; null when memory is exhausted.</param>
/// <param name="log">Receives the warnings.</param>
public sealed class RadixTrackerActor(Func<ITracker?> create, KernelLog log) : IActor
{
    private ITracker? _tracker;

    /// <summary>The function that warns when a table on the way to a removed block is missing.</summary>
    public const string MissingTableWarning = "kho_radix_del_key";

    /// <summary>The structure in RAM, once it was made.</summary>
    public ITracker? Tracker => _tracker;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The message is none of the tracker's.</exception>
    /// <exception cref="SimulatedOopsException">A damaged structure crashed the simulated kernel.</exception>
    public void Receive(in Delivery delivery, Outbox outbox)
    {
        Message message = delivery.Message;
        if (message.Kind == CreateRootRequest.Kind)
        {
            _tracker = create();
            outbox.Reply(delivery, (_tracker is null ? new KernelResult(-Errno.ENOMEM) : new KernelResult(0, _tracker.MapPhys)).ToReply(message.Kind));
            return;
        }

        if (message.Kind == DestroyRequest.Kind)
        {
            _tracker?.Destroy();
            _tracker = null;
            outbox.Reply(delivery, default(KernelResult).ToReply(message.Kind));
            return;
        }

        ITracker tracker = _tracker ?? throw new InvalidOperationException("the tracker is used before its root exists");
        if (message.Kind == TrackRequest.Kind)
        {
            var request = TrackRequest.From(message);
            outbox.Reply(delivery, new TrackReply(tracker.Track(request.Pfn, request.Order)).ToMessage());
        }
        else if (message.Kind == UntrackRequest.Kind)
        {
            outbox.Reply(delivery, new UntrackReply(Untrack(tracker, UntrackRequest.From(message))).ToMessage());
        }
        else
        {
            throw new ArgumentException($"the tracker does not understand message kind 0x{message.Kind.Value:x4}", nameof(delivery));
        }
    }

    private int Untrack(ITracker tracker, UntrackRequest request)
    {
        if (tracker.Untrack(request.Pfn, request.Order))
        {
            return 0;
        }

        log.Warn(MissingTableWarning);
        return -Errno.ENOENT;
    }
}
