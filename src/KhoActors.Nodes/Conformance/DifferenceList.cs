using System.Globalization;

namespace KhoActors.Nodes.Conformance;

/// <summary>What differs between a recorded case and what we did: the first few are kept, all are counted.</summary>
internal sealed class DifferenceList
{
    private const int Kept = 5;

    private readonly List<string> first = [];
    private int count;

    /// <summary>Notes a difference when two values are not equal.</summary>
    public void Check<T>(string where, T expected, T found)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, found))
        {
            Add(where, Convert.ToString(expected, CultureInfo.InvariantCulture), Convert.ToString(found, CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Notes a difference.</summary>
    public void Add(string where, string? expected, string? found)
    {
        count++;
        if (first.Count < Kept)
        {
            first.Add($"{where}: expected {expected ?? "nothing"}, found {found ?? "nothing"}");
        }
    }

    /// <summary>Passed when nothing was noted.</summary>
    public CaseResult ToResult(string caseName)
    {
        var more = count > first.Count ? $"; and {(count - first.Count).ToString(CultureInfo.InvariantCulture)} more" : "";
        return count == 0 ? CaseResult.Pass(caseName) : CaseResult.Fail(caseName, string.Join("; ", first) + more);
    }
}
