using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Commands;

/// <summary>The options that, with a scenario, say which run is meant; the same on every command that executes one.</summary>
/// <param name="mayDrawSeed">Whether <c>--seed random</c> makes sense.</param>
internal sealed class ScenarioOptions(bool mayDrawSeed)
{
    private const string RandomSeed = "random";

    /// <summary><c>--machines</c>.</summary>
    public Option<int?> Machines { get; } = CommonOptions.Count("--machines", "Machines, instead of the scenario's.");

    /// <summary><c>--kexecs</c>.</summary>
    public Option<int?> Kexecs { get; } = CommonOptions.Count("--kexecs", "Kexecs of each machine, instead of the scenario's.");

    /// <summary><c>--seed</c>.</summary>
    public Option<string?> Seed { get; } = new("--seed")
    {
        Description = mayDrawSeed ? "A number, or 'random' to draw one; default is the scenario's." : "A number; default is the scenario's.",
    };

    /// <summary><c>--set</c>.</summary>
    public Option<string[]> Set { get; } = new("--set")
    {
        Description = "key=value: another value in the scenario, e.g. workload.operations_per_kexec=128.",
    };

    /// <summary><c>--clients</c>.</summary>
    public Option<string[]> Clients { get; } = CommonOptions.Clients();

    /// <summary>Whether any of them is on the command line.</summary>
    /// <param name="parsed">The command line.</param>
    /// <returns>Whether it is.</returns>
    public bool AreGiven(ParseResult parsed) => FirstGiven(parsed, []) is not null;

    /// <summary>The first of them that is on the command line.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="except">Those that do not count.</param>
    /// <returns>The option, or null.</returns>
    public Option? FirstGiven(ParseResult parsed, IReadOnlyList<Option> except) =>
        ((Option[])[Machines, Kexecs, Seed, Set, Clients]).FirstOrDefault(
            option => !except.Contains(option) && parsed.GetResult(option) is { Implicit: false });

    /// <summary>All changes to the scenario, as <c>--set</c> writes them.</summary>
    /// <param name="parsed">The command line.</param>
    /// <returns>A new list of key=value.</returns>
    public List<string> SettingsOf(ParseResult parsed)
    {
        List<string> settings = [.. parsed.GetValue(Set) ?? []];
        Add("machines", parsed.GetValue(Machines));
        Add("kexecs", parsed.GetValue(Kexecs));
        return settings;

        void Add(string key, int? value)
        {
            if (value is { } given)
            {
                settings.Add(string.Create(CultureInfo.InvariantCulture, $"{key}={given}"));
            }
        }
    }

    /// <summary>Reads the scenario with all changes to it, and with the clients that the command line brings.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="nameOrPath">The scenario.</param>
    /// <returns>The scenario with its kernels and clients.</returns>
    /// <exception cref="ScenarioException">It is not found or not valid.</exception>
    public ResolvedScenario Load(ParseResult parsed, string nameOrPath) =>
        SourceTree.Scenarios(ClientAssemblies.CatalogWith(parsed.GetValue(Clients))).Load(nameOrPath, SettingsOf(parsed));

    /// <summary>The seed.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="scenario">Whose seed it is when none is given.</param>
    /// <returns>The seed.</returns>
    /// <exception cref="UsageException">It is no seed.</exception>
    public ulong SeedOf(ParseResult parsed, Scenario scenario)
    {
        if (parsed.GetValue(Seed) is not { } text)
        {
            return scenario.Seed;
        }

        if (mayDrawSeed && text == RandomSeed)
        {
            return BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(sizeof(uint)));
        }

        string accepted = $"a number from 0 to {ulong.MaxValue}{(mayDrawSeed ? $" or '{RandomSeed}'" : string.Empty)}";
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
            ? seed
            : throw new UsageException($"--seed '{text}': {accepted} is accepted");
    }
}
