namespace KhoActors.Nodes.Scenarios;

/// <summary>Where a value was written.</summary>
/// <param name="Source">A file, or the command-line option that gave the value (<c>--set machines=10</c>).</param>
/// <param name="Line">Line, from 1; 0 when the source has no lines.</param>
/// <param name="Column">Column, from 1; 0 when the source has no lines.</param>
public sealed record SourcePosition(string Source, int Line = 0, int Column = 0)
{
    /// <inheritdoc/>
    public override string ToString() => Line == 0 ? Source : $"{Source}:{Line}:{Column}";
}

/// <summary>One thing that is wrong with a scenario or kernel file.</summary>
/// <param name="Position">Where.</param>
/// <param name="Path">The field, for example <c>hardware[1].memory</c>; empty for the whole file.</param>
/// <param name="Message">What was found and what is accepted.</param>
public sealed record ScenarioProblem(SourcePosition Position, string Path, string Message)
{
    /// <summary>The problem as one line: position, field and message.</summary>
    /// <returns>The line, without its ending.</returns>
    public override string ToString() => Path.Length == 0 ? $"{Position}: {Message}" : $"{Position}: {Path}: {Message}";
}

/// <summary>A scenario, kernel or override cannot be used. The only exception that hostile input causes.</summary>
public sealed class ScenarioException : Exception
{
    /// <summary>Wraps problems that were found.</summary>
    /// <param name="problems">At least one.</param>
    public ScenarioException(IReadOnlyList<ScenarioProblem> problems)
        : base(string.Join('\n', problems))
    {
        ArgumentOutOfRangeException.ThrowIfZero(problems.Count, nameof(problems));
        Problems = problems;
    }

    /// <summary>What is wrong, in the order of discovery; each is one line of the message.</summary>
    public IReadOnlyList<ScenarioProblem> Problems { get; }
}
