using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace KhoActors.Nodes.Scenarios;

/// <summary>What user space does step by step in some kernel generations of every machine, each step when the one before was answered.</summary>
public sealed record ScriptEntry
{
    private const string Every = "every";

    /// <summary>
    /// The generations that do it, 0 for the first boot: <c>every</c>, numbers and ranges such as <c>2-5</c>. Entries of one generation follow
    /// each other in the order of the file.
    /// </summary>
    [OneOrMany, NumbersToo, Length(1, 32)]
    public IReadOnlyList<string> Generations { get; init; } = [Every];

    /// <summary>
    /// The steps: a command to a client (<c>tmpfs mount /data kho=data</c>) or to the machine (<c>log 6 hello</c>), perhaps with the expected
    /// result behind it (<c>= ENOSPC</c>, <c>= 0</c>, <c>= 4096</c>).
    /// </summary>
    [OneOrMany, Length(1, 1024)]
    public required IReadOnlyList<string> Steps { get; init; }

    /// <summary>Reads one item of <see cref="Generations"/>.</summary>
    /// <param name="text">The item.</param>
    /// <param name="first">The first generation.</param>
    /// <param name="last">The last one.</param>
    /// <returns>False when it is none.</returns>
    internal static bool TryReadGenerations(string text, out int first, out int last)
    {
        if (text == Every)
        {
            (first, last) = (0, int.MaxValue);
            return true;
        }

        int dash = text.IndexOf('-', StringComparison.Ordinal);
        string low = dash < 0 ? text : text[..dash];
        string high = dash < 0 ? text : text[(dash + 1)..];
        last = 0;
        return int.TryParse(low, NumberStyles.None, CultureInfo.InvariantCulture, out first)
            && int.TryParse(high, NumberStyles.None, CultureInfo.InvariantCulture, out last)
            && first <= last;
    }

    /// <summary>Whether a generation does it.</summary>
    /// <param name="generation">0 for the first boot.</param>
    /// <returns>Whether.</returns>
    internal bool IsFor(int generation) =>
        Generations.Any(item => TryReadGenerations(item, out int first, out int last) && generation >= first && generation <= last);
}
