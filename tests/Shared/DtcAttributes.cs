namespace KhoActors.Tests.Shared;

/// <summary>
/// Tests that ask dtc (package device-tree-compiler), an oracle of its own. Without it they are reported as skipped; where CI=true they
/// run all the same and fail, so that the check cannot vanish there.
/// </summary>
internal static class Dtc
{
    public static string? SkipReason => Environment.GetEnvironmentVariable("CI") == "true" || IsInstalled ? null : "needs dtc (Debian: device-tree-compiler)";

    private static bool IsInstalled =>
        (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "dtc")));
}

/// <summary>A fact that needs dtc.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class DtcFactAttribute : FactAttribute
{
    public DtcFactAttribute() => Skip = Dtc.SkipReason;
}

/// <summary>A theory that needs dtc.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class DtcTheoryAttribute : TheoryAttribute
{
    public DtcTheoryAttribute() => Skip = Dtc.SkipReason;
}
