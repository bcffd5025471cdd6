using System.CommandLine;
using System.Globalization;
using KhoActors.Host.Commands;
using KhoActors.Host.Reports;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Runs;

/// <summary>The options of <c>kho runs</c> that say which runs are meant.</summary>
internal sealed class RunFilter
{
    private static readonly string[] MomentFormats =
        ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd'T'HH:mm'Z'", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd HH:mm"];

    private readonly Option<string?> _scenario = new("--scenario") { Description = "Only runs of this scenario.", HelpName = "NAME" };
    private readonly Option<string?> _state = new("--state") { Description = $"Only runs in this state: {RunStates.Accepted}.", HelpName = "STATE" };
    private readonly Option<bool> _violations = new("--violations")
    {
        Description = "Only runs in which an invariant did not hold.",
        Arity = ArgumentArity.Zero,
    };

    private readonly Option<string?> _seed = new("--seed") { Description = "Only runs with this seed.", HelpName = "N" };
    private readonly Option<string?> _since = new("--since")
    {
        Description = "Only runs started since then: a date or time (UTC), or an age such as 90min, 12h, 7d.",
        HelpName = "WHEN",
    };

    private readonly Option<int?> _limit = CommonOptions.Count("--limit", "Only the newest N of them.");

    /// <summary>The options, for the command.</summary>
    public IReadOnlyList<Option> Options => [_scenario, _state, _violations, _seed, _since, _limit];

    /// <summary>Reads the options.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="now">The time, for ages.</param>
    /// <returns>Picks the runs that are meant, from all runs, oldest first; keeps the order.</returns>
    /// <exception cref="UsageException">A value is not accepted.</exception>
    public Func<IReadOnlyList<StoredRun>, IReadOnlyList<StoredRun>> Read(ParseResult parsed, DateTimeOffset now)
    {
        string? scenario = parsed.GetValue(_scenario);
        RunState? state = parsed.GetValue(_state) is { } stateName ? StateOf(stateName) : null;
        bool violations = parsed.GetValue(_violations);
        ulong? seed = parsed.GetValue(_seed) is { } seedText ? SeedOf(seedText) : null;
        DateTimeOffset? since = parsed.GetValue(_since) is { } sinceText ? MomentOf(sinceText, now) : null;
        int limit = parsed.GetValue(_limit) ?? int.MaxValue;
        return runs =>
        [
            .. runs.Where(run => (scenario is null || run.Facts.Scenario == scenario)
                && (state is null || run.State == state)
                && (!violations || run.Sums.Violations > 0)
                && (seed is null || run.Facts.Seed == seed)
                && (since is null || run.Facts.Started >= since)).TakeLast(limit),
        ];
    }

    private static RunState StateOf(string name) => RunStates.Find(name)
        ?? throw new UsageException($"--state '{name}': one of {RunStates.Accepted} is accepted");

    private static ulong SeedOf(string text) => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
        ? seed
        : throw new UsageException($"--seed '{text}': a number from 0 to {ulong.MaxValue} is accepted");

    private static DateTimeOffset MomentOf(string text, DateTimeOffset now) => AgeOf(text) is { } age && age < now - DateTimeOffset.MinValue
        ? now - age
        : DateTimeOffset.TryParseExact(
            text, MomentFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTimeOffset moment)
            ? moment
            : throw new UsageException($"--since '{text}': a date (2026-01-31), a time in UTC (2026-01-31T13:45) or an age (90min, 12h, 7d) is accepted");

    private static TimeSpan? AgeOf(string text)
    {
        int digits = text.TakeWhile(char.IsAsciiDigit).Count();
        TimeSpan? unit = text[digits..] switch
        {
            "min" => TimeSpan.FromMinutes(1),
            "h" => TimeSpan.FromHours(1),
            "d" => TimeSpan.FromDays(1),
            _ => null,
        };
        return unit is { } one && int.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count <= 1_000_000
            ? one * count
            : null;
    }
}
