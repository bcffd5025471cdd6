namespace KhoActors.Conformance;

/// <summary>Finds the recorded evidence: from the test binary up to the folder that holds the solution.</summary>
internal static class Fixtures
{
    /// <summary>Folder of the captures of real kernels.</summary>
    public static string Real => Path.Combine(Root(), "tests", "data", "real");

    private static string Root()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "KhoActors.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException("KhoActors.sln is not above the test binary");
    }
}
