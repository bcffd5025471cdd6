using System.Text.Json;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Conformance;

/// <summary>The next kernel's side: a recorded tree is walked, its blocks are reserved and stamped, then restored (<c>restore/</c>).</summary>
internal static class RestoreVectors
{
    private const int FirstRadixOrderLimit = 10;

    /// <summary>Runs one vector.</summary>
    /// <param name="caseName">Its name.</param>
    /// <param name="vector">Its content.</param>
    /// <returns>The result.</returns>
    public static CaseResult Run(string caseName, JsonElement vector)
    {
        KhoAbi abi = SessionVectors.AbiOf(vector);
        var session = Session.Run(vector, abi);
        List<(ulong Phys, ulong Size)> reserved = [];
        var stamps = new PageStamps();
        var reserve = new ReserveAndStamp(reserved, stamps);
        RadixTree.Attach(session.Memory.Ram, session.Tree.MapPhys).Walk(ref reserve);

        ulong onlineLimit = vector.GetNumber("online_pfn_limit");
        var log = new KernelLog();
        var restoration = new Restoration(stamps, pfn => pfn < onlineLimit, abi == KhoAbi.V2 ? FirstRadixOrderLimit : null, log);
        int[] results = [.. vector.GetItems("restore").Select(operation => Restore(restoration, operation))];

        var differences = new Differences();
        Check(vector.Get("expect"), reserved, results, log.Warnings, differences);
        return differences.Result(caseName);
    }

    private static int Restore(Restoration restoration, JsonElement operation)
    {
        ulong phys = operation.GetNumber("phys");
        AdoptNothing receiver = default;
        string name = operation.GetText("op");
        return name switch
        {
            "restore_folio" => restoration.RestoreFolio(phys, ref receiver),
            "restore_pages" => restoration.RestorePages(phys, operation.GetNumber("nr_pages", (1UL << 52) - PageGeometry.PfnOf(phys)), ref receiver),
            _ => throw new NotSimulatedException($"operation '{name}' is not simulated"),
        };
    }

    private static void Check(JsonElement expect, List<(ulong Phys, ulong Size)> reserved, int[] results, long warnings, Differences differences)
    {
        int i = 0;
        foreach (JsonElement area in expect.GetItems("reserved"))
        {
            (ulong phys, ulong size) = i < reserved.Count ? reserved[i] : (0, 0);
            differences.Hex($"reserved area {i}", area.Item(0, "reserved").Number("reserved"), phys);
            differences.Hex($"size of reserved area {i}", area.Item(1, "reserved").Number("reserved"), size);
            i++;
        }

        differences.Equal("reserved areas", i, reserved.Count);
        i = 0;
        foreach (JsonElement result in expect.GetItems("restore_results"))
        {
            differences.Equal($"restore {i}", result.Int("restore_results", -1, int.MaxValue), i < results.Length ? results[i] : int.MinValue);
            i++;
        }

        differences.Equal("restores", i, results.Length);
        differences.Equal("restore_warnings", expect.GetNumber("restore_warnings"), (ulong)warnings);
    }

    private readonly struct ReserveAndStamp(List<(ulong Phys, ulong Size)> reserved, PageStamps stamps) : IBlockVisitor
    {
        public int Visit(ulong phys, int order)
        {
            reserved.Add((phys, PreservedBlock.ReservedBytes(order, blockSize32Bit: false)));
            stamps.Stamp(PageGeometry.PfnOf(phys), order);
            return 0;
        }
    }

    private readonly struct AdoptNothing : IRestoredBlockReceiver
    {
        public void Restored(PreservedBlock block, bool isFolio)
        {
        }
    }
}
