namespace KhoActors.Nodes.Conformance;

/// <summary>Conformance with captures of real kernels: every number and byte that a real chain left behind, against our code.</summary>
public static class RealCaptures
{
    /// <summary>Whether a folder is a capture, a single generation of one, or a folder of captures.</summary>
    /// <param name="directory">Path of the folder.</param>
    /// <returns>Whether <see cref="Run"/> can work on it.</returns>
    public static bool Recognises(string directory) => Directory.Exists(directory) && (Capture.Recognises(directory) || Cases(directory).Length > 0);

    /// <summary>Checks a capture, a single generation, or every capture in a folder.</summary>
    /// <param name="directory">Path of the folder.</param>
    /// <param name="kernels">The simulated kernels, which are booted as the captured ones were.</param>
    /// <param name="progress">Told each result as it is known; may be null.</param>
    /// <returns>One result for each check of each generation. A capture that cannot be read fails with the reason.</returns>
    public static IReadOnlyList<CaseResult> Run(string directory, KernelsByRelease kernels, Action<CaseResult>? progress = null)
    {
        List<CaseResult> results = [];
        foreach (string folder in Capture.Recognises(directory) ? [directory] : Cases(directory))
        {
            foreach (CaseResult result in RunCapture(folder, kernels))
            {
                results.Add(result);
                progress?.Invoke(result);
            }
        }

        return results;
    }

    private static string[] Cases(string directory)
    {
        string[] folders = [.. Directory.EnumerateDirectories(directory).Where(Capture.IsCase)];
        Array.Sort(folders, string.CompareOrdinal);
        return folders;
    }

    private static List<CaseResult> RunCapture(string folder, KernelsByRelease kernels)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        Capture capture;
        try
        {
            capture = Capture.Open(folder);
        }
        catch (CaptureFormatException problem)
        {
            return [CaseResult.Fail(name, problem.Message)];
        }

        List<CaseResult> results = [];
        foreach (CaptureGeneration generation in capture.Generations)
        {
            if (capture.Selected is null || capture.Selected == generation.Number)
            {
                results.AddRange(GenerationChecks.Run(generation, kernels));
            }
        }

        return results.Count > 0 ? results : [CaseResult.Skip(name, "nothing to check: the capture records neither loads nor memory of a generation")];
    }
}
