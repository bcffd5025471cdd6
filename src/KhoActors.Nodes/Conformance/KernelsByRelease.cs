using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Conformance;

/// <summary>Finds the simulated build of a captured kernel by its release. Kernel files are read once, when first asked for.</summary>
/// <param name="catalog">The kernel files.</param>
public sealed class KernelsByRelease(KernelCatalog catalog)
{
    private readonly Lazy<KernelBuild[]> _builds = new(() => [.. catalog.Names.Select(name => catalog.Find(name)!)]);

    /// <summary>The build of a release.</summary>
    /// <param name="release">The release string, for example <c>7.3.0-rc7-a</c>.</param>
    /// <returns>The build, or null when no kernel file has this release.</returns>
    /// <exception cref="ScenarioException">A kernel file is not valid.</exception>
    public KernelBuild? Find(string release) => Array.Find(_builds.Value, build => build.Release == release);

    /// <summary>Reads a build by name or path.</summary>
    /// <param name="nameOrPath">A name, or a path to a kernel file.</param>
    /// <returns>The build.</returns>
    /// <exception cref="ScenarioException">There is none, or it is not valid.</exception>
    public KernelBuild Load(string nameOrPath) => catalog.Load(nameOrPath);
}
