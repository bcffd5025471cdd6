using KhoActors.Nodes.Machines;

namespace KhoActors.Host.Reports;

/// <summary>A run of a single machine as a story: each generation with its kernel's own lines, what user space asked, and what became of its memory.</summary>
/// <param name="terminal">Receives it.</param>
internal sealed class RunStory(Terminal terminal)
{
    /// <summary>Tells one generation.</summary>
    /// <param name="report">What it did.</param>
    public void Tell(GenerationReport report)
    {
        string arrival = report.WasKexec ? $"booted by kexec from {report.PreviousKernel}" : "cold boot";
        terminal.Out.WriteLine($"generation {report.Generation}: kernel {report.Kernel}, {arrival}");
        foreach (string line in report.Story)
        {
            terminal.Out.WriteLine($"  {line}");
        }

        if (report.WasKexec)
        {
            terminal.Out.WriteLine(report.HandedOver
                ? $"  {Counted.Of(report.Survived, "preserved piece")} arrived intact; user space restored {report.Restored} of its own"
                : $"  nothing was handed over; {Counted.Of(report.Lost, "preserved piece")} lost");
        }

        if (report.End != GenerationEnd.Last)
        {
            terminal.Out.WriteLine(
                $"  {Counted.Of(report.Operations, "operation")} in {Counted.Of((long)report.Messages, "message")}, "
                + $"{Counted.Of(report.FailedRequests, "request")} refused; {EndOf(report.End)}");
        }

        terminal.Out.WriteLine();
    }

    private static string EndOf(GenerationEnd end) => end switch
    {
        GenerationEnd.Kexec => "then kexec",
        GenerationEnd.KexecRefused => "then a plain reboot: a client refused the kexec again and again",
        GenerationEnd.Reboot => "then a plain reboot",
        GenerationEnd.EmergencyRestart => "then an emergency restart",
        GenerationEnd.LoadFailed => "then a plain reboot: the next kernel could not be loaded",
        GenerationEnd.Panic => "then a panic without hand-over",
        GenerationEnd.ColdBoot => "then power off and on",
        GenerationEnd.Oops => "then the kernel crashed",
        _ => string.Empty,
    };
}
