using System.Text;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Scenarios;

/// <summary>A scenario with the kernel builds that it names: all that a run depends on besides its seed. Histories store its canonical text.</summary>
/// <param name="Scenario">The scenario.</param>
/// <param name="Kernels">Every kernel that a chain names, once, in the order of first mention.</param>
public sealed record ResolvedScenario(Scenario Scenario, IReadOnlyList<KernelBuild> Kernels)
{
    private readonly KhoClient[][] _clientsOfKernels = [];

    /// <summary>Every client that a kernel of this scenario has, once, in the order of first mention.</summary>
    internal IReadOnlyList<KhoClient> Clients { get; private init; } = [];

    /// <summary>This scenario with the clients that its kernels and it name.</summary>
    /// <param name="catalog">Where the clients are.</param>
    /// <param name="checks">Receives what is wrong.</param>
    /// <param name="scenarioPath">Path of the scenario in the text that is checked, or empty.</param>
    /// <returns>The scenario; only complete when nothing was wrong.</returns>
    internal ResolvedScenario WithClients(ClientCatalog catalog, CrossChecks checks, string scenarioPath = "")
    {
        KhoClient[][] ofKernels =
        [
            .. Kernels.Select((kernel, i) => ClientList.Of(kernel, Scenario, catalog, checks, scenarioPath.Length == 0 ? "" : $"kernels[{i}]", scenarioPath)),
        ];
        KhoClient[] all = [.. ofKernels.SelectMany(clients => clients).Distinct()];
        CrossChecks scenarioChecks = checks.Below(scenarioPath.TrimEnd('.'));
        ScenarioChecks.CheckOperations(Scenario.Workload.Mix, all, scenarioChecks);
        new ScriptReader(all).Check(Scenario.Script, ofKernels, scenarioChecks);
        return new ResolvedScenario(this, ofKernels) { Clients = all };
    }

    private ResolvedScenario(ResolvedScenario original, KhoClient[][] clientsOfKernels)
        : this(original.Scenario, original.Kernels) => _clientsOfKernels = clientsOfKernels;

    /// <summary>The clients of a kernel that the scenario names, in the order in which they start.</summary>
    /// <param name="name">Name in the scenario.</param>
    /// <returns>The clients.</returns>
    internal IReadOnlyList<KhoClient> ClientsOfKernel(string name)
    {
        for (int i = 0; i < Kernels.Count; i++)
        {
            if (Kernels[i].Name == name)
            {
                bool namesNone = Kernels[i].Clients.Count + Scenario.Clients.Count == 0;
                return namesNone ? [] : _clientsOfKernels[i];
            }
        }

        throw new KeyNotFoundException($"The resolved scenario has no kernel '{name}'.");
    }

    /// <summary>Finds a kernel that the scenario names.</summary>
    /// <param name="name">Name in the scenario.</param>
    /// <returns>The build.</returns>
    /// <exception cref="KeyNotFoundException">The scenario does not name it.</exception>
    public KernelBuild Kernel(string name)
    {
        foreach (KernelBuild kernel in Kernels)
        {
            if (kernel.Name == name)
            {
                return kernel;
            }
        }

        throw new KeyNotFoundException($"The resolved scenario has no kernel '{name}'.");
    }

    /// <summary>
    /// The text that stands for this value: JSON on one line, every field written out, so that equal values have equal texts and later
    /// defaults change nothing. <see cref="Parse"/> reads it back.
    /// </summary>
    /// <returns>The text; printable, no line break.</returns>
    public string ToCanonicalText() => CanonicalText.Of(this);

    /// <summary>Reads a canonical text, from a history for example, with the checks of scenario and kernel files.</summary>
    /// <param name="text">The text.</param>
    /// <param name="source">Its name in messages.</param>
    /// <param name="clients">Where the clients are that it names; null for those that come with the laboratory.</param>
    /// <returns>The scenario with its kernels.</returns>
    /// <exception cref="ScenarioException">The text is not valid.</exception>
    public static ResolvedScenario Parse(string text, string source, ClientCatalog? clients = null)
    {
        ConfigNode root = YamlReader.ReadBytes(Encoding.UTF8.GetBytes(text), source, YamlReader.CanonicalScale);
        ProblemList problems = new();
        ResolvedScenario resolved = new RecordBinder(problems).Bind<ResolvedScenario>(root);
        ScenarioChecks.Check(resolved.Scenario, new CrossChecks(root, problems, "scenario"));
        CrossChecks checks = new(root, problems, "");
        for (int i = 0; i < resolved.Kernels.Count; i++)
        {
            KernelFile.Check(resolved.Kernels[i], new CrossChecks(root, problems, $"kernels[{i}]"));
            checks.Require(resolved.Kernels.Take(i).All(other => other.Name != resolved.Kernels[i].Name), $"kernels[{i}].name", "two kernels have this name");
        }

        foreach ((string path, string name) in ScenarioFile.KernelNames(resolved.Scenario))
        {
            checks.Require(resolved.Kernels.Any(kernel => kernel.Name == name), $"scenario.{path}", $"no kernel {ConfigScalar.Quote(name)} in 'kernels'");
        }

        problems.ThrowIfAny();
        ScenarioChecks.CheckFit(resolved, new CrossChecks(root, problems, "scenario"));
        resolved = resolved.WithClients(clients ?? ClientCatalog.BuiltIn, checks, "scenario.");
        problems.ThrowIfAny();
        return resolved;
    }
}
