using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Sqlite;

namespace KhoActors.Nodes.Tests.History;

/// <summary>
/// A disk that is full and one that becomes read-only: what was committed stays, the message says so, and the run goes on once there is
/// room. On real small file systems where the user may mount one.
/// </summary>
public sealed class FullDiskTests : IDisposable
{
    private readonly HistoryFolder _folder = new();
    private readonly RunFacts _facts = HistoryBench.Facts(machines: 400);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_history_that_may_not_grow_keeps_what_was_committed()
    {
        int run;
        using (SqliteHistoryStore store = SqliteHistoryStore.Open(_folder.File, HistoryAccess.Create))
        {
            run = store.BeginRun(_facts);
            store.LimitPages(40);
            HistoryUnavailableException full = Assert.Throws<HistoryUnavailableException>(() => CommitAll(store, run));
            Assert.Contains("the disk is full", full.Message, StringComparison.Ordinal);
            AssertWholeGroups(store, run);
        }

        AssertGoesOn(_folder.Address, run);
    }

    [MountFact]
    public void A_full_file_system_keeps_what_was_committed()
    {
        using SmallFileSystem disk = new(kibibytes: 1024);
        string address = $"sqlite:{disk.Folder}/history.db";
        int run;
        using (IHistoryStore store = HistoryStores.Open(address, HistoryAccess.Create))
        {
            run = store.BeginRun(_facts);
            HistoryUnavailableException full = Assert.Throws<HistoryUnavailableException>(() => CommitAll(store, run));
            Assert.Contains("full", full.Message, StringComparison.Ordinal);
            AssertWholeGroups(store, run);
        }

        disk.Remount("size=64m");
        AssertGoesOn(address, run);
    }

    [MountFact]
    public void The_writer_says_how_much_is_safe_on_a_full_file_system()
    {
        using SmallFileSystem disk = new(kibibytes: 1024);
        using IHistoryStore store = HistoryStores.Open($"sqlite:{disk.Folder}/history.db", HistoryAccess.Create);
        int run = store.BeginRun(_facts);
        long now = 0;
        using HistoryWriter writer = new(store, run, SliceBench.Codec, () => Interlocked.Add(ref now, HistoryWriter.GroupMilliseconds));
        HistoryUnavailableException full = Assert.Throws<HistoryUnavailableException>(() =>
        {
            foreach (EncodedSlice slice in HistoryBench.Slices(_facts))
            {
                MachineCheckpoint checkpoint = new(slice.Record.Machine, Math.Min(9, slice.Record.EndGeneration), new byte[8000]);
                writer.Add(slice.Record, checkpoint, isFinished: false);
            }

            writer.Complete();
        });
        long safe = store.FindRun(run)?.Sums.Generations ?? -1;
        Assert.Equal(store.ReadSlices(run).Sum(slice => slice.FirstGeneration == 8 ? 2 : 4), safe);
        Assert.Contains($"the {store.ReadSlices(run).Count()} slices of run 1 that were written before are safe", full.Message, StringComparison.Ordinal);
    }

    [MountFact]
    public void A_disk_without_room_for_a_new_history_says_so()
    {
        using SmallFileSystem disk = new(kibibytes: 1024);
        File.WriteAllBytes(Path.Combine(disk.Folder, "filler"), new byte[(1 << 20) - 8192]);
        HistoryUnavailableException full = Assert.Throws<HistoryUnavailableException>(
            () => HistoryStores.Open($"sqlite:{disk.Folder}/history.db", HistoryAccess.Create));
        Assert.Contains("full", full.Message, StringComparison.Ordinal);
    }

    [MountFact]
    public void A_read_only_file_system_can_be_read_and_not_written()
    {
        using SmallFileSystem disk = new(kibibytes: 4096);
        string address = $"sqlite:{disk.Folder}/history.db";
        RunFacts facts = HistoryBench.Facts();
        using (IHistoryStore store = HistoryStores.Open(address, HistoryAccess.Create))
        {
            HistoryBench.RecordAll(store, facts);
        }

        disk.Remount("ro");
        using (IHistoryStore reader = HistoryStores.Open(address, HistoryAccess.Read))
        {
            Assert.Empty(HistoryBench.Problems(reader));
            Assert.Equal(9, reader.ReadSlices(1).Count());
        }

        HistoryUnavailableException refusal = Assert.Throws<HistoryUnavailableException>(() => HistoryStores.Open(address, HistoryAccess.Write));
        Assert.Contains("read-only", refusal.Message, StringComparison.Ordinal);
        refusal = Assert.Throws<HistoryUnavailableException>(() => HistoryStores.Open($"sqlite:{disk.Folder}/other.db", HistoryAccess.Create));
        Assert.StartsWith($"sqlite:{disk.Folder}/other.db", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>Groups of ten machines each, as far as they go.</summary>
    private void CommitAll(IHistoryStore store, int run)
    {
        foreach (EncodedSlice[] group in HistoryBench.Slices(_facts).Chunk(10))
        {
            HistoryBatch batch = HistoryBench.Batch(group);
            IEnumerable<SliceRecord> resting = group.Select(slice => slice.Record).Where(record => record.EndGeneration < 10);
            batch.Checkpoints.AddRange(resting.Select(record => new MachineCheckpoint(record.Machine, record.EndGeneration, new byte[4000])));
            store.Commit(run, batch);
        }
    }

    private static void AssertWholeGroups(IHistoryStore store, int run)
    {
        Assert.Empty(HistoryBench.Problems(store));
        int slices = store.ReadSlices(run).Count();
        Assert.True(slices > 0 && slices % 10 == 0, $"{slices} slices are no whole groups of ten");
    }

    private void AssertGoesOn(string address, int run)
    {
        using IHistoryStore store = HistoryStores.Open(address, HistoryAccess.Write);
        AssertWholeGroups(store, run);
        CommitAll(store, run);
        store.EndRun(run, RunState.Finished, HistoryBench.Digest(_facts), HistoryBench.Started);
        Assert.Equal(4000, store.FindRun(run)?.Sums.Generations);
        Assert.Empty(HistoryBench.Problems(store));
    }
}
