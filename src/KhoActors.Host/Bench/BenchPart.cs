namespace KhoActors.Host.Bench;

/// <summary>Rows that are measured together, because they share what they work on.</summary>
/// <param name="Names">Names of the rows, in order.</param>
/// <param name="Measure">Measures; takes how often each workload runs and gives the rows.</param>
internal sealed record BenchPart(IReadOnlyList<string> Names, Func<int, IReadOnlyList<BenchRow>> Measure)
{
    /// <summary>A part of one row.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="unit">Its unit.</param>
    /// <param name="budget">Its budget.</param>
    /// <param name="kind">Floor or ceiling.</param>
    /// <param name="figure">Measures; takes how often the workload runs.</param>
    /// <returns>The part.</returns>
    public static BenchPart OfRow(string name, string unit, double budget, BudgetKind kind, Func<int, double> figure) =>
        new([name], repetitions => [new BenchRow(name, unit, figure(repetitions), budget, kind)]);

    /// <summary>The median of several measurements, after one that warms up.</summary>
    /// <param name="repetitions">How many, at least 1.</param>
    /// <param name="measure">Measures once.</param>
    /// <returns>The median.</returns>
    public static double Median(int repetitions, Func<double> measure)
    {
        measure();
        double[] figures = new double[repetitions];
        for (int i = 0; i < repetitions; i++)
        {
            figures[i] = measure();
        }

        Array.Sort(figures);
        return figures[repetitions / 2];
    }
}
