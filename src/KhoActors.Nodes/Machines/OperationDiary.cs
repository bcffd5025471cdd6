using KhoActors.Nodes.Machines.UserSpace;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Machines;

/// <summary>
/// Writes down what user space asks of the kernel, with the answer, between the lines that the kernel logs meanwhile: a generation for a
/// person to read. It only listens; with or without it a run is the same.
/// </summary>
/// <param name="log">The kernel's log.</param>
internal sealed class OperationDiary(KernelLog log) : IDeliveryObserver
{
    private readonly List<string> _lines = [];
    private readonly List<Delivery> _unanswered = [];
    private int _logLinesSeen;
    private UserPrograms _programs = null!;

    /// <summary>A new generation begins, with an empty log.</summary>
    /// <param name="programs">Who can say what is asked of clients.</param>
    public void Begin(UserPrograms programs)
    {
        _programs = programs;
        _lines.Clear();
        _unanswered.Clear();
        _logLinesSeen = 0;
    }

    /// <summary>The generation is over.</summary>
    /// <returns>Its lines, in the order of events.</returns>
    public IReadOnlyList<string> End()
    {
        AddLogLines();
        foreach (Delivery request in _unanswered)
        {
            _lines.Add($"{Describe(request)}: unanswered, the kernel ended first");
        }

        return [.. _lines];
    }

    /// <inheritdoc/>
    public void Delivered(ulong number, ulong nowTicks, in Delivery delivery)
    {
        AddLogLines();
        if (delivery.Message.Kind == new MessageKind(MachineProtocol.Execute).Reply)
        {
            _lines.Add($"kexec: refused: {Errno.Symbol(KernelResult.From(delivery.Message).Code)}");
        }
        else if (delivery.Message.Kind.Value is MachineProtocol.Execute or MachineProtocol.Reboot or MachineProtocol.Panic
            or MachineProtocol.EmergencyRestart or MachineProtocol.PowerOff)
        {
            _lines.Add(Describe(delivery));
        }
        else if (delivery.From == ActorId.Workload && delivery.To != ActorId.Workload && !delivery.Message.Kind.IsReply)
        {
            _unanswered.Add(delivery);
        }
        else if (delivery.To == ActorId.Workload && delivery.Message.Kind.IsReply)
        {
            Answer(delivery);
        }
    }

    /// <inheritdoc/>
    public void DeadLetter(DeadLetterReason reason, in Delivery delivery)
    {
    }

    private void Answer(Delivery reply)
    {
        int index = _unanswered.FindIndex(request => request.Correlation == reply.Correlation && request.To == reply.From);
        if (index < 0)
        {
            throw new InvalidOperationException($"actor {reply.From.Value} answers {reply.Message.Kind}, which user space did not ask");
        }

        Delivery request = _unanswered[index];
        _unanswered.RemoveAt(index);
        _lines.Add($"{Describe(request)}: {AnswerOf(request.Message, KernelResult.From(reply.Message), reply.Message.Text)}");
    }

    private static string AnswerOf(in Message request, KernelResult result, string? text) =>
        result.Succeeded && text is not null ? Quote(text)
        : result.Succeeded && request.Kind.Value >> 8 >= ActorId.FirstClient ? result.Value == 0 ? "done" : $"{result.Value}"
        : !result.Succeeded ? Errno.Symbol(result.Code)
        : request.Kind.Value == KhoProtocol.RestoreFolio ? $"order {result.Value}"
        : request.Kind.Value == MachineProtocol.FindLog ? result.Value == 1 ? "1 line" : $"{result.Value} lines"
        : result.Value != 0 ? $"0x{result.Value:x}"
        : "done";

    private void AddLogLines()
    {
        for (; _logLinesSeen < log.Lines.Count; _logLinesSeen++)
        {
            _lines.Add(log.Lines[_logLinesSeen].ToString());
        }
    }

    private static string Quote(string text)
    {
        const int longest = 60;
        string start = text.Length > longest ? $"{text.AsSpan(0, longest)}..." : text;
        return $"'{string.Concat(start.Select(static c => c is >= ' ' and <= '~' ? c : '.'))}'";
    }

    private string Describe(in Delivery request) => request.To.Value < ActorId.FirstClient
        ? WordsOf(request.Message) ?? throw new ArgumentOutOfRangeException(nameof(request), request.Message.Kind, "user space has no such request")
        : _programs.Describe(request.To, request.Message) ?? $"request {request.Message.Kind} to actor {request.To.Value}";

    /// <summary>What user space may ask of the machine, memblock or KHO, as a person reads it.</summary>
    /// <param name="message">The request.</param>
    /// <returns>The line, or null for what user space does not ask.</returns>
    public static string? WordsOf(in Message message) => message.Kind.Value switch
    {
        MachineProtocol.WriteLog => $"write to the log: {message.Text}",
        MachineProtocol.ClearLog => "clear the log",
        MachineProtocol.FindLog => $"look for '{message.Text}' in the log",
        MachineProtocol.Panic => "panic",
        MachineProtocol.Oops => "oops in a process",
        MachineProtocol.EmergencyRestart => "emergency restart",
        MachineProtocol.PowerOff => "power off",
        MachineProtocol.JumpAndReturn => "kexec: jump and return",
        MachineProtocol.InsertModule => $"modprobe {message.Text}",
        MachineProtocol.RemoveModule => $"rmmod {message.Text}",
        MachineProtocol.Load => "kexec: load the next kernel",
        MachineProtocol.Execute => "kexec: execute",
        MachineProtocol.Reboot => "reboot",
        MemblockProtocol.AllocatePages => $"allocate a folio of order {message.A}",
        MemblockProtocol.FreeRange => $"free {message.B} pages from pfn 0x{message.A:x}",
        MemblockProtocol.Vmalloc => $"allocate a vmalloc area of {message.A} pages",
        MemblockProtocol.Vfree => $"free the vmalloc area at 0x{message.A:x}",
        MemblockProtocol.FindReserveMem => $"find reserve_mem region {message.A}",
        KhoProtocol.PreserveFolio => $"preserve the folio of order {message.B} at pfn 0x{message.A:x}",
        KhoProtocol.UnpreserveFolio => $"un-preserve the folio of order {message.B} at pfn 0x{message.A:x}",
        KhoProtocol.PreservePages => $"preserve {message.B} pages from pfn 0x{message.A:x}",
        KhoProtocol.UnpreservePages => $"un-preserve {message.B} pages from pfn 0x{message.A:x}",
        KhoProtocol.AllocPreserve => $"allocate and preserve {message.A} bytes",
        KhoProtocol.UnpreserveFree => $"un-preserve and free the folio at 0x{message.A:x}",
        KhoProtocol.RestoreFolio => $"restore the folio at 0x{message.A:x}",
        KhoProtocol.RestorePages => $"restore {message.B} pages from pfn 0x{message.A:x}",
        KhoProtocol.PreserveVmalloc => $"preserve the vmalloc area at 0x{message.A:x}",
        KhoProtocol.UnpreserveVmalloc => $"un-preserve the vmalloc area whose first chunk is at 0x{message.A:x}",
        KhoProtocol.RestoreVmalloc => $"restore the vmalloc area whose first chunk is at 0x{message.A:x}",
        KhoProtocol.AddSubtree => $"publish {message.B} bytes at 0x{message.A:x} as '{message.Text}'",
        KhoProtocol.RemoveSubtree => $"withdraw what is published at 0x{message.A:x}",
        KhoProtocol.RetrieveSubtree => $"look for '{message.Text}' of the kernel before",
        _ => null,
    };
}
