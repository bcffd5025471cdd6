using KhoActors.Nodes.Fleet;

namespace KhoActors.Host.Runs;

/// <summary>What the sums of a run mean, whether it has just been run, was recorded or is replayed.</summary>
internal static class RunVerdict
{
    /// <summary>How a run ends that came to its end.</summary>
    /// <param name="violations">Invariants that did not hold.</param>
    /// <param name="kexecs">Kexecs that were judged.</param>
    /// <returns>The exit code.</returns>
    public static ExitCode Of(long violations, long kexecs) =>
        violations > 0 ? ExitCode.Violated : kexecs == 0 ? ExitCode.Inconclusive : ExitCode.Held;

    /// <summary>Names violations on the diagnostics stream.</summary>
    /// <param name="terminal">Receives them.</param>
    /// <param name="violations">Those that are known with their texts.</param>
    /// <param name="count">How many there are.</param>
    public static void TellViolations(Terminal terminal, IReadOnlyList<MachineViolation> violations, long count)
    {
        foreach (MachineViolation violation in violations)
        {
            terminal.Error.WriteLine(LineOf(violation));
        }

        if (count > violations.Count)
        {
            terminal.Error.WriteLine($"... and {count - violations.Count} violations more");
        }
    }

    /// <summary>A violation as a line.</summary>
    /// <param name="violation">The violation.</param>
    /// <returns>The line.</returns>
    public static string LineOf(MachineViolation violation)
    {
        (string invariant, int generation, string detail) = violation.Violation;
        return Terminal.Printable($"violation: machine {violation.Machine}, generation {generation}: {invariant}: {detail}");
    }
}
