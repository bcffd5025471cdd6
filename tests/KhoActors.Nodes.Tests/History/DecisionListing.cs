using System.Globalization;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Machines.Deciding;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Tests.History;

/// <summary>Decisions of one stream that follow one another, for people to read.</summary>
/// <param name="First">Number of the first of them in its generation, from 0: the operation itself, when one begins here.</param>
/// <param name="Stream">Whose they are: <c>workload</c>, <c>end of generation</c>, <c>client tmpfs</c>, <c>user program tmpfs</c>.</param>
/// <param name="Operation">The operation that begins here as the scenario's mix names it; empty for what is decided later.</param>
/// <param name="Values">The other values: choices as they were used; <c>*</c> for a word that is the stream's own draw, which means nothing by itself.</param>
internal sealed record DecisionLine(int First, string Stream, string Operation, IReadOnlyList<string> Values)
{
    /// <summary>The line.</summary>
    /// <returns>For example <c>12 workload: preserve_folio 0 5 *</c>.</returns>
    public override string ToString()
    {
        string operation = Operation.Length == 0 ? "" : $" {Operation}";
        string values = Values.Count == 0 ? "" : $" {string.Join(' ', Values)}";
        return string.Create(CultureInfo.InvariantCulture, $"{First} {Stream}:{operation}{values}");
    }
}

/// <summary>Lists recorded decisions in words.</summary>
internal static class DecisionListing
{
    /// <summary>Lists the decisions of one generation.</summary>
    /// <param name="decisions">A record's <see cref="GenerationRecord.Decisions"/>.</param>
    /// <param name="resolved">The run's scenario.</param>
    /// <returns>The lines, in order, one at a time.</returns>
    /// <exception cref="InvalidDataException">Thrown where the bytes are no decisions; what stands before was listed.</exception>
    public static IEnumerable<DecisionLine> Read(ReadOnlyMemory<byte> decisions, ResolvedScenario resolved)
    {
        ArgumentNullException.ThrowIfNull(resolved);
        Dictionary<int, string> names = OperationNames(resolved.Clients);
        DecisionReader reader = new(decisions);
        DecisionLine? line = null;
        List<string> values = [];
        int stream = -1;
        while (reader.TryRead(out Decision decision))
        {
            bool isOperation = decision.Kind == DecisionKind.Operation;
            if (line is null || isOperation || decision.Stream != stream)
            {
                if (line is not null)
                {
                    yield return line;
                }

                stream = decision.Stream;
                values = [];
                line = new DecisionLine(reader.Count - 1, StreamName(stream, resolved.Clients), isOperation ? NameOf(decision, names) : "", values);
            }

            if (!isOperation)
            {
                values.Add(ValueOf(decision));
            }
        }

        if (line is not null)
        {
            yield return line;
        }
    }

    private static string NameOf(in Decision decision, Dictionary<int, string> names) =>
        names.TryGetValue((int)decision.Value, out string? name) ? name : decision.ToString();

    private static string ValueOf(in Decision decision) => decision.Kind switch
    {
        DecisionKind.Choice when decision.Stream == DecisionLog.EndStream => EndOf(decision.Value),
        DecisionKind.Choice => decision.ToString(),
        _ => decision.IsDrawn ? "*" : string.Create(CultureInfo.InvariantCulture, $"0x{decision.Value:x16}"),
    };

    private static string EndOf(ulong value) =>
        value <= int.MaxValue && Enum.IsDefined((GenerationEnd)value) ? $"{(GenerationEnd)value}" : $"end {value}";

    private static string StreamName(int stream, IReadOnlyList<KhoClient> clients)
    {
        int client = (stream - DecisionLog.KernelStreamOf(0)) / 2;
        return stream switch
        {
            DecisionLog.WorkloadStream => DecisionNames.Workload,
            DecisionLog.EndStream => DecisionNames.End,
            _ when client >= clients.Count => string.Create(CultureInfo.InvariantCulture, $"stream {stream}"),
            _ => stream == DecisionLog.KernelStreamOf(client) ? DecisionNames.OfClient(clients[client].Name) : DecisionNames.OfProgram(clients[client].Name),
        };
    }

    private static Dictionary<int, string> OperationNames(IReadOnlyList<KhoClient> clients)
    {
        Dictionary<int, string> names = [];
        for (int i = 0; i < OperationMix.Names.Count; i++)
        {
            names.Add(i, OperationMix.Names[i]);
        }

        for (int client = 0; client < clients.Count; client++)
        {
            IReadOnlyList<string> operations = clients[client].UserProgram?.Invoke().Operations ?? [];
            for (int i = 0; i < operations.Count; i++)
            {
                names.Add(DecisionLog.OperationOf(client, i), operations[i]);
            }
        }

        return names;
    }
}
