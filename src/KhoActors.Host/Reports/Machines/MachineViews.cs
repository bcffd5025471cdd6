namespace KhoActors.Host.Reports.Machines;

/// <summary>All views of a machine.</summary>
internal static class MachineViews
{
    private static readonly MachineView[] All = [new DebugfsView(), new RootFdtView(), new RadixView(), new MemoryView(), new DmesgView()];

    /// <summary>The view that is shown when none is named.</summary>
    public static string Default => All[0].Name;

    /// <summary>The view that tells of a kernel that died.</summary>
    public static string ForTheDead => All.First(static view => view.ShowsTheDead).Name;

    /// <summary>Names and meanings, for help.</summary>
    public static string Summary => string.Join("; ", All.Select(static view => $"{view.Name} ({view.Summary})"));

    /// <summary>Finds a view.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The view.</returns>
    /// <exception cref="UsageException">There is none of that name.</exception>
    public static MachineView Find(string name) => All.FirstOrDefault(view => view.Name == name)
        ?? throw new UsageException($"no view '{name}'; there are {string.Join(", ", All.Select(static view => view.Name))}");
}
