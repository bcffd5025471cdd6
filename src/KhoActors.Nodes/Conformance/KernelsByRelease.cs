using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Conformance;

/// <summary>Finds the simulated build of a captured kernel by its release. Kernel files are read once, when first asked for.</summary>
public sealed class KernelsByRelease
{
    private readonly Lazy<KernelBuild[]> _builds;

    /// <summary>The builds of kernel files.</summary>
    /// <param name="catalog">The files.</param>
    public KernelsByRelease(KernelCatalog catalog) => _builds = new(() => [.. catalog.Names.Select(name => catalog.Find(name)!)]);

    /// <summary>Builds of one's own.</summary>
    /// <param name="builds">The builds.</param>
    public KernelsByRelease(IEnumerable<KernelBuild> builds) => _builds = new(() => [.. builds]);

    /// <summary>The build of a release.</summary>
    /// <param name="release">The release string, for example <c>7.3.0-rc7-a</c>.</param>
    /// <returns>The build, or null when none has this release.</returns>
    /// <exception cref="ScenarioException">A kernel file is not valid.</exception>
    public KernelBuild? Find(string release) => Array.Find(_builds.Value, build => build.Release == release);
}
