using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Scenarios;

/// <summary>Reads a scenario file (config/scenarios) and what the command line sets on top of it.</summary>
public static class ScenarioFile
{
    /// <summary>Reads and checks a scenario; its kernels are not looked up.</summary>
    /// <param name="utf8">The file's bytes.</param>
    /// <param name="source">Its name in messages.</param>
    /// <param name="settings">Values of <c>--set</c>: <c>workload.operations_per_kexec=128</c>.</param>
    /// <returns>The scenario.</returns>
    /// <exception cref="ScenarioException">Something is not valid; the exception lists what and where.</exception>
    public static Scenario Read(ReadOnlySpan<byte> utf8, string source, IReadOnlyList<string>? settings = null) =>
        Read(utf8, source, settings, out _);

    /// <summary>Reads and checks a scenario together with its kernels.</summary>
    /// <param name="utf8">The file's bytes.</param>
    /// <param name="source">Its name in messages.</param>
    /// <param name="settings">Values of <c>--set</c>.</param>
    /// <param name="kernels">Where its kernels are.</param>
    /// <param name="clients">Where the clients are that it and they name; null for those that come with the laboratory.</param>
    /// <returns>The scenario and every kernel it names.</returns>
    /// <exception cref="ScenarioException">Something is not valid, or a kernel is not found.</exception>
    public static ResolvedScenario Resolve(
        ReadOnlySpan<byte> utf8,
        string source,
        IReadOnlyList<string>? settings,
        KernelCatalog kernels,
        ClientCatalog? clients = null)
    {
        ArgumentNullException.ThrowIfNull(kernels);
        Scenario scenario = Read(utf8, source, settings, out ConfigNode root);
        ProblemList problems = new();
        List<KernelBuild> builds = [];
        foreach ((string path, string name) in KernelNames(scenario))
        {
            if (builds.Exists(build => build.Name == name))
            {
                continue;
            }

            if (kernels.Find(name) is { } build)
            {
                builds.Add(build);
            }
            else
            {
                problems.Add(root.Nearest(path).Position, path, $"no kernel {ConfigScalar.Quote(name)}; {NameSuggestion.For(name, kernels.Names)}");
            }
        }

        // What a kernel offers is judged only when every kernel is there.
        problems.ThrowIfAny();
        ResolvedScenario resolved = new(scenario, builds);
        CrossChecks checks = new(root, problems, "");
        ScenarioChecks.CheckFit(resolved, checks);
        resolved = resolved.WithClients(clients ?? ClientCatalog.BuiltIn, checks);
        problems.ThrowIfAny();
        return resolved;
    }

    /// <summary>Every kernel that the chains name, with its path in the file.</summary>
    internal static IEnumerable<(string Path, string Name)> KernelNames(Scenario scenario)
    {
        for (int i = 0; i < scenario.Kernels.Count; i++)
        {
            yield return ($"kernels[{i}]", scenario.Kernels[i]);
        }

        for (int i = 0; i < scenario.KernelChains.Count; i++)
        {
            for (int j = 0; j < scenario.KernelChains[i].Kernels.Count; j++)
            {
                yield return ($"kernel_chains[{i}].kernels[{j}]", scenario.KernelChains[i].Kernels[j]);
            }
        }
    }

    private static Scenario Read(ReadOnlySpan<byte> utf8, string source, IReadOnlyList<string>? settings, out ConfigNode root)
    {
        root = YamlReader.ReadBytes(utf8, source);
        ProblemList problems = new();
        foreach (string setting in settings ?? [])
        {
            Overrides.Apply(root, setting, problems);
        }

        Scenario scenario = new RecordBinder(problems).Bind<Scenario>(root);
        ScenarioChecks.Check(scenario, new CrossChecks(root, problems, ""));
        problems.ThrowIfAny();
        return scenario;
    }
}
