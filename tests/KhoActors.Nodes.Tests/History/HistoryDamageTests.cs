using System.Globalization;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Sqlite;
using Xunit.Abstractions;

namespace KhoActors.Nodes.Tests.History;

/// <summary>
/// A small history, each byte of it changed in turn and cut at each length: the damage is named, or nothing that is stored has changed.
/// There is no third. KHO_DAMAGE_STRIDE=1 takes every byte (minutes); without it one in 251.
/// </summary>
public sealed class HistoryDamageTests(ITestOutputHelper output) : IDisposable
{
    private const int DefaultStride = 251;

    private readonly HistoryFolder _folder = new();
    private readonly RunCodecs _codecs = new(clients: null);

    public void Dispose() => _folder.Dispose();

    /// <summary>With the pages that histories have, mostly unused when it is small, and packed into small ones.</summary>
    [Theory]
    [InlineData(16384, 4)]
    [InlineData(1024, 1)]
    public void Every_changed_byte_is_named_or_changed_nothing(int pageBytes, int stretch)
    {
        byte[] whole = MakeHistory(pageBytes);
        string expected = ReadAll() ?? throw new InvalidOperationException("the whole history cannot be read");
        (int named, int unused) = (0, 0);
        for (int at = 0; at < whole.Length; at += Stride(stretch))
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= (byte)(1 + new SplitMix64((ulong)at).Index(255));
            Count(damaged, expected, $"byte {at} changed from {whole[at]:x2} to {damaged[at]:x2}", ref named, ref unused);
        }

        output.WriteLine($"{whole.Length} bytes, one of {Stride(stretch)} changed: {named} named, {unused} in space that holds nothing");
        Assert.True(named > 0 && unused > 0);
    }

    [Fact]
    public void Every_truncation_is_named()
    {
        byte[] whole = MakeHistory();
        string expected = ReadAll() ?? throw new InvalidOperationException("the whole history cannot be read");
        (int named, int unused) = (0, 0);
        SplitMix64 random = new(7);
        int step = Stride(4);
        IEnumerable<int> lengths = Enumerable.Range(0, whole.Length / 512).Select(sector => sector * 512).Where(length => length % step < 512)
            .Concat(Enumerable.Range(0, whole.Length / step).Select(_ => random.Index(whole.Length))).Append(whole.Length - 1);
        foreach (int length in lengths)
        {
            Count(whole[..length], expected, $"cut to {length} of {whole.Length} bytes", ref named, ref unused);
        }

        output.WriteLine($"{named + unused} truncations: {named} named");
        Assert.Equal(0, unused);
    }

    /// <summary>A log whose tail is lost is a power failure: what is left is a history, of fewer records.</summary>
    [Fact]
    public void Every_changed_byte_of_the_log_leaves_whole_groups()
    {
        RunFacts facts = HistoryBench.Facts(machines: 2, kexecs: 5);
        byte[] file;
        byte[] log;
        using (IHistoryStore store = _folder.Open(HistoryAccess.Create))
        {
            int run = store.BeginRun(facts);
            foreach (EncodedSlice slice in HistoryBench.Slices(facts))
            {
                store.Commit(run, HistoryBench.Batch(slice));
            }

            file = ReadShared(_folder.File);
            log = ReadShared($"{_folder.File}-wal");
        }

        (int named, int fewer, int same) = (0, 0, 0);
        for (int at = 0; at < log.Length; at += Stride(5))
        {
            byte[] damaged = [.. log];
            damaged[at] ^= (byte)(1 + new SplitMix64((ulong)at).Index(255));
            Write(file, damaged);
            using IHistoryStore store = _folder.Open(HistoryAccess.Write);
            List<string> problems = HistoryBench.Problems(store);
            long generations = problems.Count != 0 ? -1 : store.FindRun(1)?.Sums.Generations ?? 0;
            (named, fewer, same) = generations < 0 ? (named + 1, fewer, same) : generations < 12 ? (named, fewer + 1, same) : (named, fewer, same + 1);
        }

        output.WriteLine($"log of {log.Length} bytes: {named} named, {fewer} with fewer groups, {same} without effect");
        Assert.True(fewer > 0);
        Assert.Equal(0, named);
    }

    [Fact]
    public void Damage_to_one_record_is_named_and_the_others_stay_readable()
    {
        byte[] whole = MakeHistory();
        RunFacts facts = HistoryBench.Facts(machines: 2, kexecs: 5);
        ReadOnlySpan<byte> record = HistoryBench.Slice(facts, 1, 4).Encoded.Span;
        int at = whole.AsSpan().IndexOf(record);
        Assert.True(at > 0);
        whole[at + (record.Length / 2)] ^= 0x10;
        Write(whole, log: null);

        using IHistoryStore store = _folder.Open(HistoryAccess.Read);
        string problem = Assert.Single(HistoryBench.Problems(store));
        Assert.Equal($"{_folder.Address}, run 1, machine 1, record of generation 4: the row does not match its checksum", problem);
        Assert.Equal(2, store.ReadRuns(_ => { }).Count);
        Assert.Equal(2, store.ReadSlices(1, 0).Count());
        Assert.Equal(4, store.ReadSlices(2).Count());
        List<StoredSlice> before = [];
        Assert.Throws<HistoryDamageException>(() => before.AddRange(store.ReadSlices(1)));
    }

    [Fact]
    public void A_damaged_run_does_not_hide_the_others()
    {
        byte[] whole = MakeHistory();
        int at = whole.AsSpan().IndexOf("kho run bench --seed 7"u8);
        Assert.True(at > 0);
        whole[at] ^= 1;
        Write(whole, log: null);

        using IHistoryStore store = _folder.Open(HistoryAccess.Read);
        List<string> damage = [];
        Assert.Equal([2], store.ReadRuns(damage.Add).Select(run => run.Number));
        Assert.Contains("run 1: what the run depends on", Assert.Single(damage), StringComparison.Ordinal);
    }

    private static int Stride(int stretch) =>
        int.TryParse(Environment.GetEnvironmentVariable("KHO_DAMAGE_STRIDE"), CultureInfo.InvariantCulture, out int stride) ? stride : DefaultStride * stretch;

    private static byte[] ReadShared(string path)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Two runs: one finished, one that rests with checkpoints and clients from outside, and a third that was deleted.</summary>
    private byte[] MakeHistory(int pageBytes = 16384)
    {
        RunFacts facts = HistoryBench.Facts(machines: 2, kexecs: 5);
        using (IHistoryStore store = _folder.Open(HistoryAccess.Create))
        {
            HistoryBench.RecordAll(store, facts);
            ClientAssemblyFact assembly = new("clients.dll", new string('c', 64));
            RunFacts other = facts with { Seed = 8, Kexecs = 9, Command = "kho run bench --seed 8", ClientAssemblies = [assembly] };
            int run = store.BeginRun(other);
            HistoryBatch batch = HistoryBench.Batch(HistoryBench.Slices(other).Where(slice => slice.Record.FirstGeneration < 8));
            batch.Checkpoints.Add(HistoryBench.Checkpoint(0, 8));
            batch.Checkpoints.Add(HistoryBench.Checkpoint(1, 4));
            store.Commit(run, batch);
            store.EndRun(run, RunState.Interrupted, string.Empty, HistoryBench.Started);
            store.DeleteRun(HistoryBench.RecordAll(store, facts with { Kexecs = 3, Seed = 9, Command = "kho run bench --seed 9" }));
        }

        if (pageBytes != 16384)
        {
            using SqliteDatabase database = SqliteDatabase.Open("packed", _folder.File, flags: 2, busyMilliseconds: 0);
            database.Execute($"PRAGMA journal_mode = DELETE; PRAGMA page_size = {pageBytes}; VACUUM; PRAGMA journal_mode = WAL");
        }

        return File.ReadAllBytes(_folder.File);
    }

    private void Write(byte[] file, byte[]? log)
    {
        File.Delete($"{_folder.File}-shm");
        File.Delete($"{_folder.File}-wal");
        File.WriteAllBytes(_folder.File, file);
        if (log is not null)
        {
            File.WriteAllBytes($"{_folder.File}-wal", log);
        }
    }

    private void Count(byte[] damaged, string expected, string what, ref int named, ref int unused)
    {
        Write(damaged, log: null);
        string? read = ReadAll();
        if (read is null)
        {
            named++;
            return;
        }

        unused++;
        Assert.True(read == expected, $"{what}: nobody noticed, and another history is read");
    }

    /// <summary>Everything as text; null when damage was named. Any other exception fails the test.</summary>
    private string? ReadAll()
    {
        try
        {
            using SqliteHistoryStore store = SqliteHistoryStore.Open(_folder.File, HistoryAccess.Read);
            List<string> problems = [];
            store.Verify(problems.Add, _codecs);
            Assert.All(problems, problem => Assert.StartsWith(_folder.Address, problem, StringComparison.Ordinal));
            bool isNamed = problems.Count != 0;
            IReadOnlyList<StoredRun> runs = store.ReadRuns(_ => isNamed = true);
            return isNamed ? null : string.Concat(runs.Select(run => HistoryBench.Read(store, run.Number)));
        }
        catch (HistoryDamageException damage)
        {
            Assert.StartsWith(_folder.Address, damage.Message, StringComparison.Ordinal);
            return null;
        }
        catch (HistoryUnavailableException refusal)
        {
            Assert.StartsWith(_folder.Address, refusal.Message, StringComparison.Ordinal);
            return null;
        }
    }
}
