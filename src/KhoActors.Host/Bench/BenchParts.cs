namespace KhoActors.Host.Bench;

/// <summary>Every row of <c>kho bench</c>: the program's start, machines, histories, messages, the tracker's workloads.</summary>
internal static class BenchParts
{
    private const double KexecsPerSecondBudget = 25_000;
    private const double MessagesPerSecondBudget = 30_000_000;
    private const double HistoryShareBudget = 15;
    private const double HistoryBytesBudget = 400;
    private const double HibernatedBytesBudget = 8192;
    private const double VersionMillisecondsBudget = 150;

    private static readonly string[] HistoryNames = ["machine-kexecs, recorded", "history, share of run", "history, size"];

    /// <summary>Names of all parts' rows and how they are measured. Nothing is measured yet.</summary>
    /// <returns>The parts, in the order of the report.</returns>
    public static IReadOnlyList<BenchPart> All() =>
    [
        BenchPart.OfRow("kho --version", "ms", VersionMillisecondsBudget, BudgetKind.AtMost, static _ => StartupWorkload.Milliseconds()),
        BenchPart.OfRow(
            "machine-kexecs",
            "1/s",
            KexecsPerSecondBudget,
            BudgetKind.AtLeast,
            static repetitions => BenchPart.Median(repetitions, MachinesOf("smoke").KexecsPerSecond)),
        new(HistoryNames, History),
        .. SizesOf("smoke"),
        .. SizesOf("fleet"),
        new(["actor messages", "actor messages, allocated"], Messages),
        .. RadixWorkloads.Groups.Select(group => new BenchPart(
            group, repetitions => [.. RadixWorkloads.Run(repetitions, group).Select(BenchRow.OfTracker)])),
    ];

    private static IEnumerable<BenchPart> SizesOf(string scenario) =>
    [
        BenchPart.OfRow(
            $"machine of {scenario}, hibernated", "B", HibernatedBytesBudget, BudgetKind.AtMost, _ => MachinesOf(scenario).HibernatedBytes()),
        BenchPart.OfRow(
            $"machine of {scenario}, allocated", "B/message", 0, BudgetKind.AtMost, _ => MachinesOf(scenario).AllocatedBytesPerMessage()),
    ];

    private static FleetWorkload MachinesOf(string scenario) => new(SourceTree.Scenarios(), scenario);

    private static IReadOnlyList<BenchRow> History(int repetitions)
    {
        HistoryFigures figures = new HistoryWorkload(SourceTree.Scenarios(), "smoke", "machines=500").Measure(repetitions);
        return
        [
            new(HistoryNames[0], "1/s", figures.KexecsPerSecond, KexecsPerSecondBudget, BudgetKind.AtLeast),
            new(HistoryNames[1], "%", 100 * figures.ShareOfRun, HistoryShareBudget, BudgetKind.AtMost),
            new(HistoryNames[2], "B/kexec", figures.BytesPerKexec, HistoryBytesBudget, BudgetKind.AtMost),
        ];
    }

    private static IReadOnlyList<BenchRow> Messages(int repetitions)
    {
        MessageWorkload workload = new();
        double allocated = 0;
        double perSecond = BenchPart.Median(repetitions, () =>
        {
            MessageFigures figures = workload.Measure();
            allocated = figures.AllocatedBytes;
            return figures.PerSecond;
        });
        return
        [
            new("actor messages", "1/s", perSecond, MessagesPerSecondBudget, BudgetKind.AtLeast),
            new("actor messages, allocated", "B/message", allocated, 0, BudgetKind.AtMost),
        ];
    }
}
