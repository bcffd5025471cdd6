using System.Globalization;

namespace KhoActors.Nodes.History.Journal;

/// <summary>
/// Under which persistence ids an engine keeps runs in a journal of events (the tables of Akka.Persistence.Sql). They never change:
/// <c>runs</c> lists the runs, <c>run-3</c> is a run with its progress, <c>run-3-machine-17</c> one of its machines.
/// </summary>
public static class JournalNames
{
    /// <summary>The list of runs: one <see cref="RunAnnounced"/> each.</summary>
    public const string Runs = "runs";

    private const string RunPrefix = "run-";
    private const string MachineInfix = "-machine-";

    /// <summary>The id of a run.</summary>
    /// <param name="run">Its number, from 1.</param>
    /// <returns>The id.</returns>
    public static string Run(int run) => string.Create(CultureInfo.InvariantCulture, $"{RunPrefix}{run}");

    /// <summary>The id of a machine of a run.</summary>
    /// <param name="run">The run.</param>
    /// <param name="machine">The machine's number, from 0.</param>
    /// <returns>The id.</returns>
    public static string Machine(int run, int machine) => string.Create(CultureInfo.InvariantCulture, $"{RunPrefix}{run}{MachineInfix}{machine}");

    /// <summary>Reads the id of a run.</summary>
    /// <param name="id">Any persistence id.</param>
    /// <param name="run">The run's number.</param>
    /// <returns>Whether it is the id of a run, written as <see cref="Run"/> writes it.</returns>
    public static bool TryReadRun(string id, out int run)
    {
        ArgumentNullException.ThrowIfNull(id);
        run = 0;
        return id.StartsWith(RunPrefix, StringComparison.Ordinal) && TryReadNumber(id.AsSpan(RunPrefix.Length), out run) && run > 0;
    }

    /// <summary>Reads the id of a machine.</summary>
    /// <param name="id">Any persistence id.</param>
    /// <param name="run">The run's number.</param>
    /// <param name="machine">The machine's number.</param>
    /// <returns>Whether it is the id of a machine, written as <see cref="Machine"/> writes it.</returns>
    public static bool TryReadMachine(string id, out int run, out int machine)
    {
        ArgumentNullException.ThrowIfNull(id);
        run = machine = 0;
        int infix = id.IndexOf(MachineInfix, StringComparison.Ordinal);
        return infix > 0 && TryReadRun(id[..infix], out run) && TryReadNumber(id.AsSpan(infix + MachineInfix.Length), out machine);
    }

    /// <summary>Digits only, no leading zero: one id for each number.</summary>
    private static bool TryReadNumber(ReadOnlySpan<char> digits, out int number) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number) && (digits.Length == 1 || digits[0] != '0');
}
