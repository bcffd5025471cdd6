using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Tests.Kho;

public sealed class SequentialClientTests
{
    private static readonly ActorId Id = new(9);

    [Fact]
    public void A_request_is_answered_when_its_last_call_has_returned()
    {
        KhoBench bench = KhoBench.Started();
        bench.Place(Id, new Keeper());

        KernelResult answer = bench.Call(Request(pages: 3), Id);

        Assert.Equal(3UL, answer.Value);
        Assert.Equal(3, bench.Tracked.Count(block => block.Order == 0 && block.Pfn >= KhoBench.FreeStartPfn) - Baseline());
    }

    [Fact]
    public void Requests_are_served_one_after_the_other_in_the_order_in_which_they_came()
    {
        KhoBench bench = KhoBench.Started();
        Keeper keeper = new();
        bench.Place(Id, keeper);
        uint first = bench.Post(Request(pages: 3), Id);
        uint second = bench.Post(Request(pages: 1), Id);
        uint third = bench.Post(Request(pages: 0), Id);
        while (bench.Deliverable > 0)
        {
            bench.Deliver(0);
        }

        Assert.Equal((3UL, 1UL, 0UL), (bench.AnswerTo(first)!.Value.Value, bench.AnswerTo(second)!.Value.Value, bench.AnswerTo(third)!.Value.Value));
        Assert.Equal(["3: begins", "3: ends", "1: begins", "1: ends", "0: begins", "0: ends"], keeper.Diary);
    }

    [Fact]
    public void A_failing_call_gives_its_errno()
    {
        KhoBench bench = KhoBench.Started();
        bench.Place(Id, new Keeper());
        bench.TrackerPages.AllocationsLeft = 0;
        bench.Memblock.AllocationsLeft = 0;

        Assert.Equal(-Errno.ENOMEM, bench.Call(Request(pages: 1), Id).Code);
    }

    [Fact]
    public void A_reply_that_nobody_waits_for_is_our_defect() =>
        Assert.Throws<InvalidOperationException>(() => new Keeper().Receive(
            new Delivery(ActorId.Kho, Id, 7, new KernelResult(0).ToReply(KernelCall.RetrieveSubtree("a").Message.Kind)), new Outbox()));

    private static int Baseline() => KhoBench.Started().Tracked.Count(block => block.Order == 0 && block.Pfn >= KhoBench.FreeStartPfn);

    private static Message Request(ulong pages) => new(MessageKind.Of(Id, ClientProtocol.FirstOwn), pages);

    /// <summary>Preserves as many pages as it is asked for.</summary>
    private sealed class Keeper : SequentialClient
    {
        public List<string> Diary { get; } = [];

        protected override IEnumerator<KernelCall> Serve(ClientRequest request)
        {
            ulong pages = request.Message.A;
            Diary.Add($"{pages}: begins");
            for (ulong i = 0; i < pages; i++)
            {
                KernelCall call = KernelCall.AllocPreserve(1);
                yield return call;
                if (call.Code != 0)
                {
                    request.Return(call.Code);
                    yield break;
                }
            }

            Diary.Add($"{pages}: ends");
            request.Answer = new KernelResult(0, pages);
        }
    }
}
