namespace KhoActors.Nodes.Scenarios;

/// <summary>Finds the name that somebody probably meant.</summary>
internal static class NameSuggestion
{
    private const int LongestName = 64;

    /// <summary>A sentence that names the nearest candidate, or lists them all when none is near.</summary>
    /// <param name="written">What was written.</param>
    /// <param name="candidates">What is accepted.</param>
    public static string For(string written, IReadOnlyList<string> candidates)
    {
        string? best = null;
        int bestDistance = Math.Max(1, Math.Min(written.Length, LongestName) / 3) + 1;
        foreach (string candidate in written.Length > LongestName ? [] : candidates)
        {
            int distance = Distance(written, candidate);
            if (distance < bestDistance)
            {
                (best, bestDistance) = (candidate, distance);
            }
        }

        return best is not null ? $"did you mean '{best}'?"
            : candidates.Count == 0 ? "there are none"
            : $"accepted: {string.Join(", ", candidates)}";
    }

    /// <summary>Edits (insert, delete, replace one character, swap neighbours) that turn one name into the other.</summary>
    private static int Distance(string from, string to)
    {
        int[,] edits = new int[from.Length + 1, to.Length + 1];
        for (int i = 0; i <= from.Length; i++)
        {
            for (int j = 0; j <= to.Length; j++)
            {
                edits[i, j] = i == 0 || j == 0
                    ? i + j
                    : Math.Min(
                        Math.Min(edits[i - 1, j], edits[i, j - 1]) + 1,
                        edits[i - 1, j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                {
                    edits[i, j] = Math.Min(edits[i, j], edits[i - 2, j - 2] + 1);
                }
            }
        }

        return edits[from.Length, to.Length];
    }
}
