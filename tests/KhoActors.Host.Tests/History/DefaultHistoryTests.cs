using KhoActors.Host.Doctor;
using KhoActors.Host.Runs;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Tests.History;

/// <summary>What <c>kho doctor</c> says of the place where runs are kept.</summary>
public sealed class DefaultHistoryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_history_that_can_be_made_is_tried_and_nothing_is_left()
    {
        Assert.Equal(new Check("history", Verdict.Ok, "none yet; ./khoactors.db can be made"), HistoryCheck.In(_folder.Path));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_history_that_is_there_is_counted()
    {
        using (IHistoryStore store = HistoryStores.Open($"sqlite:{_folder["khoactors.db"]}", HistoryAccess.Create))
        {
            store.BeginRun(TestHistory.Tiny);
        }

        Assert.Equal(new Check("history", Verdict.Ok, "./khoactors.db with 1 run"), HistoryCheck.In(_folder.Path));
    }

    [Fact]
    public void A_file_that_is_no_history_is_a_warning_and_stays()
    {
        _folder.Write("khoactors.db", "text");

        Check check = HistoryCheck.In(_folder.Path);

        Assert.Equal(Verdict.Warning, check.Verdict);
        Assert.Equal("runs need --store sqlite:PATH elsewhere, or --store none", check.Advice);
        Assert.Equal("text", File.ReadAllText(_folder["khoactors.db"]));
    }

    [Fact]
    public void A_folder_that_cannot_hold_one_is_a_warning() => Assert.Equal(Verdict.Warning, HistoryCheck.In(_folder["missing"]).Verdict);

    [Fact]
    public void The_default_is_beside_whoever_runs() => Assert.Equal("sqlite:./khoactors.db", Histories.DefaultAddress);
}
