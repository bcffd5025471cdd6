using System.Text.Json;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Conformance;

/// <summary>Recorded sessions of the radix tree: operations and the exact memory they leave behind (<c>v2-radix/</c>, <c>v2-system/</c>).</summary>
internal static class SessionVectors
{
    /// <summary>Runs one vector.</summary>
    /// <param name="caseName">Its name.</param>
    /// <param name="vector">Its content.</param>
    /// <returns>The result.</returns>
    public static CaseResult Run(string caseName, JsonElement vector)
    {
        var session = Session.Run(vector, AbiOf(vector));
        var differences = new Differences();
        SessionExpectations.Check(session, vector.Get("expect"), differences);
        return differences.Result(caseName);
    }

    /// <summary>The generation a vector was recorded with.</summary>
    /// <param name="vector">The vector.</param>
    /// <returns>A generation with a radix tree.</returns>
    /// <exception cref="NotSimulatedException">It has none.</exception>
    public static KhoAbi AbiOf(JsonElement vector)
    {
        string name = vector.GetText("abi");
        KhoAbi abi = KhoAbi.Find(name)
            ?? throw new VectorFormatException($"'abi' must be one of {string.Join(", ", KhoAbi.All.Select(known => known.Name))}, found {name}");
        return abi.Tracker == TrackerKind.Radix ? abi : throw new NotSimulatedException("the kho-v1 tracker is not simulated yet");
    }
}
