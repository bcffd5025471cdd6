using KhoActors.Nodes.History;

namespace KhoActors.Host.Reports;

/// <summary>How the states of runs are called in reports and filters.</summary>
internal static class RunStates
{
    private static readonly (RunState State, string Name)[] All =
    [
        (RunState.Running, "running"), (RunState.Finished, "finished"), (RunState.Interrupted, "interrupted"), (RunState.Defect, "defect"),
    ];

    /// <summary>The names, for messages.</summary>
    public static string Accepted => string.Join(", ", All.Select(static each => each.Name));

    /// <summary>The name of a state.</summary>
    /// <param name="state">The state.</param>
    /// <returns>Its name.</returns>
    public static string NameOf(RunState state) => All.First(each => each.State == state).Name;

    /// <summary>Finds a state.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The state, or null.</returns>
    public static RunState? Find(string name)
    {
        foreach ((RunState state, string known) in All)
        {
            if (known == name)
            {
                return state;
            }
        }

        return null;
    }
}
