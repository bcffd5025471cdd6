using System.IO.Compression;
using System.Text.Json;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Tests.History;

/// <summary>
/// A history of the first format, made once and kept: every later program lists, shows, verifies and replays it. What it says of a replay
/// depends on whether the model is still the one that made it.
/// </summary>
public sealed class FirstFormatTests : IDisposable
{
    private const int Runs = 5;
    private const int Interrupted = 5;
    private const int RecordedModel = 2;
    private static readonly bool IsSameModel = Machine.ModelVersion == RecordedModel;
    private static readonly string File = ProgramRun.InTree("tests/data/histories/format-1.khist");
    private readonly TestHistory _copy = new();

    public FirstFormatTests()
    {
        using (FileStream packed = System.IO.File.OpenRead(ProgramRun.InTree("tests/data/histories/format-1.db.gz")))
        using (GZipStream unpacked = new(packed, CompressionMode.Decompress))
        using (FileStream copy = System.IO.File.Create(_copy.File))
        {
            unpacked.CopyTo(copy);
        }

        // Brings it up to date, when this program's format is a later one.
        _copy.Open(HistoryAccess.Write).Dispose();
    }

    public void Dispose() => _copy.Dispose();

    [Fact]
    public void Each_run_is_shown_as_it_was_when_it_was_made()
    {
        string made = System.IO.File.ReadAllText(ProgramRun.InTree("tests/data/histories/format-1.json"));
        JsonElement[] pages = [.. JsonDocument.Parse(made).RootElement.EnumerateArray()];
        Assert.Equal(Runs, pages.Length);
        for (int run = 1; run <= Runs; run++)
        {
            AssertHolds(pages[run - 1], _copy.Of("runs", "show", $"{run}", "--json").Json, $"run {run}");
        }

        string[] listed = [.. _copy.Of("runs", "--json").Json.EnumerateArray().Select(static run => run.GetProperty("run").GetString()!)];
        Assert.Equal(pages.Select(static page => page.GetProperty("run").GetString()), listed);
    }

    [Fact]
    public void Nothing_in_it_is_damaged()
    {
        Assert.Equal((ExitCode.Held, string.Empty), (_copy.Of("runs", "verify").ExitCode, _copy.Of("runs", "verify").Error));
        for (int run = 1; run <= Runs; run++)
        {
            Assert.Equal(ExitCode.Held, _copy.Of("export", $"{run}", "--format", "csv").ExitCode);
        }
    }

    [Fact]
    public void Reading_changes_no_byte()
    {
        byte[] before = System.IO.File.ReadAllBytes(_copy.File);
        _copy.Of("runs");
        _copy.Of("runs", "verify");
        _copy.Of("replay", "1", "--verify");
        Assert.Equal(before, System.IO.File.ReadAllBytes(_copy.File));
        Assert.Equal([_copy.File], Directory.GetFiles(Path.GetDirectoryName(_copy.File)!));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Each_run_replays(int run) => AssertReplays(_copy.Of("replay", $"{run}", "--verify", "--json"));

    [Fact]
    public void Its_exported_machine_replays() => AssertReplays(ProgramRun.Of("replay", File, "--verify", "--json"));

    [Fact]
    public void Its_interrupted_run_is_continued_from_its_checkpoint_by_the_same_model()
    {
        using (IHistoryStore store = _copy.Open(HistoryAccess.Read))
        {
            Assert.Equal(8, Assert.Single(store.ReadProgress(Interrupted)).CheckpointGeneration);
        }

        ProgramRun resumed = _copy.Of("run", "--resume", $"{Interrupted}", "--json");

        if (!IsSameModel)
        {
            Assert.Equal(ExitCode.Usage, resumed.ExitCode);
            return;
        }

        Assert.Equal(ExitCode.Held, resumed.ExitCode);
        ProgramRun undisturbed = ProgramRun.Of("run", "smoke", "--machines", "1", "--kexecs", "20", "--seed", "9", "--json", "--store", "none");
        Assert.Equal(undisturbed.Json.GetProperty("digest").GetString(), resumed.Json.GetProperty("digest").GetString());
        Assert.Equal(ExitCode.Held, _copy.Of("replay", $"{Interrupted}", "--verify").ExitCode);
    }

    [Fact]
    public void Runs_are_added_and_deleted()
    {
        Assert.Equal(ExitCode.Held, _copy.Of("run", "tiny").ExitCode);
        Assert.Equal("6", _copy.Of("runs", "show", "last", "--json").Json.GetProperty("run").GetString());
        Assert.Equal(ExitCode.Held, _copy.Of("runs", "delete", "2").ExitCode);
        Assert.Equal(ExitCode.Held, _copy.Of("runs", "verify").ExitCode);
        AssertReplays(_copy.Of("replay", "3", "--verify", "--json"));
    }

    /// <summary>The same records under another model's number: what a later program says when its model does not change what they tell.</summary>
    [Fact]
    public void A_run_of_another_model_that_replays_alike_is_equal()
    {
        EnterAgain(1, static facts => facts with { ModelVersion = Machine.ModelVersion + 1 });

        if (IsSameModel)
        {
            Assert.Equal((ExitCode.Held, "equal"), VerdictOf(_copy.Of("replay", "last", "--verify", "--json")));
        }
    }

    /// <summary>The same records under another seed: where the model is the same, a difference; else the model has changed.</summary>
    [Theory]
    [InlineData(0, ExitCode.Diverged, "different")]
    [InlineData(1, ExitCode.Inconclusive, "model-changed")]
    internal void A_run_that_replays_otherwise_is_called_by_its_reason(int laterModel, ExitCode code, string verdict)
    {
        EnterAgain(1, facts => facts with { Seed = 8, ModelVersion = Machine.ModelVersion + laterModel });

        Assert.Equal((code, verdict), VerdictOf(_copy.Of("replay", "last", "--verify", "--json")));
    }

    private void EnterAgain(int run, Func<RunFacts, RunFacts> change)
    {
        using IHistoryStore store = _copy.Open(HistoryAccess.Write);
        StoredRun first = store.FindRun(run)!;
        SliceCodec codec = new(ResolvedScenario.Parse(first.Facts.ResolvedScenario, "fixture"));
        HistoryBatch batch = new();
        foreach (StoredSlice slice in store.ReadSlices(run))
        {
            batch.Slices.Add(new EncodedSlice(codec.Decode(slice, "fixture"), slice.Encoded));
        }

        int again = store.BeginRun(change(first.Facts));
        store.Commit(again, batch);
        store.EndRun(again, RunState.Finished, first.Digest, first.Ended!.Value);
    }

    private static void AssertReplays(ProgramRun replay)
    {
        (ExitCode, string?)[] accepted = IsSameModel
            ? [(ExitCode.Held, "equal")]
            : [(ExitCode.Held, "equal"), (ExitCode.Inconclusive, "model-changed")];
        Assert.True(accepted.Contains(VerdictOf(replay)), replay.Error + replay.Out);
    }

    private static (ExitCode Code, string? Verdict) VerdictOf(ProgramRun replay) => (replay.ExitCode, replay.Json.GetProperty("verdict").GetString());

    // Later programs may tell more, never otherwise.
    private static void AssertHolds(JsonElement made, JsonElement now, string where)
    {
        Assert.True(made.ValueKind == now.ValueKind, where);
        switch (made.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty field in made.EnumerateObject())
                {
                    Assert.True(now.TryGetProperty(field.Name, out JsonElement value), $"{where}: {field.Name} is missing");
                    AssertHolds(field.Value, value, $"{where}, {field.Name}");
                }

                break;
            case JsonValueKind.Array:
                Assert.Equal(made.GetArrayLength(), now.GetArrayLength());
                for (int i = 0; i < made.GetArrayLength(); i++)
                {
                    AssertHolds(made[i], now[i], $"{where}, {i}");
                }

                break;
            default:
                Assert.Equal($"{where}: {made.GetRawText()}", $"{where}: {now.GetRawText()}");
                break;
        }
    }
}
