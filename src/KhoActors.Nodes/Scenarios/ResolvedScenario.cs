using System.Text;
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

    /// <summary>
    /// The text that stands for this value: JSON on one line, every field written out, so that equal values have equal texts and later
    /// defaults change nothing. <see cref="Parse"/> reads it back.
    /// </summary>
    /// <returns>The text; printable, no line break.</returns>
    public string ToCanonicalText() => CanonicalText.Of(this);

    /// <summary>Reads a canonical text, from a history for example, with the checks of scenario and kernel files.</summary>
    /// <param name="text">The text.</param>
    /// <param name="source">Its name in messages.</param>
    /// <returns>The scenario with its kernels.</returns>
    /// <exception cref="ScenarioException">The text is not valid.</exception>
    public static ResolvedScenario Parse(string text, string source)
    {
        ConfigNode root = YamlReader.ReadBytes(Encoding.UTF8.GetBytes(text), source, YamlReader.CanonicalScale);
        ProblemList problems = new();
        ResolvedScenario resolved = new RecordBinder(problems).Bind<ResolvedScenario>(root);
        ScenarioChecks.Check(resolved.Scenario, new CrossChecks(root, problems, "scenario"));
        CrossChecks checks = new(root, problems, "");
        for (int i = 0; i < resolved.Kernels.Count; i++)
        {
            KernelFile.Check(resolved.Kernels[i], new CrossChecks(root, problems, $"kernels[{i}]"));
            checks.Require(resolved.Kernels.Take(i).All(other => other.Name != resolved.Kernels[i].Name), $"kernels[{i}].name", "two kernels have this name");
        }

        foreach ((string path, string name) in ScenarioFile.KernelNames(resolved.Scenario))
        {
            checks.Require(resolved.Kernels.Any(kernel => kernel.Name == name), $"scenario.{path}", $"no kernel {ConfigScalar.Quote(name)} in 'kernels'");
        }

        problems.ThrowIfAny();
        ScenarioChecks.CheckFit(resolved, new CrossChecks(root, problems, "scenario"));
        problems.ThrowIfAny();
        return resolved;
    }
}
