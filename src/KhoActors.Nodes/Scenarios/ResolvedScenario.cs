using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Scenarios;

/// <summary>A scenario with the kernel builds that it names: all that a run depends on besides its seed. Histories store its canonical text.</summary>
/// <param name="Scenario">The scenario.</param>
/// <param name="Kernels">Every kernel that a chain names, once, in the order of first mention.</param>
public sealed record ResolvedScenario(Scenario Scenario, IReadOnlyList<KernelBuild> Kernels)
{
    /// <summary>Finds a kernel that the scenario names.</summary>
    /// <param name="name">Name in the scenario.</param>
    /// <returns>The build.</returns>
    /// <exception cref="KeyNotFoundException">The scenario does not name it.</exception>
    public KernelBuild Kernel(string name)
    {
        foreach (KernelBuild kernel in Kernels)
        {
            if (kernel.Name == name)
            {
                return kernel;
            }
        }

        throw new KeyNotFoundException($"The resolved scenario has no kernel '{name}'.");
    }
}
