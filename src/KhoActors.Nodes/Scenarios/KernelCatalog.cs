using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Scenarios;

/// <summary>The kernel files of a folder (config/kernels).</summary>
/// <param name="folder">The folder; need not exist.</param>
public sealed class KernelCatalog(string folder)
{
    private readonly ConfigFolder _files = new(folder, "kernel");

    /// <summary>Names of the kernels, sorted.</summary>
    public IReadOnlyList<string> Names => _files.Names();

    /// <summary>Lists the kernels with their summaries, sorted by name; invalid files are listed with their problem.</summary>
    /// <returns>The list.</returns>
    public IReadOnlyList<CatalogEntry> List() => _files.Entries(name => Find(name)!.Summary);

    /// <summary>Reads a kernel by name.</summary>
    /// <param name="name">For example <c>7.3-rc7</c>.</param>
    /// <returns>The build, or null when there is no such file.</returns>
    /// <exception cref="ScenarioException">The file is not valid.</exception>
    public KernelBuild? Find(string name)
    {
        if (!_files.Has(name))
        {
            return null;
        }

        KernelBuild build = Load(_files.PathOf(name));
        _files.RequireName(name, build.Name);
        return build;
    }

    /// <summary>Reads a kernel by name or by path.</summary>
    /// <param name="nameOrPath">A name, or a path that has a separator or ends in .yaml.</param>
    /// <returns>The build.</returns>
    /// <exception cref="ScenarioException">It is not found or not valid.</exception>
    public KernelBuild Load(string nameOrPath)
    {
        string path = _files.Locate(nameOrPath);
        return KernelFile.Read(ConfigFolder.ReadBytes(path), path, this);
    }

    /// <summary>The document of a kernel file, or null when there is none.</summary>
    internal ConfigNode? ReadNode(string name) =>
        _files.Has(name) ? YamlReader.ReadBytes(ConfigFolder.ReadBytes(_files.PathOf(name)), _files.PathOf(name)) : null;
}
