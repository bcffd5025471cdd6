namespace KhoActors.Nodes.Scenarios;

/// <summary>Collects what is wrong, so that one reading reports everything; gives up after <see cref="Limit"/> problems.</summary>
internal sealed class ProblemList
{
    /// <summary>Problems that are reported at most.</summary>
    public const int Limit = 20;

    private readonly List<ScenarioProblem> _problems = [];

    public int Count => _problems.Count;

    /// <exception cref="ScenarioException">The limit is reached.</exception>
    public void Add(SourcePosition position, string path, string message)
    {
        _problems.Add(new ScenarioProblem(position, path, message));
        if (_problems.Count == Limit)
        {
            _problems.Add(new ScenarioProblem(position, "", $"gave up after {Limit} problems"));
            ThrowIfAny();
        }
    }

    /// <exception cref="ScenarioException">Something is wrong.</exception>
    public void ThrowIfAny()
    {
        if (_problems.Count > 0)
        {
            throw new ScenarioException(_problems);
        }
    }
}
