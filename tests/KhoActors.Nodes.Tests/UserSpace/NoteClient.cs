using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Tests.UserSpace;

/// <summary>
/// A client that holds one number, obeys every kind of request that user space can make, and refuses to freeze as often as it is told to.
/// It hands nothing over.
/// </summary>
internal sealed class NoteClient : IActor
{
    public const byte Put = 0x10;
    public const byte Get = 0x11;
    public const byte Refuse = 0x12;
    public const byte Silent = 0x13;

    private ulong _number;
    private ulong _refusals;

    /// <summary>The client, under any name and number.</summary>
    public static KhoClient Make(string name = "note", byte actor = 20, Func<IUserProgram>? program = null) => new()
    {
        Name = name,
        Summary = "Holds one number",
        Actor = new ActorId(actor),
        Hooks = ClientHooks.Freeze,
        Create = _ => new NoteClient(),
        UserProgram = program ?? (() => new NoteProgram(new ActorId(actor), name.Replace('-', '_'))),
    };

    public void Receive(in Delivery delivery, Outbox outbox)
    {
        KernelResult result = default;
        switch (ClientProtocol.NumberOf(delivery.Message.Kind))
        {
            case Put:
                _number = delivery.Message.A;
                break;
            case Get:
                result = new KernelResult(0, _number, _number * 2);
                break;
            case Refuse:
                _refusals = delivery.Message.A;
                break;
            case Silent:
                return;
            case ClientProtocol.Freeze when _refusals > 0:
                _refusals--;
                result = new KernelResult(-Errno.EBUSY);
                break;
            default:
                break;
        }

        outbox.Reply(delivery, result.ToReply(delivery.Message.Kind));
    }
}

/// <summary>User space's side of <see cref="NoteClient"/>: puts and gets, and checks that it gets what it put last.</summary>
internal sealed class NoteProgram(ActorId actor, string prefix) : IUserProgram
{
    private const uint GetTag = 1;
    private ulong _last;

    public IReadOnlyList<string> Operations { get; } = [$"{prefix}_put", $"{prefix}_get", $"{prefix}_complain"];

    public void Start(UserProcess process) => Put(1, process);

    public void Operate(int operation, UserProcess process)
    {
        switch (operation)
        {
            case 0:
                Put(process.NextBelow(1000), process);
                break;
            case 1:
                process.Ask(new Message(MessageKind.Of(actor, NoteClient.Get)), GetTag + (uint)_last);
                break;
            default:
                process.Report("as planned");
                break;
        }
    }

    public void Answered(uint tag, in Message reply, UserProcess process)
    {
        if (tag >= GetTag && KernelResult.From(reply).Value != tag - GetTag)
        {
            process.Report($"expected {tag - GetTag}, found {KernelResult.From(reply).Value}");
        }
    }

    public UserCommand ReadCommand(IReadOnlyList<string> words) => words switch
    {
        ["put", { } number] when CommandTable.TryReadNumber(number, out ulong value) => Command(NoteClient.Put, value),
        ["get"] => Command(NoteClient.Get),
        ["get", "double", { } number] when CommandTable.TryReadNumber(number, out ulong value) =>
            Command(NoteClient.Get) with { ExpectedExtra = value },
        ["refuse", { } times] when CommandTable.TryReadNumber(times, out ulong value) => Command(NoteClient.Refuse, value),
        ["silent"] => Command(NoteClient.Silent),
        _ => UserCommand.Refuse("accepted: put NUMBER, get [double NUMBER], refuse TIMES, silent"),
    };

    public string Describe(in Message request) => ClientProtocol.NumberOf(request.Kind) == NoteClient.Get ? "get" : $"put {request.A}";

    private UserCommand Command(byte request, ulong number = 0) => new(new Message(MessageKind.Of(actor, request), number));

    private void Put(ulong number, UserProcess process)
    {
        _last = number;
        process.Ask(new Message(MessageKind.Of(actor, NoteClient.Put), number), 0);
    }
}
