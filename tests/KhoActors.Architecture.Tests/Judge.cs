namespace KhoActors.Architecture.Tests;

/// <summary>Fails with every violation, one a line, rather than with the first few.</summary>
internal static class Judge
{
    /// <summary>Passes when nothing was found.</summary>
    /// <param name="violations">Where, and what.</param>
    public static void Clean(IEnumerable<string> violations)
    {
        string[] found = [.. violations];
        Assert.True(found.Length == 0, string.Join('\n', found));
    }
}
