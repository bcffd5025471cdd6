using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Scenarios;

/// <summary>Reads the steps of a scenario's script: the first word names the machine's command or a client, whose own program reads the rest.</summary>
/// <param name="scenarioClients">Every client of the scenario's kernels.</param>
internal sealed class ScriptReader(IReadOnlyList<KhoClient> scenarioClients)
{
    private const int MostEntries = 1024;
    private const int MostSteps = 10_000;

    /// <summary>Whether a step's first word stands for a client: its name, or the part before a dash that variants share (<c>pstore</c>).</summary>
    public static bool Names(string word, KhoClient client) =>
        client.Name == word || (client.Name.Length > word.Length && client.Name[word.Length] == '-' && client.Name.StartsWith(word, StringComparison.Ordinal));

    /// <summary>The first word of a step.</summary>
    public static string FirstWord(string step) => WordsOf(step) is [{ } first, ..] ? first : string.Empty;

    /// <summary>Reads a step for one kernel.</summary>
    /// <param name="text">As it was written.</param>
    /// <param name="clients">The kernel's clients.</param>
    /// <param name="problem">What is wrong and what is accepted, or null.</param>
    /// <returns>The step; null when something is wrong, or when the kernel lacks the client.</returns>
    public ScriptStep? Read(string text, IReadOnlyList<KhoClient> clients, out string? problem)
    {
        List<string> words = WordsOf(text);
        problem = ScriptStep.TakeExpectation(words, out int? code, out ulong? value);
        if (problem is null && !text.All(static c => c is >= ' ' and <= '~'))
        {
            problem = "a step consists of printable ASCII characters";
        }

        if (problem is null && words.Count == 0)
        {
            problem = "the step is empty";
        }

        if (problem is not null)
        {
            return null;
        }

        ScriptStep step = new(text) { ExpectedCode = code, ExpectedValue = value };
        ScriptStep? read = MachineCommands.Has(words[0])
            ? MachineCommands.Read(step, words, [.. scenarioClients.Select(client => client.Name)], out problem)
            : ReadForClient(step, words, clients, out problem);
        if (problem is null && code is not null && read is { End: not ScriptStepEnd.Answer })
        {
            problem = "nobody answers this command, so that no result can be expected";
        }

        return problem is null ? read : null;
    }

    /// <summary>Checks a whole script.</summary>
    /// <param name="script">The script.</param>
    /// <param name="kernels">The clients of each kernel of the scenario.</param>
    /// <param name="checks">Receives what is wrong.</param>
    public void Check(IReadOnlyList<ScriptEntry> script, IReadOnlyList<IReadOnlyList<KhoClient>> kernels, CrossChecks checks)
    {
        checks.Require(script.Count <= MostEntries, "script", $"the list has {script.Count} entries, accepted: at most {MostEntries}");
        checks.Require(script.Sum(static entry => entry.Steps.Count) <= MostSteps, "script", $"the script has more than {MostSteps} steps");
        for (int i = 0; i < Math.Min(script.Count, MostEntries); i++)
        {
            CheckGenerations(script[i], $"script[{i}]", checks);
            for (int j = 0; j < Math.Min(script[i].Steps.Count, MostSteps); j++)
            {
                string? problem = kernels.Select(clients => ProblemOf(script[i].Steps[j], clients)).FirstOrDefault(static problem => problem is not null);
                checks.Require(problem is null, $"script[{i}].steps[{j}]", $"{ConfigScalar.Quote(script[i].Steps[j])}: {problem}");
            }
        }
    }

    private static void CheckGenerations(ScriptEntry entry, string path, CrossChecks checks)
    {
        checks.Require(entry.Generations.Count > 0, $"{path}.generations", "the list is empty; give 'every', numbers or ranges such as 2-5");
        checks.Require(entry.Steps.Count > 0, $"{path}.steps", "the list is empty; give at least one step");
        for (int i = 0; i < entry.Generations.Count; i++)
        {
            bool isRead = ScriptEntry.TryReadGenerations(entry.Generations[i], out _, out _);
            checks.Require(
                isRead, $"{path}.generations[{i}]", $"found {ConfigScalar.Quote(entry.Generations[i])}, accepted: 'every', a number, or a range such as 2-5");
        }
    }

    private static List<string> WordsOf(string text) => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries)];

    private string? ProblemOf(string step, IReadOnlyList<KhoClient> clients)
    {
        Read(step, clients, out string? problem);
        return problem;
    }

    private ScriptStep? ReadForClient(ScriptStep step, List<string> words, IReadOnlyList<KhoClient> clients, out string? problem)
    {
        problem = null;
        string word = words[0];
        if (!scenarioClients.Any(client => Names(word, client)))
        {
            problem = $"no client and no command {ConfigScalar.Quote(word)}; "
                + NameSuggestion.For(word, [.. scenarioClients.Select(client => client.Name), .. MachineCommands.Names]);
            return null;
        }

        KhoClient? addressed = clients.FirstOrDefault(client => Names(word, client));
        if (addressed is null)
        {
            return null;
        }

        if (addressed.UserProgram is not { } makeProgram)
        {
            problem = $"user space has no commands for client {addressed.Name}";
            return null;
        }

        UserCommand command = makeProgram().ReadCommand(words[1..]);
        problem = command.Problem;
        return step with
        {
            To = addressed.Actor,
            Message = command.Message,
            ExpectedExtra = command.ExpectedExtra,
            ExpectedCode = step.ExpectedCode ?? (command.ExpectedExtra is null ? null : 0),
        };
    }
}
