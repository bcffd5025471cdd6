namespace KhoActors.Architecture.Tests;

/// <summary>The files of the repository.</summary>
internal static class Repository
{
    private static readonly string[] Generated = ["bin", "obj", ".git", ".kho", "data", "TestResults"];

    /// <summary>The folder that holds KhoActors.sln.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Files that people wrote, with paths relative to the root and forward slashes, in ordinal order.</summary>
    /// <param name="pattern">For example <c>*.cs</c>.</param>
    /// <param name="folders">Folders below the root; none for the whole tree.</param>
    /// <returns>The paths.</returns>
    public static IEnumerable<string> Files(string pattern, params string[] folders)
    {
        IEnumerable<string> starts = folders.Length == 0 ? [Root] : folders.Select(static folder => Path.Combine(Root, folder));
        return starts
            .Where(Directory.Exists)
            .SelectMany(start => Directory.EnumerateFiles(start, pattern, SearchOption.AllDirectories))
            .Select(static file => Path.GetRelativePath(Root, file).Replace('\\', '/'))
            .Where(static file => !file.Split('/').Any(static part => Generated.Contains(part)))
            .Order(StringComparer.Ordinal);
    }

    /// <summary>The lines of a file.</summary>
    /// <param name="file">Path relative to the root.</param>
    /// <returns>The lines.</returns>
    public static string[] Lines(string file) => File.ReadAllLines(Path.Combine(Root, file));

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "KhoActors.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("The tests run outside the source tree: no folder above them holds KhoActors.sln.");
    }
}
