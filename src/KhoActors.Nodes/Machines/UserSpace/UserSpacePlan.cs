using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Machines.UserSpace;

/// <summary>
/// What user space does on one kernel of a scenario, worked out once: which clients it has programs for, which operations are drawn with
/// which weights, and the steps of the script that concern this kernel.
/// </summary>
internal sealed class UserSpacePlan
{
    /// <summary>Operations of the workload itself; those of programs are numbered behind them.</summary>
    public const int OwnOperations = (int)WorkloadOperation.JumpAndReturn + 1;

    private readonly int[] _cumulativeWeights;
    private readonly (int Program, int Operation)[] _programOperations;
    private readonly (ScriptEntry Entry, ScriptStep[] Steps)[] _script;
    private readonly int[] _numbersInRecords;
    private readonly string[] _names;

    /// <param name="scenario">The scenario.</param>
    /// <param name="clients">The kernel's clients.</param>
    /// <param name="scenarioClients">Those of all kernels of the scenario.</param>
    public UserSpacePlan(Scenario scenario, IReadOnlyList<KhoClient> clients, IReadOnlyList<KhoClient> scenarioClients)
    {
        Scenario = scenario;
        KernelClients = clients;
        Clients = [.. clients.Where(static client => client.UserProgram is not null)];
        OperationMix mix = scenario.Workload.Mix;
        List<int> weights = [.. mix.Weights];
        List<(int Program, int Operation)> operations = [];
        StartsByItself = new bool[Clients.Count];
        for (int program = 0; program < Clients.Count; program++)
        {
            IReadOnlyList<string> names = Clients[program].UserProgram!().Operations;
            bool isDrawn = false;
            for (int i = 0; i < names.Count; i++)
            {
                int weight = mix.ClientOperations.FirstOrDefault(operation => operation.Name == names[i])?.Weight ?? 0;
                isDrawn |= weight > 0;
                weights.Add(weight);
                operations.Add((program, i));
            }

            KhoClient client = Clients[program];
            bool isCommanded = scenario.Script.Any(entry => entry.Steps.Any(step => ScriptReader.Names(ScriptReader.FirstWord(step), client)));
            StartsByItself[program] = isDrawn || !isCommanded;
        }

        for (int i = 1; i < weights.Count; i++)
        {
            weights[i] += weights[i - 1];
        }

        _cumulativeWeights = [.. weights];
        _programOperations = [.. operations];
        _names = [.. OperationMix.Names, .. operations.Select(operation => Clients[operation.Program].UserProgram!().Operations[operation.Operation])];
        _numbersInRecords =
        [
            .. Enumerable.Range(0, OwnOperations),
            .. operations.Select(operation => DecisionLog.OperationOf(IndexOf(scenarioClients, Clients[operation.Program]), operation.Operation)),
        ];
        ScriptReader reader = new(scenarioClients);
        _script = [.. scenario.Script.Select(entry => (entry, StepsOf(entry, reader, clients)))];
    }

    /// <summary>The scenario.</summary>
    public Scenario Scenario { get; }

    /// <summary>The kernel's clients.</summary>
    public IReadOnlyList<KhoClient> KernelClients { get; }

    /// <summary>Those for which user space has a program.</summary>
    public IReadOnlyList<KhoClient> Clients { get; }

    /// <summary>
    /// Whether a program starts by itself: unless the script commands its client and the mix has none of its operations, which leaves the
    /// client to the script.
    /// </summary>
    public bool[] StartsByItself { get; }

    /// <summary>Sum of the weights of all operations that this kernel can do.</summary>
    public ulong TotalWeight => (ulong)_cumulativeWeights[^1];

    /// <summary>The operation that a number below <see cref="TotalWeight"/> chooses.</summary>
    /// <param name="pick">The number.</param>
    /// <returns>A <see cref="WorkloadOperation"/>, or <see cref="OwnOperations"/> and more for a program's.</returns>
    public int Choose(ulong pick)
    {
        int i = 0;
        while (pick >= (ulong)_cumulativeWeights[i])
        {
            i++;
        }

        return i;
    }

    /// <summary>The program, and the operation as it numbers it.</summary>
    /// <param name="operation">What <see cref="Choose"/> returned, <see cref="OwnOperations"/> or more.</param>
    /// <returns>Index into <see cref="Clients"/>, and of the operation.</returns>
    public (int Program, int Operation) ProgramOperation(int operation) => _programOperations[operation - OwnOperations];

    /// <summary>An operation as a scenario's mix names it.</summary>
    /// <param name="operation">What <see cref="Choose"/> returned.</param>
    /// <returns>For example <c>preserve_folio</c>.</returns>
    public string NameOf(int operation) => _names[operation];

    /// <summary>The number of an operation in a <see cref="DecisionLog"/>: the same for every kernel of the scenario.</summary>
    /// <param name="operation">What <see cref="Choose"/> returned.</param>
    /// <returns>The number.</returns>
    public int NumberInRecords(int operation) => _numbersInRecords[operation];

    /// <summary>The operation that has a number in records.</summary>
    /// <param name="number">The number.</param>
    /// <returns>The operation as <see cref="Choose"/> would return it, or -1 when user space has no such operation on this kernel.</returns>
    public int OperationOfRecord(int number) => number < OwnOperations ? number : Array.IndexOf(_numbersInRecords, number);

    /// <summary>The steps of a generation, in order.</summary>
    /// <param name="generation">0 for the first boot.</param>
    /// <returns>The steps.</returns>
    public IReadOnlyList<ScriptStep> StepsOf(int generation)
    {
        if (_script.Length == 0)
        {
            return [];
        }

        return [.. _script.Where(part => part.Entry.IsFor(generation)).SelectMany(static part => part.Steps)];
    }

    private static int IndexOf(IReadOnlyList<KhoClient> clients, KhoClient client)
    {
        int i = 0;
        while (!ReferenceEquals(clients[i], client))
        {
            i++;
        }

        return i;
    }

    private static ScriptStep[] StepsOf(ScriptEntry entry, ScriptReader reader, IReadOnlyList<KhoClient> clients)
    {
        List<ScriptStep> steps = [];
        foreach (string text in entry.Steps)
        {
            ScriptStep? step = reader.Read(text, clients, out string? problem);
            if (problem is not null)
            {
                throw new ArgumentException($"the script was not checked: '{text}': {problem}", nameof(entry));
            }

            if (step is not null)
            {
                steps.Add(step);
            }
        }

        return [.. steps];
    }
}
