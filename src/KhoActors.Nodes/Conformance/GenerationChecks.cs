namespace KhoActors.Nodes.Conformance;

/// <summary>All checks of one captured generation.</summary>
internal static class GenerationChecks
{
    private static readonly (string Name, Func<CaptureGeneration, CaseResult?> Run)[] Checks =
    [
        ("handover", HandoverCheck.Run),
        ("tracker", TrackerCheck.Run),
        ("hand-off", HandOffCheck.Run),
        ("debugfs", DebugfsCheck.Run),
        ("verdict", VerdictCheck.Run),
        ("crash", CrashCheck.Run),
        ("load", LoadCheck.Run),
    ];

    /// <summary>Runs the checks for which the generation has material.</summary>
    public static IEnumerable<CaseResult> Run(CaptureGeneration generation)
    {
        foreach ((string name, Func<CaptureGeneration, CaseResult?> run) in Checks)
        {
            CaseResult? result;
            try
            {
                result = run(generation);
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
