namespace KhoActors.Architecture.Tests;

/// <summary>Style that nobody has to review by hand.</summary>
public class TidyTests
{
    private const int LineColumnsMax = 160;
    private const int FileLinesMax = 400;

    private static readonly string[] TextPatterns =
        ["*.cs", "*.md", "*.yaml", "*.props", "*.targets", "*.csproj", "*.conf", "*.json", "*.svg", "*.txt", "kho", "run"];

    private static readonly string[] KindsOfClass = ["Models", "Helpers", "Utils", "Interfaces", "Common", "Misc"];

    // Spelled in halves, so that this file does not complain about itself.
    private static readonly string[] Unfinished = ["TO" + "DO", "FIX" + "ME", "HA" + "CK:", "XX" + "X:"];
    private static readonly string[] MachinePaths = ["/wo" + "rk/", "/tm" + "p/", "/ro" + "ot/", "/ho" + "me/", "C:" + "\\"];

    [Fact]
    public void Files_are_short() => Judge.Clean(
        from file in Repository.Files("*.cs", "src", "tests")
        let lines = Repository.Lines(file).Length
        where lines >= FileLinesMax
        select $"{file}: {lines} lines; a file holds one idea, under {FileLinesMax} lines");

    [Fact]
    public void Lines_fit_a_screen() => Judge.Clean(
        Complaints(["*.cs", "kho", "run"], static line => line.Length > LineColumnsMax && !IsCase(line) ? $"{line.Length} columns" : null));

    [Fact]
    public void Nothing_is_left_unfinished() => Judge.Clean(
        Complaints(TextPatterns, static line => Array.Find(Unfinished, word => line.Contains(word, StringComparison.Ordinal))));

    [Fact]
    public void No_path_of_one_machine_is_written_down() => Judge.Clean(
        Complaints(TextPatterns, static line => Array.Find(MachinePaths, path => line.Contains(path, StringComparison.Ordinal))));

    [Fact]
    public void Text_is_plain_ASCII() => Judge.Clean(
        Complaints(TextPatterns, static line => line.Any(static c => !char.IsAscii(c)) ? $"'{line.First(static c => !char.IsAscii(c))}'" : null));

    [Fact]
    public void Folders_are_subsystems_or_stages_never_kinds_of_class() => Judge.Clean(
        Repository.Files("*.cs", "src", "tests").Where(static file => file.Split('/').Any(KindsOfClass.Contains)));

    [Fact]
    public void A_suppression_carries_its_reason() => Judge.Clean(
        from file in Repository.Files("*.cs", "src")
        let lines = Repository.Lines(file)
        from index in Enumerable.Range(0, lines.Length)
        where lines[index].StartsWith("#pragma warning disable", StringComparison.Ordinal) && !lines[index].Contains("//", StringComparison.Ordinal)
        select $"{file}({index + 1}): {lines[index]}");

    [Fact]
    public void Banned_APIs_are_suppressed_only_where_workers_run_and_where_a_history_is_written() => Judge.Clean(
        Repository.Files("*.cs", "src/KhoActors.Subsystems", "src/KhoActors.Nodes")
            .Where(static file => !file.StartsWith("src/KhoActors.Nodes/Fleet/", StringComparison.Ordinal))
            .Where(static file => file != "src/KhoActors.Nodes/History/HistoryWriter.cs")
            .Where(static file => Repository.Lines(file).Any(static line => line.Contains("RS0030", StringComparison.Ordinal))));

    // A row in a table of cases is as long as its case.
    private static bool IsCase(string line) => line.TrimStart().StartsWith("[InlineData(", StringComparison.Ordinal);

    private static IEnumerable<string> Complaints(string[] patterns, Func<string, string?> judge) =>
        from pattern in patterns
        from file in Repository.Files(pattern)
        from complaint in Repository.Lines(file).Select((line, index) => (Line: index + 1, Text: judge(line)))
        where complaint.Text is not null
        select $"{file}({complaint.Line}): {complaint.Text}";
}
