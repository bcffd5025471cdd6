using KhoActors.Nodes.Conformance;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Conformance;

/// <summary>Where recorded data is: beside the solution, wherever the tests run.</summary>
internal static class Fixtures
{
    /// <summary>Folder of all recorded data.</summary>
    public static string Root { get; } = Find();

    /// <summary>Folder of the captures of real kernels.</summary>
    public static string Real => Path.Combine(Root, "real");

    /// <summary>Folder of the recorded vectors.</summary>
    public static string Golden => Path.Combine(Root, "golden");

    /// <summary>The simulated kernels.</summary>
    public static KernelsByRelease Kernels { get; } = new(new KernelCatalog(Path.Combine(Root, "..", "..", "config", "kernels")));

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "KhoActors.sln")))
            {
                return Path.Combine(folder.FullName, "tests", "data");
            }
        }

        throw new DirectoryNotFoundException("no folder above the tests holds KhoActors.sln");
    }
}
