using KhoActors.Host.Bench;

namespace KhoActors.Host.Tests;

public class BenchTests
{
    [Fact]
    public void A_pattern_that_no_row_has_is_a_usage_error_that_names_the_rows()
    {
        ProgramRun run = ProgramRun.Of("bench", "--only", "no such row");

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("B1 add-random", run.ErrorLine, StringComparison.Ordinal);
        Assert.Contains("machine-kexecs", run.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_row_has_a_name_of_its_own()
    {
        string[] names = [.. BenchParts.All().SelectMany(part => part.Names)];

        Assert.Equal(names.Length, names.Distinct(StringComparer.OrdinalIgnoreCase).Count());
    }

    [Fact]
    public void Tracker_workloads_leave_what_the_reference_leaves()
    {
        foreach (IReadOnlyList<string> group in RadixWorkloads.Groups)
        {
            IReadOnlyList<RadixWorkloadResult> results = RadixWorkloads.Run(1, group);

            Assert.Equal(group, results.Select(result => result.Name));
            Assert.All(results, result => Assert.True(result.Proof.Verified, $"{result.Name}: {result.Proof.Text}"));
        }
    }

    [Fact]
    public void Wrong_work_stands_out_in_the_report()
    {
        using StringWriter text = new();
        WorkProof wrong = WorkProof.OfTree(5, 0xab, 7, verified: false);
        new BenchReport(new Calibration(1, 2, 3), [new BenchRow("B", "ns", 1, 2, BudgetKind.AtMost, wrong)])
            .WriteTable(new Terminal { Out = text, Error = TextWriter.Null });

        Assert.Contains("WRONG: 5 entries, sum 0xab, 7 pages", text.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Delivering_a_message_allocates_nothing()
    {
        MessageWorkload workload = new();
        workload.Measure();

        Assert.Equal(0, workload.Measure().AllocatedBytes);
    }

    [Theory]
    [InlineData("fleet", 8192, 64)]
    [InlineData("smoke", 12288, 512)]
    public void A_machine_stays_small_and_allocates_little(string scenario, int bytes, int bytesPerMessage)
    {
        FleetWorkload fleet = new(SourceTree.Scenarios(), scenario);

        Assert.InRange(fleet.HibernatedBytes(), 1, bytes);
        Assert.InRange(fleet.AllocatedBytesPerMessage(), 0, bytesPerMessage);
    }

    [Fact]
    public void A_history_stays_small_and_changes_no_digest()
    {
        HistoryFigures figures = new HistoryWorkload(SourceTree.Scenarios(), "smoke", "machines=100").Measure(repetitions: 1);

        Assert.InRange(figures.BytesPerKexec, 1, 1000);
        Assert.InRange(figures.ShareOfRun, -10, 1);
        Assert.InRange(figures.KexecsPerSecond, 1, double.MaxValue);
    }
}
