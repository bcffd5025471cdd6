using System.Text.RegularExpressions;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Sqlite;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Scenarios;

namespace KhoActors.Nodes.Tests.History;

/// <summary>What docs/histories.md says of schema and bytes is what the program has, and its queries run.</summary>
public sealed partial class HistoriesPageTests
{
    private static string Page { get; } = File.ReadAllText(Path.Combine(Fixtures.Root, "docs", "histories.md")).ReplaceLineEndings("\n");

    [Fact]
    public void The_queries_of_the_page_run()
    {
        using SqliteDatabase database = NewHistory();
        string[] queries = [.. SqlBlock().Matches(Page).Select(match => match.Groups[1].Value)];
        Assert.Equal(4, queries.Length);
        foreach (string query in queries)
        {
            using SqliteStatement statement = database.Prepare(query);
            Assert.False(statement.Step());
        }
    }

    [Fact]
    public void Every_table_view_and_column_is_on_the_page_and_nothing_else()
    {
        using SqliteDatabase database = NewHistory();
        Dictionary<string, string[]> described = SchemaRow().Matches(Page)
            .Select(match => (Name: match.Groups[1].Value, Columns: match.Groups[2].Value))
            .Where(row => database.Ask($"SELECT count(*) FROM sqlite_master WHERE name = '{row.Name}'") == 1)
            .ToDictionary(row => row.Name, row => Remark().Replace(row.Columns, "").Split('`').Where((_, i) => i % 2 == 1).ToArray());
        using SqliteStatement objects = database.Prepare("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%' ORDER BY name");
        int count = 0;
        for (; objects.Step(); count++)
        {
            string name = objects.Text(0, 100);
            List<string> columns = [];
            using SqliteStatement info = database.Prepare($"SELECT name FROM pragma_table_info('{name}')");
            while (info.Step())
            {
                columns.Add(info.Text(0, 100));
            }

            Assert.True(described.TryGetValue(name, out string[]? onPage), $"'{name}' is not on the page");
            Assert.Equal(columns, onPage);
        }

        Assert.Equal(described.Count, count);
    }

    [Fact]
    public void The_example_of_a_record_is_the_golden_one() =>
        Assert.Equal(SliceGoldenTests.Golden.Select(each => $"| `{each.Hex}` | {each.Field} |"), ExampleRow().Matches(Page).Select(match => match.Value));

    /// <summary>Numbers that stand for something in stored records, and follow from the order in which the program declares them.</summary>
    [Fact]
    public void Numbers_in_decisions_are_those_of_the_page()
    {
        Assert.Contains("by number (0 to 12)", Page);
        Assert.Equal(
            "PreserveFolio PreservePages AllocPreserve Unpreserve Allocate Free AddSubtree RemoveSubtree PreserveVmalloc Log ClearLog Oops JumpAndReturn",
            string.Join(' ', Enum.GetValues<WorkloadOperation>()));
        Assert.All(Enum.GetValues<GenerationEnd>().Skip(1), end => Assert.Equal((int)end, SliceFormat.CodeOf(end)));
        Assert.Equal("Choice Word Stream Operation", string.Join(' ', Enum.GetValues<DecisionKind>()));
    }

    [Fact]
    public void Bounds_on_the_page_are_those_of_the_program()
    {
        Assert.Contains("| resolved scenario, record | 16 MiB |", Page);
        Assert.Equal((16 << 20, 16 << 20), (HistoryLimits.ScenarioBytes, HistoryLimits.RecordBytes));
        Assert.Contains("| snapshot in a checkpoint | 64 MiB |", Page);
        Assert.Equal(64 << 20, HistoryLimits.SnapshotBytes);
        Assert.Contains("| length of the content, at most 64 MiB |", Page);
        Assert.Equal(64 << 20, HistoryFilePart.LengthMax);
        Assert.Contains("| command, text of a client assembly's path | 1 MiB |", Page);
        Assert.Equal(1 << 20, HistoryLimits.TextBytes);
        Assert.Contains("| client assemblies of a run | 1024 |", Page);
        Assert.Equal(1024, HistoryLimits.ClientAssemblies);
        Assert.Contains("after 1,000 of them, 1 MiB, or 200 ms", Page);
        Assert.Equal((1000, 1 << 20, 200), (HistoryWriter.GroupRows, HistoryWriter.GroupBytes, HistoryWriter.GroupMilliseconds));
        Assert.Contains("0x4b686f48", Page);
        Assert.Equal(0x4b686f48, SqliteSchema.ApplicationId);
    }

    private static SqliteDatabase NewHistory()
    {
        SqliteDatabase database = SqliteDatabase.InMemory();
        SqliteSchema.Current.Migrate(database, from: 0);
        return database;
    }

    [GeneratedRegex("```sql\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex SqlBlock();

    // | `name` | a row for each | columns |
    [GeneratedRegex("^\\| `([a-z_]+)` \\| [^|]+ \\| (`[^|]+) \\|$", RegexOptions.Multiline)]
    private static partial Regex SchemaRow();

    [GeneratedRegex("\\([^)]*\\)")]
    private static partial Regex Remark();

    [GeneratedRegex("^\\| `[0-9a-f]+` \\| .* \\|$", RegexOptions.Multiline)]
    private static partial Regex ExampleRow();
}
