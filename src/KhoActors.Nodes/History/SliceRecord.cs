using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.History;

/// <summary>What is recorded of one generation: everything that replay needs, and everything that it compares.</summary>
public sealed record GenerationRecord
{
    /// <summary>What happened, counted; without kernel log and story, which replay makes again.</summary>
    public required GenerationReport Report { get; init; }

    /// <summary>
    /// What was decided outside the simulated kernels, in order: operations of user space with their parameters, how the generation ended.
    /// Encoded by <c>DecisionLog</c>.
    /// </summary>
    public required ReadOnlyMemory<byte> Decisions { get; init; }

    /// <summary>
    /// How far each substream was drawn when the generation was over: order of deliveries, workload, end of generation, then two for each
    /// client of the scenario (in the kernel, in user space).
    /// </summary>
    public required IReadOnlyList<ulong> DrawCounters { get; init; }

    /// <summary>The order of deliveries pick by pick, encoded by <c>OrderLog</c>; empty when it follows from the seed.</summary>
    public ReadOnlyMemory<byte> Order { get; init; }

    /// <summary>One byte for every few deliveries: where an execution first differs. Encoded by <c>DeliveryTrail</c>.</summary>
    public required ReadOnlyMemory<byte> Trail { get; init; }

    /// <summary>The machine's digest after the generation, 32 bytes.</summary>
    public required ReadOnlyMemory<byte> Digest { get; init; }
}

/// <summary>A slice: consecutive generations of one machine, one record of a history.</summary>
public sealed record SliceRecord
{
    /// <summary>Number of the machine, from 0.</summary>
    public required int Machine { get; init; }

    /// <summary>Index of its hardware in the scenario.</summary>
    public required int Hardware { get; init; }

    /// <summary>Index of its chain of kernels in the scenario.</summary>
    public required int Chain { get; init; }

    /// <summary>The generations, at least one, in order.</summary>
    public required IReadOnlyList<GenerationRecord> Generations { get; init; }

    /// <summary>Sections that a later version wrote and this one does not read: kept, and encoded again as they were.</summary>
    public IReadOnlyList<SliceSection> OtherSections { get; init; } = [];

    /// <summary>The first generation.</summary>
    public int FirstGeneration => Generations[0].Report.Generation;

    /// <summary>The generation behind the last.</summary>
    public int EndGeneration => FirstGeneration + Generations.Count;
}

/// <summary>A part of a record that readers may leave unread.</summary>
/// <param name="Number">What it is; see docs/histories.md.</param>
/// <param name="Bytes">Its content.</param>
public readonly record struct SliceSection(int Number, ReadOnlyMemory<byte> Bytes);
