using System.Globalization;
using KhoActors.Nodes.Machines.UserSpace;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Machines;

/// <summary>A delivery as a person reads it: who sends what to whom.</summary>
/// <param name="clients">The kernel's clients.</param>
/// <param name="programs">Who can say what is asked of clients.</param>
internal sealed class DeliveryWords(IReadOnlyList<KhoClient> clients, UserPrograms programs)
{
    private const int TextLongest = 60;

    // A reply's first word is a result; the kernel's MAX_ERRNO says which of them are refusals.
    private const ulong FirstErrno = unchecked((ulong)-4095L);

    /// <summary>The delivery in words.</summary>
    /// <returns>For example <c>workload to kho: preserve the folio of order 3 at pfn 0x1234</c>.</returns>
    public string Of(Delivery delivery) => $"{NameOf(delivery.From)} to {NameOf(delivery.To)}: {What(delivery)}";

    private static string Plain(in Message message)
    {
        string words = string.Create(CultureInfo.InvariantCulture, $"(0x{message.A:x}, 0x{message.B:x}, 0x{message.C:x}, 0x{message.D:x})");
        if (message.Text is not { } text)
        {
            return words;
        }

        string start = text.Length > TextLongest ? $"{text.AsSpan(0, TextLongest)}..." : text;
        return $"{words} '{string.Concat(start.Select(static c => c is >= ' ' and <= '~' ? c : '.'))}'";
    }

    private string What(in Delivery delivery)
    {
        Message message = delivery.Message;
        if (message.Kind == RuntimeMessages.Oops || message.Kind == RuntimeMessages.Terminated)
        {
            return $"{(message.Kind == RuntimeMessages.Oops ? "oops" : "terminated")} {Plain(message)}";
        }

        if (message.Kind.IsReply)
        {
            string refusal = message.A >= FirstErrno ? $", {Errno.Symbol((int)(long)message.A)}" : string.Empty;
            return $"answer to request 0x{message.Kind.Value & ~MessageKind.ReplyBit:x4} {Plain(message)}{refusal}";
        }

        string? words = delivery.From == ActorId.Workload && delivery.To.Value >= ActorId.FirstClient
            ? programs.Describe(delivery.To, message)
            : OperationDiary.WordsOf(message);
        return words ?? $"request {message.Kind} {Plain(message)}";
    }

    private string NameOf(ActorId actor) => actor.Value switch
    {
        0 => "machine",
        1 => "memblock",
        2 => "kho",
        3 => "tracker",
        4 => "workload",
        _ => clients.FirstOrDefault(client => client.Actor == actor)?.Name ?? $"actor {actor.Value}",
    };
}
