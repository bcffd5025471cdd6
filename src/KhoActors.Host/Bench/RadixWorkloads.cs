using System.Diagnostics;

namespace KhoActors.Host.Bench;

/// <summary>
/// The workloads of the tracker benchmark on the simulated tree and root FDT, beside the figures that the kernel's C code was measured with
/// (single-threaded, no lock, gcc 12 -O2). Counts, checksums and pages prove that the same work was done.
/// </summary>
public static class RadixWorkloads
{
    private const double Budget = 0.7;
    private const double CachedBudget = 0.5;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1.5);

    private static readonly Expected Random = new(927801, 0x2a75a1166ae000, 133);
    private static readonly Expected Dense = new(1048576, 0x17ffff80000000, 37);
    private static readonly Expected Spread = new(1048576, 0x2ffffe00000000, 133);
    private static readonly Expected Ranges = new(785957, 0x23eba59204e271, 299);
    private static readonly Expected Mixed = new(688410, 0x1f7ea6442316a4, 297);
    private static readonly Expected Sparse = new(65536, 0xfb9acda8044bc000, 107034);

    private static readonly (string[] Names, Func<RadixSession, Row[]> Rows)[] Parts =
    [
        (["B1 add-random", "B1b re-add", "B1w walk", "B4 del-random"], RunRandom),
        (["B2 add-sequential", "B5a walk-dense", "B2d del-sequential"], RunDense),
        (["B5b walk-spread"], RunSpread),
        (["B3 range-preserve", "B3w walk", "B3u range-unpreserve"], RunRanges),
        (["B6 add-mixed-order", "B6w walk", "B6d del-mixed-order"], RunMixed),
        (["B9 add-sparse", "B9w walk-sparse"], RunSparse),
        (["B7 add-64-subtrees"], static _ => [RunSubtrees()]),
    ];

    /// <summary>Names of the workloads, in the order of the reference; those of one group share a tree and run together.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> Groups { get; } = [.. Parts.Select(part => part.Names)];

    /// <summary>Runs one group of workloads.</summary>
    /// <param name="repetitions">
    /// How often, at least 1; figures are medians. Before that it runs until the compiler has seen and optimised every loop.
    /// </param>
    /// <param name="group">One of <see cref="Groups"/>.</param>
    /// <returns>One row for each workload.</returns>
    public static IReadOnlyList<RadixWorkloadResult> Run(int repetitions, IReadOnlyList<string> group)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(repetitions, 1);
        Row[] rows = Parts.First(part => ReferenceEquals(part.Names, group)).Rows(new RadixSession());
        long start = Stopwatch.GetTimestamp();
        do
        {
            Measure(rows, areKept: false);
        }
        while (Stopwatch.GetElapsedTime(start) < WarmUp);

        for (int i = 0; i < repetitions; i++)
        {
            Measure(rows, areKept: true);
        }

        return [.. rows.Select(row => row.Result())];
    }

    private static void Measure(Row[] rows, bool areKept)
    {
        foreach (Row row in rows)
        {
            row.Measure(areKept);
        }
    }

    private static Row[] RunRandom(RadixSession session)
    {
        RadixOperation[] operations = RadixOperations.Random();
        return
        [
            OnTree("B1 add-random", "op", 4.9, Budget, session, Random, () => session.AddBlocks(operations), startsEmpty: true),
            OnTree("B1b re-add", "op", 4.8, CachedBudget, session, Random, () => session.AddBlocks(operations)),
            OfWalk("B1w walk", 4.1, session, Random),
            OnTree("B4 del-random", "op", 4.1, Budget, session, Random.Emptied, () => session.RemoveBlocks(operations)),
        ];
    }

    private static Row[] RunDense(RadixSession session)
    {
        RadixOperation[] operations = RadixOperations.Ascending(1);
        return
        [
            OnTree("B2 add-sequential", "op", 4.4, CachedBudget, session, Dense, () => session.AddBlocks(operations), startsEmpty: true),
            OfWalk("B5a walk-dense", 3.6, session, Dense),
            OnTree("B2d del-sequential", "op", 3.5, Budget, session, Dense.Emptied, () => session.RemoveBlocks(operations)),
        ];
    }

    private static Row[] RunSpread(RadixSession session)
    {
        RadixOperation[] operations = RadixOperations.Ascending(4);
        return
        [
            OfWalk("B5b walk-spread", 3.6, session, Spread, () => session.AddBlocks(operations)),
        ];
    }

    private static Row[] RunRanges(RadixSession session)
    {
        RadixOperation[] operations = RadixOperations.RandomRanges();
        return
        [
            OnTree("B3 range-preserve", "range", 80.5, Budget, session, Ranges, () => session.PreserveRanges(operations), startsEmpty: true),
            OfWalk("B3w walk", 5.1, session, Ranges),
            OnTree("B3u range-unpreserve", "range", 68.5, Budget, session, Ranges.Emptied, () => session.UnpreserveRanges(operations)),
        ];
    }

    private static Row[] RunMixed(RadixSession session)
    {
        RadixOperation[] operations = RadixOperations.RandomOrders();
        return
        [
            OnTree("B6 add-mixed-order", "op", 7.6, Budget, session, Mixed, () => session.AddBlocks(operations), startsEmpty: true),
            OfWalk("B6w walk", 5.0, session, Mixed),
            OnTree("B6d del-mixed-order", "op", 6.9, Budget, session, Mixed.Emptied, () => session.RemoveBlocks(operations)),
        ];
    }

    private static Row[] RunSparse(RadixSession session)
    {
        RadixOperation[] operations = RadixOperations.Sparse();
        return
        [
            OnTree("B9 add-sparse", "op", 434, Budget, session, Sparse, () => session.AddBlocks(operations), startsEmpty: true),
            OfWalk("B9w walk-sparse", 1196, session, Sparse),
        ];
    }

    private static Row RunSubtrees()
    {
        var workload = new RootFdtWorkload();
        return new("B7 add-64-subtrees", "add", 2469, Budget, workload.Measure, workload.Verify);
    }

    private static Row OnTree(
        string name, string unit, double kernelNs, double budgetShare, RadixSession session, Expected expected, Func<double> work, bool startsEmpty = false)
    {
        double Measure()
        {
            if (startsEmpty)
            {
                session.Restart();
            }

            return work();
        }

        WorkProof Verify()
        {
            session.Walk(out long count, out ulong checksum);
            return WorkProof.OfTree(count, checksum, session.Pages, new Expected(count, checksum, session.Pages) == expected);
        }

        return new(name, unit, kernelNs, budgetShare, Measure, Verify);
    }

    /// <summary>A walk of the tree that the row before left, or of one that is built first.</summary>
    private static Row OfWalk(string name, double kernelNs, RadixSession session, Expected expected, Func<double>? build = null)
    {
        double Work()
        {
            build?.Invoke();
            return session.Walk(out _, out _);
        }

        return OnTree(name, "entry", kernelNs, CachedBudget, session, expected, Work, startsEmpty: build is not null);
    }

    /// <summary>What a workload must leave behind.</summary>
    private readonly record struct Expected(long Count, ulong Checksum, int Pages)
    {
        public Expected Emptied => this with { Count = 0, Checksum = 0 };
    }

    private sealed class Row(string name, string unit, double kernelNs, double budgetShare, Func<double> measure, Func<WorkProof> verify)
    {
        private readonly List<double> _ns = [];
        private WorkProof _proof = new(string.Empty, Verified: true);

        public void Measure(bool isKept)
        {
            double ns = measure();
            WorkProof proof = verify();
            _proof = proof with { Verified = _proof.Verified && proof.Verified };
            if (isKept)
            {
                _ns.Add(ns);
            }
        }

        public RadixWorkloadResult Result()
        {
            _ns.Sort();
            return new(name, unit, _ns[_ns.Count / 2], kernelNs, kernelNs * budgetShare, _proof);
        }
    }
}
