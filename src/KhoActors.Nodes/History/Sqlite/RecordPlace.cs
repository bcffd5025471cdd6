using System.Globalization;

namespace KhoActors.Nodes.History.Sqlite;

/// <summary>What is being read or written, for messages.</summary>
/// <param name="Run">The run, or 0.</param>
/// <param name="Machine">The machine, or -1.</param>
/// <param name="FirstGeneration">First generation of the slice, or -1.</param>
/// <param name="Part">A part of the run by name, or null.</param>
internal readonly record struct RecordPlace(int Run, int Machine = -1, int FirstGeneration = -1, string? Part = null)
{
    /// <inheritdoc/>
    public override string ToString()
    {
        List<string> parts = [];
        if (Run > 0)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"run {Run}"));
        }

        if (Machine >= 0)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"machine {Machine}"));
        }

        if (FirstGeneration >= 0)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"record of generation {FirstGeneration}"));
        }

        if (Part is not null)
        {
            parts.Add(Part);
        }

        return string.Join(", ", parts);
    }
}
