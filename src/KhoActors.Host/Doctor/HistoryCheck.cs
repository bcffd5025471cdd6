using System.Globalization;
using KhoActors.Host.Runs;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Doctor;

/// <summary>Whether runs can be kept where <c>kho run</c> keeps them by default.</summary>
internal static class HistoryCheck
{
    private const string Name = "history";
    private const string Advice = "runs need --store sqlite:PATH elsewhere, or --store none";

    /// <summary>Looks at the default history of a folder; where there is none, makes one for trial and removes it.</summary>
    /// <param name="folder">The folder.</param>
    /// <returns>The result.</returns>
    public static Check In(string folder)
    {
        string path = Path.Combine(folder, Histories.DefaultFile);
        try
        {
            return File.Exists(path) ? Existing(path) : Trial(folder);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException || StorageFailure.Of(failure) is not null)
        {
            return new Check(Name, Verdict.Warning, failure.Message.TrimEnd('.'), Advice);
        }
    }

    private static Check Existing(string path)
    {
        // SQLite opens a file without write permission silently for reading.
        new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite).Dispose();
        using IHistoryStore store = Histories.Open(Histories.AddressOf(path), HistoryAccess.Read);
        int damaged = 0;
        int sound = store.ReadRuns(_ => damaged++).Count;
        string runs = string.Create(CultureInfo.InvariantCulture, $"{Histories.DefaultFile} with {sound} {(sound == 1 ? "run" : "runs")}");
        return damaged == 0
            ? new Check(Name, Verdict.Ok, runs)
            : new Check(Name, Verdict.Warning, $"{runs} and {damaged} damaged", "`kho runs verify` names the damage");
    }

    private static Check Trial(string folder)
    {
        string probe = $".kho-probe-{Environment.ProcessId}";
        try
        {
            Histories.Open(Histories.AddressOf(Path.Combine(folder, probe)), HistoryAccess.Create).Dispose();
            return new Check(Name, Verdict.Ok, $"none yet; {Histories.DefaultFile} can be made");
        }
        finally
        {
            if (Directory.Exists(folder))
            {
                foreach (string file in Directory.GetFiles(folder, probe + "*"))
                {
                    File.Delete(file);
                }
            }
        }
    }
}
