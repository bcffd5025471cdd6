namespace KhoActors.Host;

/// <summary>The tree of files that the program belongs to: config/, tests/data/.</summary>
internal static class SourceTree
{
    private const string Marker = "KhoActors.sln";

    /// <summary>Finds the root by walking up from the program, then from the current folder.</summary>
    /// <returns>Its path, or null when the program runs outside a tree.</returns>
    public static string? FindRoot() => FindRoot(AppContext.BaseDirectory) ?? FindRoot(Directory.GetCurrentDirectory());

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
