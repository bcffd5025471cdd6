using KhoActors.Nodes.History;

namespace KhoActors.Nodes.Tests.History;

/// <summary>A folder of a test's own, and a small history file in it.</summary>
internal sealed class HistoryFileBench : IDisposable
{
    public HistoryFileBench() => Path = System.IO.Path.Combine(Folder, "small.khist");

    public static StoredRun Run { get; } = new(
        3,
        new RunFacts
        {
            Scenario = "small",
            ResolvedScenario = SliceBench.Run.ToCanonicalText(),
            Seed = 0xFEDC_BA98_7654_3210,
            Engine = "local",
            ModelVersion = 2,
            ProgramVersion = "0.1.0+abc",
            OrderIsRecorded = true,
            SliceGenerations = 4,
            Machines = 1000,
            Kexecs = 20,
            Started = new DateTimeOffset(2026, 11, 20, 16, 30, 1, 234, TimeSpan.Zero).AddTicks(5),
            Command = "kho run small --seed 18364758544493064720 --client-assembly \u00e9.dll",
            ClientAssemblies = [new ClientAssemblyFact("\u00e9.dll", new string('a', 64))],
        },
        RunState.Interrupted,
        new DateTimeOffset(2026, 11, 20, 16, 31, 0, TimeSpan.Zero),
        new RunSums { Generations = 21000, Kexecs = 20000, ColdBoots = 1000, Messages = ulong.MaxValue, Operations = 5, FailedRequests = 6, FaultsInjected = 7, Violations = 8 },
        new string('0', 60) + "beef");

    /// <summary>Two machines, with two slices and one.</summary>
    public static IReadOnlyList<SliceRecord> Slices { get; } =
    [
        SliceBench.Ordinary(machine: 5, first: 0),
        SliceBench.Ordinary(machine: 5, first: 4, generations: 2),
        SliceBench.Ordinary(machine: 700, first: 0, generations: 1),
    ];

    public string Folder { get; } = Directory.CreateTempSubdirectory("khist").FullName;

    public string Path { get; }

    public static IEnumerable<StoredSlice> Stored => Slices.Select(slice => slice.Stored(SliceBench.Codec.Encode(slice)));

    /// <summary>The bytes of the file.</summary>
    public byte[] Write() => Write(Run);

    /// <summary>The bytes of a file that is small enough to damage each byte of it: nobody reads its scenario.</summary>
    public byte[] WriteShort() => Write(Run with { Facts = Run.Facts with { ResolvedScenario = "{}" } });

    /// <summary>What is readable of some bytes: the slices as text, and what is said to be wrong.</summary>
    public (IReadOnlyList<string> Slices, IReadOnlyList<string> Damage) Read(byte[] bytes)
    {
        File.WriteAllBytes(Path, bytes);
        List<string> damage = [];
        try
        {
            using HistoryFile file = HistoryFile.Open(Path);
            return ([.. file.ReadSlices(damage.Add).Select(Text)], damage);
        }
        catch (HistoryDamageException refusal)
        {
            return ([], [refusal.Message]);
        }
    }

    public static string Text(StoredSlice slice) => $"{slice.Machine}/{slice.FirstGeneration} {Convert.ToHexStringLower(slice.Encoded.Span)}";

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private byte[] Write(StoredRun run)
    {
        HistoryFile.Write(Path, run, Stored, overwrite: true);
        return File.ReadAllBytes(Path);
    }
}
