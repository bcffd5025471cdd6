namespace KhoActors.Nodes.Scenarios;

/// <summary>Smallest and largest value of a uniform draw, both included; in YAML a list of two: <c>[1, 600]</c>.</summary>
/// <param name="Minimum">Smallest value.</param>
/// <param name="Maximum">Largest value, at least <paramref name="Minimum"/>.</param>
public readonly record struct ValueRange(ulong Minimum, ulong Maximum);
