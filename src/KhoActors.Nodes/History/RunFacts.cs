namespace KhoActors.Nodes.History;

/// <summary>
/// What a history keeps of a run for ever: all that the run depends on. Written once, before the first record; replay reads nothing else,
/// and nothing from configuration files.
/// </summary>
public sealed record RunFacts
{
    /// <summary>Version of the records' encoding that this build writes; see docs/histories.md.</summary>
    public const int CurrentRecordFormat = 1;

    /// <summary>Name of the scenario.</summary>
    public required string Scenario { get; init; }

    /// <summary>The scenario with its kernels, as <see cref="Scenarios.ResolvedScenario.ToCanonicalText"/> writes it.</summary>
    public required string ResolvedScenario { get; init; }

    /// <summary>The run's seed.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Who carried the machines: <c>local</c>.</summary>
    public required string Engine { get; init; }

    /// <summary>Version of the records' encoding.</summary>
    public int RecordFormat { get; init; } = CurrentRecordFormat;

    /// <summary><see cref="Machines.Machine.ModelVersion"/> of the program that ran it: digests are compared within one version.</summary>
    public required int ModelVersion { get; init; }

    /// <summary>Version of the program that ran it, for people.</summary>
    public required string ProgramVersion { get; init; }

    /// <summary>Whether records hold the order of deliveries pick by pick; otherwise it follows from the seed.</summary>
    public required bool OrderIsRecorded { get; init; }

    /// <summary>Generations of a full slice: records begin at its multiples.</summary>
    public required int SliceGenerations { get; init; }

    /// <summary>Machines of the fleet.</summary>
    public required int Machines { get; init; }

    /// <summary>Reboots of each machine; it runs one generation more.</summary>
    public required int Kexecs { get; init; }

    /// <summary>When it was started, UTC. For people: nothing depends on it.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>The command line that runs it again from nothing, for people.</summary>
    public required string Command { get; init; }

    /// <summary>Assemblies from outside that brought clients, in the order of the command line.</summary>
    public IReadOnlyList<ClientAssemblyFact> ClientAssemblies { get; init; } = [];
}

/// <summary>An assembly from outside whose clients took part in a run.</summary>
/// <param name="Path">Its path as the command line gave it.</param>
/// <param name="Sha256">SHA-256 of the file, 64 hexadecimal digits: a replay needs the same file.</param>
public sealed record ClientAssemblyFact(string Path, string Sha256);
