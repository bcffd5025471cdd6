// Violations on purpose: the tests of the rules look for them here, so that a rule which has gone blind fails.
#pragma warning disable CA1822, CA1823, CS0169, CS0414, IDE0044, IDE0051, CA1805, CA2211, CA1802
namespace KhoActors.Architecture.Tests.Planted;

internal sealed class FloatField
{
    private double _rate;
}

internal static class FloatLocal
{
    public static int Half(int value) => (int)(value * 0.5);
}

internal static class HiddenFloat
{
    public static long Seconds(TimeSpan span) => (long)span.TotalSeconds;
}

internal static class DictionaryLoop
{
    public static int Sum(Dictionary<int, int> values)
    {
        int sum = 0;
        foreach (KeyValuePair<int, int> pair in values)
        {
            sum += pair.Value;
        }

        return sum;
    }
}

internal static class DictionaryKeys
{
    public static int[] Keys(Dictionary<int, int> values) => [.. values.Keys];
}

internal static class DictionaryQuery
{
    public static int First(Dictionary<int, int> values) => values.First().Key;
}

internal static class HashSetLoop
{
    public static int Sum(HashSet<int> values)
    {
        int sum = 0;
        foreach (int value in values)
        {
            sum += value;
        }

        return sum;
    }
}

internal static class ListSort
{
    public static void Sort(List<(int Key, string Name)> values) => values.Sort(static (a, b) => a.Key.CompareTo(b.Key));
}

internal static class SpanSort
{
    public static void Sort(Span<(int Key, string Name)> values) => values.Sort(static (a, b) => a.Key.CompareTo(b.Key));
}

internal static class ArraySort
{
    public static void Sort((int Key, string Name)[] values) => Array.Sort(values, static (a, b) => a.Key.CompareTo(b.Key));
}

internal static class AssignableStatic
{
    private static int _count;
}

internal static class FillableStatic
{
    private static readonly List<int> Seen = [];
}

internal static class LockKeyword
{
    public static void Enter(object gate)
    {
        lock (gate)
        {
        }
    }
}

internal static class AsyncKeyword
{
    public static async Task Wait() => await Task.Yield();
}

/// <summary>What the rules must accept.</summary>
internal static class Innocent
{
    public const int Limit = 3;

    private static readonly string Name = "name";

    public static bool Has(Dictionary<int, int> values, HashSet<int> set, SortedDictionary<int, int> sorted)
    {
        foreach (KeyValuePair<int, int> pair in sorted)
        {
            if (values.TryGetValue(pair.Key, out int value) && set.Contains(value))
            {
                return Name.Length == Limit;
            }
        }

        int[] order = [3, 1, 2];
        Array.Sort(order);
        return order[0] == 1;
    }
}
