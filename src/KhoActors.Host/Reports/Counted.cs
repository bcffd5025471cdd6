using System.Globalization;

namespace KhoActors.Host.Reports;

/// <summary>Numbers of things as people write them.</summary>
internal static class Counted
{
    /// <summary>A number and what it counts.</summary>
    /// <param name="count">How many.</param>
    /// <param name="one">What one of them is called; more take an s.</param>
    /// <returns>For example <c>1 kexec</c>, <c>1,300 generations</c>.</returns>
    public static string Of(long count, string one) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} {one}{(count == 1 ? "" : "s")}");
}
