namespace KhoActors.Nodes.Machines.UserSpace;

/// <summary>Which of its holdings a workload picks for an operation. A value, so that choosing allocates nothing.</summary>
/// <param name="IsPreserved">Whether the holding is preserved.</param>
/// <param name="Kind">Its kind; <see cref="HoldingKind.None"/> for any.</param>
/// <param name="IsNoBlob">Whether blobs are left out.</param>
/// <param name="IsUnmovable">Whether memory that was allocated movable is left out.</param>
internal readonly record struct HoldingChoice(bool IsPreserved, HoldingKind Kind, bool IsNoBlob = false, bool IsUnmovable = false)
{
    /// <summary>Whatever may be freed.</summary>
    public static HoldingChoice AnyUnpreserved => default;

    /// <summary>What may be un-preserved without being withdrawn first.</summary>
    public static HoldingChoice PreservedMemory => new(IsPreserved: true, HoldingKind.None, IsNoBlob: true);

    /// <summary>What may be withdrawn.</summary>
    public static HoldingChoice PublishedBlob => new(IsPreserved: true, HoldingKind.Blob);

    /// <summary>What may be preserved as it was allocated.</summary>
    public static HoldingChoice Preservable(HoldingKind kind) => new(IsPreserved: false, kind, IsUnmovable: true);

    /// <summary>Whether a holding qualifies.</summary>
    public bool Includes(in Holding holding) =>
        holding.Preserved == IsPreserved
        && (Kind == HoldingKind.None || holding.Kind == Kind)
        && !(IsUnmovable && holding.Movable)
        && !(IsNoBlob && holding.Kind == HoldingKind.Blob);
}
