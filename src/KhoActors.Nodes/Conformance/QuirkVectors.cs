using System.Text.Json;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// Results that depend on what C leaves open or on bugs that newer kernels fixed (<c>quirks/</c>): the defined side is checked, and what
/// real builds do where a kernel file can ask for it.
/// </summary>
internal static class QuirkVectors
{
    private const ulong BasePhys = 0x1_0000_0000;

    /// <summary>Runs one vector.</summary>
    /// <param name="caseName">Its name.</param>
    /// <param name="vector">Its content.</param>
    /// <returns>The result; unsupported with the vector's own note when nothing in it is defined.</returns>
    public static CaseResult Run(string caseName, JsonElement vector)
    {
        var differences = new Differences();
        foreach (JsonElement item in vector.GetItems("cases"))
        {
            if (item.Find("ctz0_is_64") is { } expect)
            {
                KhoAbi abi = SessionVectors.AbiOf(vector);
                var session = Session.Run(item.GetItems("ops"), abi, new SessionMemory(BasePhys, null), "tree", null);
                SessionExpectations.Check(session, expect, differences);
            }
            else if (item.Find("reserved_with_64_bit_size") is { } wide)
            {
                CheckSize(item, wide, blockSize32Bit: false, differences);
                CheckSize(item, item.Get("reserved_with_int_size"), blockSize32Bit: true, differences);
            }
            else
            {
                return CaseResult.Skip(caseName, $"informative: {vector.GetText("note")}");
            }
        }

        return differences.Result(caseName);
    }

    private static void CheckSize(JsonElement item, JsonElement area, bool blockSize32Bit, Differences differences)
    {
        int order = item.GetInt("order", 0, 63 - PageGeometry.Shift);
        string what = $"size of order {order}, {(blockSize32Bit ? "int" : "64 bits")}";
        differences.Hex(what, area.Item(1, "reserved").Number("reserved"), PreservedBlock.ReservedBytes(order, blockSize32Bit));
    }
}
