using KhoActors.Nodes.Machines.Deciding;
using KhoActors.Nodes.Machines.UserSpace;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Machines;

/// <summary>A generation between its boot and its end, as the machine that carries it sees it.</summary>
internal sealed class RunningGeneration
{
    /// <summary>The kernel.</summary>
    public required KernelGeneration Generation { get; init; }

    /// <summary>Its machine actor; it lives when <see cref="Death"/> is null.</summary>
    public required MachineActor Actor { get; init; }

    /// <summary>What the loader passed to it.</summary>
    public required BootSource Source { get; init; }

    /// <summary>Programs in user space.</summary>
    public required UserPrograms Programs { get; init; }

    /// <summary>The scenario's steps.</summary>
    public required ScriptRunner Script { get; init; }

    /// <summary>The line with which the kernel died in its boot; null when its actors live.</summary>
    public required string? Death { get; init; }

    /// <summary>Whether the chain ends here.</summary>
    public required bool IsLast { get; init; }

    /// <summary>Whether the report shall hold the kernel's log.</summary>
    public required bool KeepLog { get; init; }

    /// <summary>Looks at it when its work is done, or null.</summary>
    public required Action<LiveGeneration>? Look { get; init; }

    /// <summary>Writes the story down, or null.</summary>
    public required OperationDiary? Diary { get; init; }

    /// <summary>Compares it with its record, or null.</summary>
    public required GenerationReplay? Replay { get; init; }

    /// <summary>Where its engine's choices are told; null when the machine chooses.</summary>
    public required ChosenOrder? Chosen { get; init; }

    /// <summary>The machine's messages before it.</summary>
    public required ulong MessagesBefore { get; init; }

    /// <summary>Whether nothing is left to deliver.</summary>
    public bool IsOver { get; set; }
}
