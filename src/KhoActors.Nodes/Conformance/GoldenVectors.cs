using System.Text.Json;
using KhoActors.Subsystems;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// Recorded vectors: operations and the bytes that the kernel's own code made of them. Each file tells by its content what it is, so
/// one folder of vectors works like the whole collection.
/// </summary>
public static class GoldenVectors
{
    private const string CaptureName = "case.json";

    /// <summary>Whether a folder holds vectors (JSON files, and not memory captured on a real machine).</summary>
    /// <param name="directory">The folder.</param>
    /// <returns>True when <see cref="Run"/> has something to run.</returns>
    public static bool Recognises(string directory)
    {
        IReadOnlyList<VectorFile> files = VectorFile.Find(directory);
        return files.Count > 0 && files.All(file => Path.GetFileName(file.Path) != CaptureName);
    }

    /// <summary>Runs every vector below a folder, in ordinal order of their paths.</summary>
    /// <param name="directory">The collection, or one folder of it.</param>
    /// <param name="progress">Told about each result as it is there.</param>
    /// <returns>One result for each file. A malformed file is a failed case that says what is wrong with it.</returns>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static IReadOnlyList<CaseResult> Run(string directory, Action<CaseResult>? progress = null)
    {
        List<CaseResult> results = [];
        foreach (VectorFile file in VectorFile.Find(directory))
        {
            CaseResult result = RunFile(file);
            results.Add(result);
            progress?.Invoke(result);
        }

        return results;
    }

    private static CaseResult RunFile(VectorFile file)
    {
        try
        {
            using JsonDocument document = file.Parse();
            return RunVector(file.CaseName, document.RootElement, Path.GetDirectoryName(file.Path) ?? "");
        }
        catch (VectorFormatException e)
        {
            return CaseResult.Fail(file.CaseName, $"{Path.GetFileName(file.Path)}: {e.Message}");
        }
        catch (NotSimulatedException e)
        {
            return CaseResult.Skip(file.CaseName, e.Message);
        }
        catch (SimulatedOopsException e)
        {
            return CaseResult.Fail(file.CaseName, $"the simulated kernel crashed: {e.Message}");
        }
    }

    private static CaseResult RunVector(string caseName, JsonElement vector, string folder)
    {
        if (vector.Find("kind") is not null)
        {
            return FdtVectors.Run(caseName, vector, folder);
        }

        if (vector.Find("entries") is not null)
        {
            return KeyVectors.Run(caseName, vector);
        }

        if (vector.Find("cases") is { } cases)
        {
            bool isDecode = cases.Items("cases").Any(item => item.Find("hex") is not null);
            return isDecode ? DecodeVectors.Run(caseName, vector) : QuirkVectors.Run(caseName, vector);
        }

        if (vector.Find("entry_size") is not null)
        {
            throw new NotSimulatedException("serialization blocks are not simulated yet");
        }

        return vector.Find("restore") is not null ? RestoreVectors.Run(caseName, vector) : SessionVectors.Run(caseName, vector);
    }
}
