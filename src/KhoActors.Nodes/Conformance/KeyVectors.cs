using System.Text.Json;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Conformance;

/// <summary>Tables of radix keys, encoded and decoded (<c>keys/</c>).</summary>
internal static class KeyVectors
{
    /// <summary>Runs one table: its entries have a <c>bitmap_bit</c> when it is about encoding, or only key, address and order.</summary>
    /// <param name="caseName">Its name.</param>
    /// <param name="vector">Its content.</param>
    /// <returns>The result.</returns>
    public static CaseResult Run(string caseName, JsonElement vector)
    {
        var differences = new DifferenceList();
        foreach (JsonElement entry in vector.GetItems("entries"))
        {
            if (entry.Find("bitmap_bit") is null)
            {
                CheckDecoded(entry, differences);
            }
            else
            {
                CheckEncoded(entry, differences);
            }
        }

        return differences.ToResult(caseName);
    }

    private static void CheckEncoded(JsonElement entry, DifferenceList differences)
    {
        ulong phys = entry.GetNumber("phys");
        int order = entry.GetInt("order", 0, RadixKey.MaxOrder);
        string what = $"block 0x{phys:x} order {order}";
        ulong key = RadixKey.Encode(phys, order);
        differences.CheckHex($"key of {what}", entry.GetNumber("key"), key);
        differences.Check($"bit of {what}", entry.GetInt("bitmap_bit", 0, int.MaxValue), RadixKey.LeafBit(key));
        JsonElement indices = entry.Get("table_index");
        for (int level = RadixKey.RootLevel; level > 0; level--)
        {
            int expected = indices.GetInt(level.ToString(System.Globalization.CultureInfo.InvariantCulture), 0, int.MaxValue);
            differences.Check($"index of {what} at level {level}", expected, RadixKey.Index(level, key));
        }

        (ulong decodedPhys, int decodedOrder) = RadixKey.Decode(key);
        differences.CheckHex($"{what} decoded again, address", entry.GetNumber("decoded_phys"), decodedPhys);
        differences.Check($"{what} decoded again, order", entry.GetInt("decoded_order", 0, int.MaxValue), decodedOrder);
    }

    private static void CheckDecoded(JsonElement entry, DifferenceList differences)
    {
        ulong key = entry.GetNumber("key");
        (ulong phys, int order) = RadixKey.Decode(key);
        differences.CheckHex($"address of key 0x{key:x}", entry.GetNumber("phys"), phys);
        differences.Check($"order of key 0x{key:x}", entry.GetInt("order", int.MinValue, int.MaxValue), order);
        if (entry.Find("encodes_back") is { } encodesBack)
        {
            bool found = order is >= 0 and <= RadixKey.MaxOrder && RadixKey.Encode(phys, order) == key;
            differences.Check($"key 0x{key:x} encodes back", encodesBack.ValueKind == JsonValueKind.True, found);
        }
    }
}
