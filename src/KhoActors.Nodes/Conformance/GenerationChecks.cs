namespace KhoActors.Nodes.Conformance;

/// <summary>All checks of one captured generation.</summary>
internal static class GenerationChecks
{
    private static readonly (string Name, Func<CaptureGeneration, KernelsByRelease, CaseResult?> Run)[] Checks =
    [
        ("boot", BootCheck.Run),
        ("handover", (generation, _) => HandoverCheck.Run(generation)),
        ("tracker", (generation, _) => TrackerCheck.Run(generation)),
        ("hand-off", (generation, _) => HandOffCheck.Run(generation)),
        ("debugfs", (generation, _) => DebugfsCheck.Run(generation)),
        ("pstore", PstoreCheck.Run),
        ("verdict", (generation, _) => VerdictCheck.Run(generation)),
        ("test_kho", TestKhoCheck.Run),
        ("crash", CrashCheck.Run),
        ("load", (generation, _) => LoadCheck.Run(generation)),
    ];

    /// <summary>Runs the checks for which the generation has material.</summary>
    public static IEnumerable<CaseResult> Run(CaptureGeneration generation, KernelsByRelease kernels)
    {
        foreach ((string name, Func<CaptureGeneration, KernelsByRelease, CaseResult?> run) in Checks)
        {
            CaseResult? result;
            try
            {
                result = run(generation, kernels);
            }
            catch (CaptureFormatException problem)
            {
                result = CaseResult.Fail($"{generation.Name} {name}", problem.Message);
            }

            if (result is not null)
            {
                yield return result;
            }
        }
    }
}
