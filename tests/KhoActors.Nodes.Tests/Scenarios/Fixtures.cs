using System.Text;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Tests.Scenarios;

/// <summary>Files of the repository, and shorthand for reading texts.</summary>
internal static class Fixtures
{
    /// <summary>A valid scenario in four lines; tests append to it from line 5 on.</summary>
    public const string Minimal = """
        name: minimal
        summary: The least that a scenario says
        kernels: [7.3-rc7]
        machines: 2

        """;

    /// <summary>A valid kernel in four lines.</summary>
    public const string MinimalKernel = """
        name: 7.3-rc7
        summary: The least that a kernel says
        release: 7.3.0-rc7
        abi: kho-v4

        """;

    public static string Root
    {
        get
        {
            DirectoryInfo? folder = new(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "KhoActors.sln")))
            {
                folder = folder.Parent;
            }

            return folder?.FullName ?? throw new InvalidOperationException("The repository was not found above the test assembly.");
        }
    }

    public static string ScenarioFolder => Path.Combine(Root, "config", "scenarios");

    public static string ShippedKernelFolder => Path.Combine(Root, "config", "kernels");

    public static KernelCatalog Kernels => new(Path.Combine(Root, "tests", "KhoActors.Nodes.Tests", "Scenarios", "kernels"));

    public static ScenarioCatalog Scenarios => new(ScenarioFolder, Kernels);

    public static Scenario Read(string yaml, params string[] settings) => ScenarioFile.Read(Encoding.UTF8.GetBytes(yaml), "test.yaml", settings);

    public static ResolvedScenario Resolve(string yaml, params string[] settings) =>
        ScenarioFile.Resolve(Encoding.UTF8.GetBytes(yaml), "test.yaml", settings, Kernels);

    public static KernelBuild ReadKernel(string yaml) => KernelFile.Read(Encoding.UTF8.GetBytes(yaml), "kernel.yaml");

    /// <summary>The lines that explain why a scenario is refused.</summary>
    public static string Refusal(string yaml, params string[] settings) => Assert.Throws<ScenarioException>(() => Read(yaml, settings)).Message;

    public static string KernelRefusal(string yaml) => Assert.Throws<ScenarioException>(() => ReadKernel(yaml)).Message;
}
