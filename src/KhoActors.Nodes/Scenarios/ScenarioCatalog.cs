namespace KhoActors.Nodes.Scenarios;

/// <summary>The scenario files of a folder (config/scenarios).</summary>
/// <param name="folder">The folder; need not exist.</param>
/// <param name="kernels">Where the kernels are that scenarios name.</param>
/// <param name="clients">Where the KHO clients are that scenarios and kernels name; null for those that come with the laboratory.</param>
public sealed class ScenarioCatalog(string folder, KernelCatalog kernels, ClientCatalog? clients = null)
{
    private readonly ConfigFolder _files = new(folder, "scenario");

    /// <summary>Lists the scenarios with their summaries, sorted by name; invalid files are listed with their problem.</summary>
    /// <returns>The list.</returns>
    public IReadOnlyList<CatalogEntry> List() => _files.Entries(name => Load(name).Scenario.Summary);

    /// <summary>Whether a path can only mean a scenario file: it ends as YAML files do.</summary>
    /// <param name="path">The path.</param>
    /// <returns>Whether it does; the file need not exist.</returns>
    public static bool IsFile(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return ConfigFolder.IsYaml(path);
    }

    /// <summary>Whether there is a scenario of a name.</summary>
    /// <param name="name">The name.</param>
    /// <returns>Whether there is; it need not be valid.</returns>
    public bool Has(string name) => _files.Has(name);

    /// <summary>Reads a scenario and its kernels.</summary>
    /// <param name="nameOrPath">A name, or a path that has a separator or ends in .yaml.</param>
    /// <param name="settings">Values of <c>--set</c>, applied in order.</param>
    /// <returns>The scenario with its kernels.</returns>
    /// <exception cref="ScenarioException">It is not found or not valid, or a setting is not.</exception>
    public ResolvedScenario Load(string nameOrPath, IReadOnlyList<string>? settings = null)
    {
        string path = _files.Locate(nameOrPath);
        ResolvedScenario resolved = ScenarioFile.Resolve(ConfigFolder.ReadBytes(path), path, settings, kernels, clients);
        if (path != nameOrPath && settings is null or { Count: 0 })
        {
            _files.RequireName(nameOrPath, resolved.Scenario.Name);
        }

        return resolved;
    }
}
