using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.History;

/// <summary>How a machine is replayed.</summary>
public sealed record MachineReplayOptions
{
    /// <summary>The generation behind the last one to replay; null for all that is recorded.</summary>
    public int? EndGeneration { get; init; }

    /// <summary>Whether reports shall hold kernel logs and stories.</summary>
    public bool KeepLogs { get; init; }

    /// <summary>Called after each generation that was replayed and found equal, with its report; or null.</summary>
    public Action<GenerationReport>? GenerationDone { get; init; }

    /// <summary>The generation to look at, or null for none.</summary>
    public int? LookAt { get; init; }

    /// <summary>Called once with that generation, its user space done and its jump not begun; it must not change anything.</summary>
    public Action<LiveGeneration>? Look { get; init; }

    /// <summary>Asked before each generation: true ends the replay, with nothing found.</summary>
    public Func<bool> StopRequested { get; init; } = static () => false;
}
