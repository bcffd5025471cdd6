using System.Globalization;
using System.Text;
using KhoActors.Nodes.History;
using Xunit.Abstractions;

namespace KhoActors.Nodes.Tests.History.Journal;

/// <summary>
/// A small journal in SQLite, each byte of it changed in turn and cut at many lengths: the damage is named, or nothing that is read has
/// changed. KHO_DAMAGE_STRIDE=1 takes every byte (minutes); without it one in 503.
/// </summary>
public sealed class JournalFileDamageTests(ITestOutputHelper output) : IDisposable
{
    private const int DefaultStride = 503;

    private readonly HistoryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_changed_byte_is_named_or_changed_nothing()
    {
        byte[] whole = MakeJournal();
        string expected = Read(whole) ?? throw new InvalidOperationException("the whole journal cannot be read");
        (int named, int harmless) = (0, 0);
        for (int at = 0; at < whole.Length; at += Stride)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= (byte)(1 + new SplitMix64((ulong)at).Index(255));
            Count(Read(damaged), expected, $"byte {at} changed from {whole[at]:x2} to {damaged[at]:x2}", ref named, ref harmless);
        }

        output.WriteLine($"{whole.Length} bytes, one of {Stride} changed: {named} named, {harmless} harmless");
        Assert.True(named > 0 && harmless > 0);
    }

    [Fact]
    public void Every_truncation_is_named()
    {
        byte[] whole = MakeJournal();
        (int named, int harmless) = (0, 0);
        for (int length = 0; length < whole.Length; length += 1024)
        {
            Count(Read(whole[..length]), string.Empty, $"cut to {length} of {whole.Length} bytes", ref named, ref harmless);
        }

        Assert.Equal(0, harmless);
    }

    private static int Stride =>
        int.TryParse(Environment.GetEnvironmentVariable("KHO_DAMAGE_STRIDE"), CultureInfo.InvariantCulture, out int stride) ? stride : DefaultStride;

    private static void Count(string? read, string expected, string what, ref int named, ref int harmless)
    {
        Assert.True(read is null || read == expected, $"{what}: not named, and read otherwise:\n{read}");
        (named, harmless) = read is null ? (named + 1, harmless) : (named, harmless + 1);
    }

    /// <summary>Two runs, one of them not over, and a snapshot.</summary>
    private static byte[] MakeJournal()
    {
        RunFacts facts = HistoryBench.Facts(machines: 2, kexecs: 5);
        using JournalTables tables = JournalTables.Create();
        tables.RecordAll(1, facts);
        tables.Begin(2, facts, HistoryBench.Slice(facts, 1, 0));
        tables.AppendSnapshot("run-2-machine-1", JournalHistoryTests.Rested(facts, 4, [1, 2, 3]) with { Run = 2 });
        tables.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
        using FileStream file = new(tables.Address["sqlite:".Length..], FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>All that can be read, as text; null when anything is named.</summary>
    private string? Read(byte[] journal)
    {
        foreach (string end in (ReadOnlySpan<string>)["", "-wal", "-shm"])
        {
            File.Delete(_folder.File + end);
        }

        File.WriteAllBytes(_folder.File, journal);
        bool isNamed = false;
        try
        {
            using IHistoryStore store = _folder.Open(HistoryAccess.Read);
            store.Verify(_ => isNamed = true);
            StringBuilder text = new();
            foreach (StoredRun run in store.ReadRuns(_ => isNamed = true))
            {
                text.AppendLine(HistoryBench.Read(store, run.Number));
            }

            return isNamed ? null : text.ToString();
        }
        catch (Exception named) when (named is HistoryDamageException or HistoryUnavailableException)
        {
            return null;
        }
    }
}
