using System.Globalization;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Scenarios;

/// <summary>Commands of a script to the machine itself.</summary>
internal static class MachineCommands
{
    private static readonly Command[] All =
    [
        new("log", "LEVEL TEXT", WriteLog),
        new("clear-log", "", static (step, _, _) => Ask(step, MachineProtocol.ClearLog)),
        new("find-log", "TEXT", static (step, words, _) => words.Count == 0 ? null : Ask(step, MachineProtocol.FindLog, Join(words, 0))),
        new("oops", "[TEXT]", static (step, words, _) => Ask(step, MachineProtocol.Oops, Join(words, 0))),
        new("panic", "[TEXT]", static (step, words, _) => Ask(step, MachineProtocol.Panic, Join(words, 0)) with { End = ScriptStepEnd.Kernel }),
        new("emergency-restart", "", static (step, _, _) => Ask(step, MachineProtocol.EmergencyRestart) with { End = ScriptStepEnd.Kernel }),
        new("power-off", "", static (step, _, _) => Ask(step, MachineProtocol.PowerOff) with { End = ScriptStepEnd.Kernel }),
        new("reboot", "", Reboot),
        new("jump-and-return", "", static (step, _, _) => Ask(step, MachineProtocol.JumpAndReturn)),
        new("modprobe", "CLIENT", static (step, words, clients) => Module(step, MachineProtocol.InsertModule, words, clients)),
        new("rmmod", "CLIENT", static (step, words, clients) => Module(step, MachineProtocol.RemoveModule, words, clients)),
        new("kexec", "load|execute", Kexec),
        new("wait", "DURATION", Wait),
    ];

    private delegate ScriptStep? Reader(ScriptStep step, IReadOnlyList<string> words, IReadOnlyList<string> clients);

    /// <summary>Names of the commands, as they are written.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(command => command.Name)];

    /// <summary>Whether a step's first word is a command to the machine.</summary>
    public static bool Has(string word) => Array.Exists(All, command => command.Name == word);

    /// <summary>Reads a command.</summary>
    /// <param name="step">The step, without what the command says.</param>
    /// <param name="words">All its words.</param>
    /// <param name="clients">Names of the scenario's clients.</param>
    /// <param name="problem">What is wrong and what is accepted, or null.</param>
    /// <returns>The step.</returns>
    public static ScriptStep Read(ScriptStep step, IReadOnlyList<string> words, IReadOnlyList<string> clients, out string? problem)
    {
        Command command = Array.Find(All, command => command.Name == words[0])!;
        List<string> arguments = [.. words.Skip(1)];
        bool isSurplus = command.Arguments.Length == 0 && arguments.Count > 0;
        if (!isSurplus && command.Read(step, arguments, clients) is { } read)
        {
            problem = null;
            return read;
        }

        string usage = $"{command.Name} {command.Arguments}".TrimEnd();
        bool takesClient = command.Arguments == "CLIENT";
        problem = $"expected '{usage}'{(takesClient ? $", clients of this scenario: {(clients.Count == 0 ? "none" : string.Join(", ", clients))}" : "")}";
        return step;
    }

    private static ScriptStep? WriteLog(ScriptStep step, IReadOnlyList<string> words, IReadOnlyList<string> clients)
    {
        bool isLine = words.Count >= 2 && words[0] is [>= '0' and <= '7'];
        return isLine ? Ask(step, MachineProtocol.WriteLog, Join(words, 1), (ulong)(words[0][0] - '0')) : null;
    }

    private static ScriptStep Reboot(ScriptStep step, IReadOnlyList<string> words, IReadOnlyList<string> clients) =>
        Ask(step, MachineProtocol.Reboot, null, (ulong)RebootCause.Asked) with { End = ScriptStepEnd.Kernel };

    private static ScriptStep? Module(ScriptStep step, ushort request, IReadOnlyList<string> words, IReadOnlyList<string> clients) =>
        words.Count == 1 && clients.Contains(words[0]) ? Ask(step, request, words[0]) : null;

    private static ScriptStep? Kexec(ScriptStep step, IReadOnlyList<string> words, IReadOnlyList<string> clients) => words switch
    {
        ["load"] => Ask(step, MachineProtocol.Load),
        ["execute"] => Ask(step, MachineProtocol.Execute),
        _ => null,
    };

    private static ScriptStep? Wait(ScriptStep step, IReadOnlyList<string> words, IReadOnlyList<string> clients)
    {
        bool isDuration = UnitValue.TryParse(string.Join(' ', words), ValueUnit.Ticks, out Int128 ticks) is null && ticks > 0 && ticks <= long.MaxValue;
        return isDuration ? step with { End = ScriptStepEnd.Time, WaitTicks = (ulong)ticks } : null;
    }

    private static ScriptStep Ask(ScriptStep step, ushort request, string? text = null, ulong word = 0) =>
        step with { To = ActorId.Machine, Message = new Message(new MessageKind(request), word, Text: text) };

    private static string? Join(IReadOnlyList<string> words, int from) => words.Count > from ? string.Join(' ', words.Skip(from)) : null;

    private sealed record Command(string Name, string Arguments, Reader Read);
}
