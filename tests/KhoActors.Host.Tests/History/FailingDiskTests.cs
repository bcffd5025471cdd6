using KhoActors.Tests.Shared;

namespace KhoActors.Host.Tests.History;

/// <summary>The program on a disk that becomes full, or read-only, in the midst of a run: it says so, and goes on once that is mended.</summary>
public sealed class FailingDiskTests
{
    private static readonly string[] Fleet = ["run", "smoke", "--machines", "40", "--seed", "11"];
    private static readonly Lazy<string> Undisturbed = new(static () => Digest(ProgramRun.Of([.. Fleet, "--json", "--store", "none"])));

    [MountFact]
    public void On_a_full_disk_a_run_ends_and_is_continued_when_there_is_room()
    {
        using SmallFileSystem disk = new(kibibytes: 512);
        string address = $"sqlite:{disk.Folder}/runs.db";

        ProgramRun full = End(address, Fleet);
        AssertGivenUp(full, address, "the disk is full");
        Assert.Contains(" slices of run 1 that were written before are safe\n", full.Error, StringComparison.Ordinal);
        AssertGivenUp(End(address, "run", "--resume", "last"), address, "full");

        disk.Remount("size=64m");
        AssertContinued(address);
    }

    [MountFact]
    public void What_is_recorded_on_a_disk_that_is_read_only_now_is_shown_and_continued_later()
    {
        using SmallFileSystem disk = new(kibibytes: 64 << 10);
        string address = $"sqlite:{disk.Folder}/runs.db";
        using (KhoProcess process = KhoProcess.Start(address, Fleet))
        {
            AwaitRecords(process, $"{disk.Folder}/runs.db");
            process.Signal("INT");
            Assert.Equal(ExitCode.Interrupted, process.End().ExitCode);
        }

        disk.Remount("ro");
        ProgramRun refused = End(address, "run", "--resume", "last");
        Assert.Equal((ExitCode.StoreFailure, $"kho: {address}: the file is read-only, or its folder is"), (refused.ExitCode, refused.ErrorLine));
        Assert.Equal(ExitCode.Held, End(address, "runs", "verify").ExitCode);
        Assert.Equal(ExitCode.Held, End(address, "replay", "last", "--verify").ExitCode);

        disk.Remount("rw");
        AssertContinued(address);
    }

    /// <summary>What the kernel had not written then is lost, as at a power failure.</summary>
    [MountFact(image: true)]
    public void On_a_disk_that_becomes_read_only_in_its_midst_a_run_ends_and_is_continued_when_it_is_repaired()
    {
        using SmallFileSystem disk = SmallFileSystem.Ext4(mebibytes: 24);
        string address = $"sqlite:{disk.Folder}/runs.db";
        using (KhoProcess process = KhoProcess.Start(address, Fleet))
        {
            AwaitRecords(process, $"{disk.Folder}/runs.db");
            disk.Break();
            AssertGivenUp(process.End(), address, "reading or writing failed");
        }

        disk.Repair();
        AssertContinued(address);
    }

    private static void AssertGivenUp(ProgramRun run, string address, string why)
    {
        Assert.Equal((ExitCode.StoreFailure, string.Empty), (run.ExitCode, run.Out));
        Assert.Contains($"kho: {address}, run 1", run.Error, StringComparison.Ordinal);
        Assert.Contains(why, run.Error, StringComparison.Ordinal);
        Assert.EndsWith(
            "kho: run 1 has not ended; what is recorded stays. When that is mended, continue it with: "
            + $"./kho run --resume 1 --store '{address}'\n",
            run.Error,
            StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
    }

    private static void AssertContinued(string address)
    {
        Assert.Equal(ExitCode.Held, End(address, "runs", "verify").ExitCode);
        ProgramRun resumed = End(address, "run", "--resume", "last", "--json");
        Assert.True(resumed.ExitCode == ExitCode.Held, resumed.Error);
        Assert.Equal(Undisturbed.Value, Digest(resumed));
        Assert.Equal(ExitCode.Held, End(address, "replay", "last", "--verify").ExitCode);
    }

    private static void AwaitRecords(KhoProcess process, string file)
    {
        bool isRecorded = false;
        while (!isRecorded && !process.HasEnded)
        {
            if (File.Exists(file))
            {
                using HistoryOnlooker onlooker = new(file);
                isRecorded = onlooker.Newest() is { Generations: > 0 };
            }
        }
    }

    private static ProgramRun End(string address, params string[] arguments)
    {
        using KhoProcess process = KhoProcess.Start(address, arguments);
        return process.End();
    }

    private static string Digest(ProgramRun run) => run.Json.GetProperty("digest").GetString()!;
}
