using System.Globalization;

namespace KhoActors.Host.Reports;

/// <summary>The text of a progress report: how far, how fast, how long still.</summary>
/// <param name="Unit">What is counted, in the plural: <c>kexecs</c>.</param>
/// <param name="Total">How many there will be; at least 1.</param>
internal readonly record struct ProgressLine(string Unit, long Total)
{
    /// <summary>Rate and time left, for example <c>12,345 kexecs/s, 1:05 left</c>.</summary>
    /// <param name="done">How many are done.</param>
    /// <param name="elapsed">Time since the start.</param>
    /// <returns>The text.</returns>
    public string Speed(long done, TimeSpan elapsed)
    {
        if (done == 0 || elapsed <= TimeSpan.Zero)
        {
            return "starting";
        }

        double perSecond = done / elapsed.TotalSeconds;
        string rate = Number(perSecond) + " " + Unit + "/s";
        return done >= Total ? rate : $"{rate}, {Span(TimeSpan.FromSeconds((Total - done) / perSecond))} left";
    }

    /// <summary>The whole line, for example <c>300 of 1,000 kexecs (30 %), 100 kexecs/s, 0:07 left</c>.</summary>
    /// <param name="done">How many are done.</param>
    /// <param name="elapsed">Time since the start.</param>
    /// <returns>The text.</returns>
    public string Full(long done, TimeSpan elapsed) =>
        string.Create(CultureInfo.InvariantCulture, $"{done:N0} of {Total:N0} {Unit} ({done * 100.0 / Total:F0} %), {Speed(done, elapsed)}");

    private static string Number(double value) => value.ToString(value < 10 ? "F1" : "N0", CultureInfo.InvariantCulture);

    private static string Span(TimeSpan left) => left.TotalHours >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{(long)left.TotalHours}:{left.Minutes:D2}:{left.Seconds:D2}")
        : string.Create(CultureInfo.InvariantCulture, $"{left.Minutes}:{left.Seconds:D2}");
}
