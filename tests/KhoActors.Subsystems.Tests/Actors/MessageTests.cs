using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Tests.Actors;

public sealed class MessageTests
{
    [Fact]
    public void A_delivery_prints_itself_and_comes_to_an_end()
    {
        var delivery = new Delivery(ActorId.Machine, ActorId.Kho, 3, new Message(MessageKind.Of(ActorId.Kho, 1), 42));

        Assert.Contains("Kind = 0x0201, A = 42", delivery.ToString(), StringComparison.Ordinal);
    }
}
