using KhoActors.Nodes.Machines;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Tests.Machines;

/// <summary>Answers as a difference tells them: what was refused has its error's name, what looks like one at a glance has none.</summary>
public sealed class DeliveryWordsTests
{
    [Theory]
    [InlineData(-Errno.ENOENT, "(0xfffffffffffffffe, 0x5, 0x0, 0x0), -ENOENT")]
    [InlineData(-4095, "(0xfffffffffffff001, 0x5, 0x0, 0x0), -4095")]
    [InlineData(-4096, "(0xfffffffffffff000, 0x5, 0x0, 0x0)")]
    [InlineData(0, "(0x0, 0x5, 0x0, 0x0)")]
    [InlineData(0x8000_0000L, "(0x80000000, 0x5, 0x0, 0x0)")]
    public void An_answer_that_refuses_names_the_error(long first, string told)
    {
        Message answer = new(MessageKind.Of(ActorId.Kho, 12).Reply, (ulong)first, 5);

        // Programs are asked about requests to clients, never about answers.
        string words = new DeliveryWords([], programs: null!).Of(new Delivery(ActorId.Kho, ActorId.Workload, 1, answer));

        Assert.Equal($"kho to workload: answer to request 0x020c {told}", words);
    }
}
