using System.Globalization;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Runs;

/// <summary>What people call a run: its number in a history, or <c>last</c>.</summary>
internal static class RunName
{
    /// <summary>The newest run of a history.</summary>
    public const string Newest = "last";

    /// <summary>What is accepted, for messages and help.</summary>
    public const string Accepted = $"a run's number, or '{Newest}'";

    /// <summary>Whether a text is a run's number or means the newest.</summary>
    /// <param name="text">What was written.</param>
    /// <returns>Whether it is; the run need not exist.</returns>
    public static bool IsRun(string text) => text == Newest || (text.Length > 0 && text.All(char.IsAsciiDigit));

    /// <summary>Finds a run in a history.</summary>
    /// <param name="store">The history.</param>
    /// <param name="text">What was written.</param>
    /// <returns>The run.</returns>
    /// <exception cref="UsageException">It is no name of a run, or there is no such run.</exception>
    /// <exception cref="HistoryDamageException">The run's row is damaged.</exception>
    public static StoredRun Find(IHistoryStore store, string text)
    {
        if (!IsRun(text))
        {
            throw new UsageException($"run '{text}': {Accepted} is accepted");
        }

        StoredRun? newest = text == Newest ? store.FindRun(null) : null;
        bool isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number);
        return newest ?? (isNumber ? store.FindRun(number) : null)
            ?? throw new UsageException(
                store.FindRun(null) is { } last
                    ? string.Create(CultureInfo.InvariantCulture, $"no run {text} in {store.Address}; the newest is {last.Number}")
                    : $"no run {text} in {store.Address}: it holds none yet");
    }
}
