using System.Text;
using KhoActors.Host.Runs;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Tests.History;

/// <summary>Records that are damaged, forged or of another model: what is wrong is named, and the rest stays readable.</summary>
public sealed class DamagedHistoryTests : IDisposable
{
    private static readonly string[] ThreeMachines = ["run", "smoke", "--machines", "3", "--kexecs", "7", "--seed", "7"];
    private readonly TestHistory _history = new();

    public void Dispose() => _history.Dispose();

    [Fact]
    public void A_damaged_record_is_named_and_the_other_machines_are_replayed()
    {
        DamageRecordOf(machine: 1);

        ProgramRun replay = _history.Of("replay", "1", "--verify");
        Assert.Equal(ExitCode.StoreFailure, replay.ExitCode);
        Assert.StartsWith("damaged: 20 generations ", replay.Out, StringComparison.Ordinal);
        Assert.EndsWith($" compared with run 1 in {_history.Address}; what is damaged was left out\n", replay.Out, StringComparison.Ordinal);
        AssertNamesTheDamage(replay.Error);
        Assert.Equal("damaged", _history.Of("replay", "1", "--json").Json.GetProperty("verdict").GetString());
        Assert.Equal(ExitCode.Held, _history.Of("replay", "1", "--machine", "2", "--verify").ExitCode);
        Assert.Equal(ExitCode.Held, _history.Of("replay", "1", "--machine", "1", "--to", "3", "--verify").ExitCode);
    }

    [Fact]
    public void A_damaged_record_ends_its_machine_in_an_export()
    {
        DamageRecordOf(machine: 1);

        ProgramRun export = _history.Of("export", "1", "-o", _history["rows.csv"]);
        Assert.Equal(ExitCode.StoreFailure, export.ExitCode);
        AssertNamesTheDamage(export.Error);
        Assert.Equal(
            [(0, 8), (1, 4), (2, 8)],
            File.ReadLines(_history["rows.csv"]).Skip(1).CountBy(static line => line[0] - '0').Select(static each => (each.Key, each.Value)));
        Assert.Equal(ExitCode.StoreFailure, _history.Of("export", "1", "-o", _history["sound.khist"]).ExitCode);
        Assert.StartsWith("equal: 20 generations ", ProgramRun.Of("replay", _history["sound.khist"], "--verify").Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_record_is_found_by_verify_and_on_the_way_of_a_look()
    {
        DamageRecordOf(machine: 1);

        ProgramRun verify = _history.Of("runs", "verify");
        Assert.Equal(ExitCode.StoreFailure, verify.ExitCode);
        AssertNamesTheDamage(verify.Out);
        Assert.Matches(@": \d+ things? (is|are) wrong\n$", verify.Out);
        Assert.Equal(ExitCode.StoreFailure, _history.Of("inspect", "1", "--machine", "1").ExitCode);
        Assert.Equal(ExitCode.Held, _history.Of("inspect", "1", "--machine", "0").ExitCode);
        Assert.Equal(ExitCode.Held, _history.Of("runs").ExitCode);
    }

    [Fact]
    public void A_damaged_run_is_named_and_the_others_are_listed()
    {
        _history.Enter();
        _history.Enter(static facts => facts with { Command = "./kho run tiny --seed 77" });
        Flip(Encoding.UTF8.GetBytes("./kho run tiny --seed 77"));

        ProgramRun list = _history.Of("runs", "--json");

        Assert.Equal(ExitCode.StoreFailure, list.ExitCode);
        Assert.Equal("1", Assert.Single(list.Json.EnumerateArray()).GetProperty("run").GetString());
        Assert.StartsWith($"kho: {_history.Address}, run 2", list.ErrorLine, StringComparison.Ordinal);
        foreach (string[] command in (string[][])[["runs", "show", "2"], ["replay", "2"], ["run", "--resume", "2"], ["inspect", "2"]])
        {
            ProgramRun run = _history.Of(command);
            Assert.Equal((ExitCode.StoreFailure, string.Empty), (run.ExitCode, run.Out));
            Assert.StartsWith($"kho: {_history.Address}, run 2", run.ErrorLine, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_scenario_that_cannot_be_read_is_damage()
    {
        _history.Enter(static facts => facts with { ResolvedScenario = "{\"scenario\": 1}" });
        _history.Enter(static facts => facts with { Machines = 2 });

        string[][] commands = [["replay", "1"], ["run", "--resume", "1"], ["inspect", "2", "--machine", "1"], ["export", "2", "--format", "csv"]];
        foreach (string[] command in commands)
        {
            ProgramRun run = _history.Of(command);
            Assert.Equal((ExitCode.StoreFailure, string.Empty), (run.ExitCode, run.Out));
            Assert.StartsWith("kho: run ", run.ErrorLine, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_file_of_records_that_was_cut_is_damaged()
    {
        _history.Of(ThreeMachines);
        string file = _history["cut.khist"];
        _history.Of("export", "1", "-o", file);
        byte[] whole = File.ReadAllBytes(file);
        File.WriteAllBytes(file, whole[..^50]);

        ProgramRun replay = ProgramRun.Of("replay", file, "--verify");
        Assert.Equal(ExitCode.StoreFailure, replay.ExitCode);
        Assert.StartsWith("damaged: ", replay.Out, StringComparison.Ordinal);
        Assert.StartsWith($"kho: {file}", replay.ErrorLineBehindTitle, StringComparison.Ordinal);

        File.WriteAllText(file, "no records");
        ProgramRun text = ProgramRun.Of("replay", file);
        Assert.Equal((ExitCode.StoreFailure, string.Empty), (text.ExitCode, text.Out));
        Assert.StartsWith($"kho: {file}", text.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void A_record_with_another_digest_is_a_difference()
    {
        Forge(Machine.ModelVersion);

        ProgramRun replay = _history.Of("replay", "2", "--verify");
        Assert.Equal(ExitCode.Diverged, replay.ExitCode);
        string[] lines = replay.Out.Split('\n');
        Assert.StartsWith("different: 21 generations ", lines[0], StringComparison.Ordinal);
        Assert.Equal("differs in: machine 1, generation 5: the digest: RAM at the jump, the kernel's log, or a dead letter", lines[1]);
        Assert.Equal($"recorded:   {new string('0', 64)}", lines[2]);
        Assert.Matches("^found:      [0-9a-f]{64}$", lines[3]);
        Assert.Matches("^deliveries: all were the same, up to [0-9]+ of the machine$", lines[4]);
        Assert.StartsWith("decisions:  ", lines[5], StringComparison.Ordinal);
        Assert.EndsWith("the last: 1 (Kexec) of the stream end of generation", lines[5], StringComparison.Ordinal);
        Assert.StartsWith("look:       ./kho inspect 2 --machine 1 --at 5 --store ", lines[6], StringComparison.Ordinal);

        System.Text.Json.JsonElement json = _history.Of("replay", "2", "--json").Json;
        Assert.Equal("different", json.GetProperty("verdict").GetString());
        Assert.Equal(
            [
                "machine", "generation", "aspect", "what", "recorded", "found", "first_delivery", "last_delivery", "deliveries", "decisions",
                "last_decision", "other_decision",
            ],
            ProgramRun.Fields(json.GetProperty("difference")));
        Assert.Equal("digest", json.GetProperty("difference").GetProperty("aspect").GetString());

        ProgramRun look = _history.Of("inspect", "2", "--machine", "1", "--at", "6");
        Assert.Equal((ExitCode.Diverged, string.Empty), (look.ExitCode, look.Out));
        Assert.StartsWith($"kho: run 2 in {_history.Address}: not as recorded: machine 00000001, generation 5: ", look.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void A_record_of_another_model_is_not_called_damaged()
    {
        Forge(modelVersion: 1);

        ProgramRun replay = _history.Of("replay", "2", "--verify");
        Assert.Equal(ExitCode.Inconclusive, replay.ExitCode);
        Assert.Contains(
            $"; model version 1 made the record, this program has {Machine.ModelVersion}\ndiffers in: machine 1, generation 5: ",
            replay.Out,
            StringComparison.Ordinal);
        Assert.Equal(
            $"although the model has changed from version 1 to {Machine.ModelVersion}\n",
            _history.Of("replay", "2", "--verify", "--machine", "0").Out.Split(", ")[^1]);
        ProgramRun look = _history.Of("inspect", "2", "--machine", "1");
        Assert.Equal(ExitCode.Inconclusive, look.ExitCode);
        Assert.Contains($"model changed from version 1 to {Machine.ModelVersion}: ", look.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_cannot_be_continued_past_damage()
    {
        Copy(static slice => slice.FirstGeneration == 0 ? slice : null);
        byte[] record;
        using (IHistoryStore store = _history.Open())
        {
            store.DeleteRun(1);
            record = store.ReadSlices(2, 1).Single().Encoded.ToArray();
        }

        Flip(record);
        ProgramRun resumed = _history.Of("run", "--resume", "2");

        Assert.Equal((ExitCode.StoreFailure, string.Empty), (resumed.ExitCode, resumed.Out));
        Assert.Contains($"\nkho: {_history.Address}, run 2, machine 1", resumed.Error, StringComparison.Ordinal);
        Assert.EndsWith(
            "kho: run 2 cannot be continued past the damage. Run it again from its start with: "
            + "./kho run smoke --seed 7 --set machines=3 --set kexecs=7\n",
            resumed.Error,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_is_continued_differently_than_it_began_says_where()
    {
        Copy(static slice => slice.FirstGeneration == 0 ? WithoutDigest(slice, machine: 1, generation: 2) : null);

        ProgramRun resumed = _history.Of("run", "--resume", "2", "--json");

        Assert.Equal(ExitCode.Diverged, resumed.ExitCode);
        Assert.Contains(
            "\nkho: not as recorded, 1 of the machines that were continued: machine 00000001, generation 2: the digest: recorded 0000",
            resumed.Error,
            StringComparison.Ordinal);
        Assert.EndsWith("reproduce: ./kho run smoke --seed 7 --set machines=3 --set kexecs=7\n", resumed.Error, StringComparison.Ordinal);
        Assert.Equal("defect", _history.Of("runs", "--json").Json[1].GetProperty("state").GetString());
        Assert.Equal(ExitCode.Defect, _history.Of("run", "--resume", "2").ExitCode);
    }

    [Fact]
    public void A_finished_run_without_all_of_its_records_is_damaged()
    {
        _history.Enter(state: RunState.Finished);

        ProgramRun replay = _history.Of("replay", "1", "--verify");

        Assert.Equal(ExitCode.StoreFailure, replay.ExitCode);
        Assert.Contains($"kho: {_history.Address}, run 1", replay.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_whose_row_has_another_digest_than_its_records_is_damaged()
    {
        _history.Of(ThreeMachines);
        using (IHistoryStore store = _history.Open())
        {
            store.EndRun(1, RunState.Finished, new string('a', 64), DateTimeOffset.UtcNow);
        }

        ProgramRun replay = _history.Of("replay", "1", "--verify");

        Assert.Equal(ExitCode.StoreFailure, replay.ExitCode);
        Assert.StartsWith(
            $"kho: {_history.Address}, run 1: its row has the digest {new string('a', 64)}, its records give ",
            replay.ErrorLineBehindTitle,
            StringComparison.Ordinal);
        Assert.Equal(ExitCode.Held, _history.Of("replay", "1", "--machine", "1", "--verify").ExitCode);
    }

    [Fact]
    public void An_interrupted_replay_says_so()
    {
        _history.Of(ThreeMachines);

        ProgramRun replay = _history.Of(new CancellationToken(canceled: true), "replay", "1", "--verify");
        Assert.Equal(ExitCode.Interrupted, replay.ExitCode);
        Assert.StartsWith("interrupted: 0 generations (0 kexecs) compared ", replay.Out, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Interrupted, _history.Of(new CancellationToken(canceled: true), "inspect", "1", "--machine", "0").ExitCode);
    }

    [Fact]
    public void An_interrupted_export_leaves_what_was_there()
    {
        _history.Of(ThreeMachines);
        string file = _history.Write("rows.csv", "what was there");
        int files = Directory.GetFiles(Path.GetDirectoryName(file)!).Length;

        ProgramRun export = _history.Of(new CancellationToken(canceled: true), "export", "1", "-o", file);

        Assert.Equal(ExitCode.Interrupted, export.ExitCode);
        Assert.Equal("what was there", File.ReadAllText(file));
        Assert.Equal(files, Directory.GetFiles(Path.GetDirectoryName(file)!).Length);
    }

    [Fact]
    public void Records_behind_a_gap_are_not_taken_for_sound()
    {
        _history.Of(ThreeMachines);
        using IHistoryStore store = _history.Open(HistoryAccess.Read);
        SoundRecords sound = new(new SliceCodec(ResolvedScenario.Parse(store.FindRun(1)!.Facts.ResolvedScenario, "run 1")), "run 1", Assert.Fail);
        StoredSlice[] all = [.. store.ReadSlices(1)];

        Assert.Equal(6, sound.Of(all).Count());
        Assert.Equal(
            [(0, 0), (0, 4), (2, 0)],
            sound.Of([all[0], all[1], all[3], all[4]]).Select(static each => (each.Record.Machine, each.Record.FirstGeneration)));
    }

    [Theory]
    [InlineData(74, "no disk")]
    [InlineData(3, "another record")]
    public void A_failure_means_the_same_whoever_throws_it(int code, string message)
    {
        Exception failure = code == 3 ? new DivergentRecordException(message) : new HistoryUnavailableException(message);

        Assert.Equal(new StorageFailure((ExitCode)code, message), StorageFailure.Of(failure));
        Assert.Equal(new StorageFailure((ExitCode)code, message), StorageFailure.Of(new AggregateException(failure, failure)));
        Assert.Null(StorageFailure.Of(new AggregateException(failure, new InvalidOperationException())));
        Assert.Null(StorageFailure.Of(new InvalidOperationException(message)));
    }

    private void AssertNamesTheDamage(string text)
    {
        Assert.Contains($"{_history.Address}, run 1", text, StringComparison.Ordinal);
        Assert.Contains("machine 1", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", text, StringComparison.Ordinal);
    }

    // The second record of the machine: its generations 4 to 7.
    private void DamageRecordOf(int machine)
    {
        Assert.Equal(ExitCode.Held, _history.Of(ThreeMachines).ExitCode);
        byte[] record;
        using (IHistoryStore store = _history.Open(HistoryAccess.Read))
        {
            record = store.ReadSlices(1, machine).Last().Encoded.ToArray();
        }

        Flip(record);
    }

    // Flips a bit in the middle of bytes, wherever the file has them.
    private void Flip(byte[] content)
    {
        byte[] file = File.ReadAllBytes(_history.File);
        ReadOnlySpan<byte> start = content.AsSpan(0, Math.Min(content.Length, 200));
        int at = file.AsSpan().IndexOf(start);
        Assert.True(at >= 0, "the file does not hold these bytes in one piece");
        file[at + (start.Length / 2)] ^= 1;
        File.WriteAllBytes(_history.File, file);
    }

    // Run 2 is run 1 with another digest of machine 1 after generation 5, under right checksums.
    private void Forge(int modelVersion)
    {
        Copy(slice => WithoutDigest(slice, machine: 1, generation: 5), facts => facts with { ModelVersion = modelVersion });
        using IHistoryStore store = _history.Open();
        store.EndRun(2, RunState.Finished, store.FindRun(1)!.Digest, DateTimeOffset.UtcNow);
    }

    // Enters run 2, which has not ended, with records of run 1.
    private void Copy(Func<SliceRecord, SliceRecord?> change, Func<RunFacts, RunFacts>? changeFacts = null)
    {
        Assert.Equal(ExitCode.Held, _history.Of(ThreeMachines).ExitCode);
        using IHistoryStore store = _history.Open();
        RunFacts facts = store.FindRun(1)!.Facts;
        SliceCodec codec = new(ResolvedScenario.Parse(facts.ResolvedScenario, "run 1"));
        HistoryBatch batch = new();
        foreach (StoredSlice stored in store.ReadSlices(1))
        {
            if (change(codec.Decode(stored, "run 1")) is { } slice)
            {
                batch.Slices.Add(new EncodedSlice(slice, codec.Encode(slice)));
            }
        }

        int run = store.BeginRun(changeFacts is null ? facts : changeFacts(facts));
        store.Commit(run, batch);
        Assert.Equal(2, run);
    }

    private static SliceRecord WithoutDigest(SliceRecord slice, int machine, int generation) => slice with
    {
        Generations =
        [
            .. slice.Generations.Select(each => slice.Machine == machine && each.Report.Generation == generation
                ? each with { Digest = new byte[32] }
                : each),
        ],
    };
}
