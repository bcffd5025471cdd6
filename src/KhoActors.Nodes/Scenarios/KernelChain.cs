using System.ComponentModel.DataAnnotations;

namespace KhoActors.Nodes.Scenarios;

/// <summary>What boots after the last kernel of a chain.</summary>
public enum AfterLastKernel
{
    /// <summary>The chain begins again with its first kernel.</summary>
    Repeat,

    /// <summary>The last kernel boots again and again, as after a rolled-out release.</summary>
    Stay,
}

/// <summary>The kernels that a machine boots, one after the other.</summary>
public sealed record KernelChain
{
    /// <summary>How often machines draw this chain, relative to the weights of the others.</summary>
    [Range(1, 1_000_000)]
    public int Weight { get; init; } = 1;

    /// <summary>Names of kernel files; the first is cold-booted.</summary>
    [OneOrMany]
    public required IReadOnlyList<string> Kernels { get; init; }

    /// <summary>What boots after the last one.</summary>
    public AfterLastKernel AfterLast { get; init; }

    /// <summary>The kernel of a generation.</summary>
    /// <param name="generation">0 for the first boot of the machine, 1 after the first kexec, panic or cold boot that followed, ...</param>
    /// <returns>The name of a kernel file.</returns>
    public string KernelOfGeneration(int generation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(generation);
        return AfterLast == AfterLastKernel.Repeat ? Kernels[generation % Kernels.Count] : Kernels[Math.Min(generation, Kernels.Count - 1)];
    }
}
