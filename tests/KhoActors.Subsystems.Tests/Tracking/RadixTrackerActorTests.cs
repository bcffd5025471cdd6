using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Tests.Tracking;

public class RadixTrackerActorTests
{
    private readonly ForwardPageSource _source;
    private readonly RadixTrackerActor _actor;
    private readonly KernelLog _log = new();
    private readonly Outbox _outbox = new() { Sender = ActorId.Tracker };

    public RadixTrackerActorTests()
    {
        var memory = new PhysicalMemory();
        _source = new ForwardPageSource(memory, 0x1_0000_0000);
        _actor = new RadixTrackerActor(() => RadixTree.Create(memory, _source), _log);
        Ask(new Message(CreateRootRequest.Kind));
    }

    [Fact]
    public void A_request_is_answered_to_its_sender_with_its_correlation()
    {
        Delivery reply = Ask(new TrackRequest(5, 0).ToMessage());
        Assert.Equal((ActorId.Kho, 77u), (reply.To, reply.Correlation));
        Assert.Equal(new TrackReply(0), TrackReply.From(reply.Message));
        Assert.Equal(TrackReply.Kind, reply.Message.Kind);
    }

    [Fact]
    public void A_failure_travels_as_a_negative_result()
    {
        _source.AllocationsLeft = 2;
        Assert.Equal(-Errno.ENOMEM, TrackReply.From(Ask(new TrackRequest(5, 0).ToMessage()).Message).Result);
    }

    [Fact]
    public void A_missing_table_is_answered_and_warned_about_each_time()
    {
        Assert.Equal(-Errno.ENOENT, UntrackReply.From(Ask(new UntrackRequest(5, 0).ToMessage()).Message).Result);
        Assert.Equal(-Errno.ENOENT, UntrackReply.From(Ask(new UntrackRequest(5, 0).ToMessage()).Message).Result);
        Assert.Equal(2, _log.Lines.Count);
        Ask(new TrackRequest(5, 0).ToMessage());
        Assert.Equal(0, UntrackReply.From(Ask(new UntrackRequest(5, 0).ToMessage()).Message).Result);
    }

    [Fact]
    public void A_message_of_another_protocol_is_a_defect() =>
        Assert.Throws<ArgumentException>(() => Ask(new Message(MessageKind.Of(ActorId.Kho, 1))));

    private Delivery Ask(in Message message)
    {
        _outbox.Clear();
        _actor.Receive(new Delivery(ActorId.Kho, ActorId.Tracker, 77, message), _outbox);
        return _outbox.Departures[0].Delivery;
    }
}
