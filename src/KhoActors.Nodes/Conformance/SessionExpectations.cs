using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Conformance;

/// <summary>Compares the end of a session with what was recorded, field by field. A field it does not know is a difference.</summary>
internal static class SessionExpectations
{
    /// <summary>Compares everything that is in <paramref name="expect"/>.</summary>
    public static void Check(Session session, JsonElement expect, Differences differences)
    {
        if (expect.ValueKind != JsonValueKind.Object)
        {
            throw new VectorFormatException("'expect' must be an object");
        }

        foreach (JsonProperty field in expect.EnumerateObject())
        {
            CheckField(session, field.Name, field.Value, differences);
        }
    }

    private static void CheckField(Session session, string name, JsonElement value, Differences differences)
    {
        switch (name)
        {
            case "root_phys":
                differences.Hex(name, value.Number(name), session.Tree.MapPhys);
                break;
            case "results":
                CheckResults(session, value, differences);
                break;
            case "warnings":
                differences.Equal(name, value.Number(name), (ulong)session.Log.Warnings);
                break;
            case "warnings_printed":
                differences.Equal(name, value.Number(name), (ulong)session.Log.Lines.Count(line => line.Level == LogLevel.Warning));
                break;
            case "allocations":
                differences.Equal(name, value.Number(name), (ulong)session.Memory.Allocations);
                break;
            case "frees":
                differences.Equal(name, value.Number(name), (ulong)session.Memory.Frees);
                break;
            case "next_phys":
                differences.Hex(name, value.Number(name), session.Memory.NextPhys);
                break;
            case "pages":
                CheckPages(session.Memory, value, differences);
                break;
            case "pages_digest":
                CheckPagesDigest(session.Memory, value.Text(name), differences);
                break;
            case "walk":
            case "walk_ret":
                CheckWalk(session.Tree, name, value, differences);
                break;
            case "fdt":
                CheckFdt(session, value, differences);
                break;
            case "blobs":
                CheckBlobs(session, value, differences);
                break;
            default:
                differences.Add($"expectation '{name}'", "one that is known", "another");
                break;
        }
    }

    private static void CheckResults(Session session, JsonElement expected, Differences differences)
    {
        int i = 0;
        foreach (JsonElement item in expected.Items("results"))
        {
            int operation = item.Item(0, "results").Int("results", 0, int.MaxValue);
            JsonElement result = item.Item(1, "results");
            SessionResult found = i < session.Results.Count ? session.Results[i] : default;
            SessionResult wanted = result.ValueKind switch
            {
                JsonValueKind.Number => new SessionResult(operation, result.Int("results", int.MinValue, int.MaxValue), 0),
                JsonValueKind.Object => new SessionResult(operation, result.GetInt("ret", int.MinValue, 0), 0, result.Find("desc")?.Text("desc")),
                _ => new SessionResult(operation, 0, result.Number("results")),
            };
            differences.Equal($"result {i}", wanted, found);
            i++;
        }

        differences.Equal("number of results", i, session.Results.Count);
    }

    private static void CheckPages(SessionMemory memory, JsonElement expected, Differences differences)
    {
        ulong[] found = [.. memory.MetadataPages];
        byte[] bytes = new byte[PageGeometry.SizeBytes];
        int i = 0;
        foreach (JsonElement page in expected.Items("pages"))
        {
            ulong phys = page.GetNumber("phys");
            differences.Hex($"page {i}", phys, i < found.Length ? found[i] : 0);
            memory.Ram.Read(phys & (ulong.MaxValue >> 12), bytes);
            differences.Equal($"SHA-256 of page 0x{phys:x}", page.GetText("sha256"), Convert.ToHexStringLower(SHA256.HashData(bytes)));
            if (page.Find("nonzero") is { } runs)
            {
                CheckRuns($"page 0x{phys:x}", bytes, runs, differences);
            }

            i++;
        }

        differences.Equal("number of pages", i, found.Length);
    }

    private static void CheckRuns(string what, byte[] page, JsonElement expected, Differences differences)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(page);
        int from = 0;
        foreach (JsonElement run in expected.Items("nonzero"))
        {
            int start = NextRun(words, from, isZero: false);
            from = NextRun(words, start, isZero: true);
            differences.Equal($"{what}, start of a run", run.Item(0, "nonzero").Int("nonzero", 0, PageGeometry.SizeBytes), start * sizeof(ulong));
            differences.BytesInHex(
                $"{what}, run at {start * sizeof(ulong)}",
                run.Item(1, "nonzero").Text("nonzero"),
                page.AsSpan()[(start * sizeof(ulong))..(from * sizeof(ulong))]);
        }

        differences.Equal($"{what}, end of the last run", PageGeometry.Words, NextRun(words, from, isZero: false));
    }

    private static int NextRun(ReadOnlySpan<ulong> words, int from, bool isZero)
    {
        int at = from;
        while (at < words.Length && (words[at] == 0) != isZero)
        {
            at++;
        }

        return at;
    }

    private static void CheckPagesDigest(SessionMemory memory, string expected, Differences differences)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] bytes = new byte[PageGeometry.SizeBytes];
        Span<byte> address = stackalloc byte[sizeof(ulong)];
        foreach (ulong phys in memory.MetadataPages)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(address, phys);
            memory.Ram.Read(phys, bytes);
            digest.AppendData(address);
            digest.AppendData(bytes);
        }

        differences.Equal("pages_digest", expected, Convert.ToHexStringLower(digest.GetHashAndReset()));
    }

    private static void CheckWalk(RadixTree tree, string name, JsonElement expected, Differences differences)
    {
        List<(ulong Phys, int Order)> blocks = [];
        var visitor = new Collector(blocks);
        int result = tree.Walk(ref visitor);
        if (name == "walk_ret")
        {
            differences.Equal(name, expected.Int(name, int.MinValue, int.MaxValue), result);
            return;
        }

        int i = 0;
        foreach (JsonElement item in expected.Items(name))
        {
            (ulong Phys, int Order) wanted = (item.Item(0, name).Number(name), item.Item(1, name).Int(name, 0, RadixKey.MaxOrder));
            (ulong Phys, int Order) found = i < blocks.Count ? blocks[i] : (0, -1);
            if (wanted != found)
            {
                differences.Add($"block {i} of the walk", $"0x{wanted.Phys:x} order {wanted.Order}", $"0x{found.Phys:x} order {found.Order}");
            }

            i++;
        }

        differences.Equal("blocks of the walk", i, blocks.Count);
    }

    private static void CheckFdt(Session session, JsonElement expected, Differences differences)
    {
        differences.Hex("address of the root FDT", expected.GetNumber("phys"), session.FdtPhys);
        if (session.FdtPhys != 0)
        {
            Span<byte> page = session.FdtPage;
            CheckBlob("root FDT", page[..Session.FdtSize(page)], expected, differences);
        }
    }

    private static void CheckBlobs(Session session, JsonElement expected, Differences differences)
    {
        int i = 0;
        foreach (JsonElement blob in expected.Items("blobs"))
        {
            if (i < session.Blobs.Count)
            {
                differences.Hex($"address of blob {i}", blob.GetNumber("phys"), session.Blobs[i].Phys);
                CheckBlob($"blob {i}", session.Blobs[i].Bytes, blob, differences);
            }

            i++;
        }

        differences.Equal("number of blobs", i, session.Blobs.Count);
    }

    private static void CheckBlob(string what, ReadOnlySpan<byte> found, JsonElement expected, Differences differences)
    {
        differences.Equal($"totalsize of {what}", expected.GetInt("totalsize", 0, int.MaxValue), found.Length);
        differences.BytesInHex(what, expected.GetText("hex"), found);
    }

    private readonly struct Collector(List<(ulong Phys, int Order)> blocks) : IBlockVisitor
    {
        public int Visit(ulong phys, int order)
        {
            blocks.Add((phys, order));
            return 0;
        }
    }
}
