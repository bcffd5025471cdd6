using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host;

/// <summary>The tree of files that the program belongs to: config/, tests/data/.</summary>
internal static class SourceTree
{
    private const string Marker = "KhoActors.sln";

    /// <summary>The kernel files of the tree.</summary>
    /// <returns>The catalog.</returns>
    /// <exception cref="UsageException">The program runs outside a tree.</exception>
    public static KernelCatalog Kernels() => new(Folder("kernels"));

    /// <summary>The scenario files of the tree.</summary>
    /// <param name="clients">The clients that they may name; null for those that come with the laboratory.</param>
    /// <returns>The catalog.</returns>
    /// <exception cref="UsageException">The program runs outside a tree.</exception>
    public static ScenarioCatalog Scenarios(ClientCatalog? clients = null) => new(Folder("scenarios"), Kernels(), clients);

    /// <summary>Finds the root by walking up from the program, then from the current folder.</summary>
    /// <returns>Its path, or null when the program runs outside a tree.</returns>
    public static string? FindRoot() => FindRoot(AppContext.BaseDirectory) ?? FindRoot(Directory.GetCurrentDirectory());

    private static string Folder(string name) => FindRoot() is { } root
        ? Path.Combine(root, "config", name)
        : throw new UsageException("no config folder found; run the program from a clone of the repository");

    private static string? FindRoot(string start)
    {
        for (DirectoryInfo? folder = new(start); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, Marker)))
            {
                return folder.FullName;
            }
        }

        return null;
    }
}
