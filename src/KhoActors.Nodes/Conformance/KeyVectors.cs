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
        var differences = new Differences();
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

        return differences.Result(caseName);
    }

    private static void CheckEncoded(JsonElement entry, Differences differences)
    {
        ulong phys = entry.GetNumber("phys");
        int order = entry.GetInt("order", 0, RadixKey.MaxOrder);
        string what = $"block 0x{phys:x} order {order}";
        ulong key = RadixKey.Encode(phys, order);
        differences.Hex($"key of {what}", entry.GetNumber("key"), key);
        differences.Equal($"bit of {what}", entry.GetInt("bitmap_bit", 0, int.MaxValue), RadixKey.LeafBit(key));
        JsonElement indices = entry.Get("table_index");
        for (int level = RadixKey.RootLevel; level > 0; level--)
        {
            int expected = indices.GetInt(level.ToString(System.Globalization.CultureInfo.InvariantCulture), 0, int.MaxValue);
            differences.Equal($"index of {what} at level {level}", expected, RadixKey.Index(level, key));
        }

        (ulong decodedPhys, int decodedOrder) = RadixKey.Decode(key);
        differences.Hex($"{what} decoded again, address", entry.GetNumber("decoded_phys"), decodedPhys);
        differences.Equal($"{what} decoded again, order", entry.GetInt("decoded_order", 0, int.MaxValue), decodedOrder);
    }

    private static void CheckDecoded(JsonElement entry, Differences differences)
    {
        ulong key = entry.GetNumber("key");
        (ulong phys, int order) = RadixKey.Decode(key);
        differences.Hex($"address of key 0x{key:x}", entry.GetNumber("phys"), phys);
        differences.Equal($"order of key 0x{key:x}", entry.GetInt("order", int.MinValue, int.MaxValue), order);
        if (entry.Find("encodes_back") is { } encodesBack)
        {
            bool found = order is >= 0 and <= RadixKey.MaxOrder && RadixKey.Encode(phys, order) == key;
            differences.Equal($"key 0x{key:x} encodes back", encodesBack.ValueKind == JsonValueKind.True, found);
        }
    }
}
