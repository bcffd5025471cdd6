using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.History.Postgres;
using KhoActors.Nodes.History.Sqlite;

namespace KhoActors.Nodes.Tests.History.Journal;

/// <summary>What is there is recognised by its tables; what is none is refused with the reason.</summary>
public sealed class JournalOpeningTests(PostgresServer server) : IClassFixture<PostgresServer>, IDisposable
{
    private const string Journal =
        "CREATE TABLE journal (ordering INTEGER, deleted, persistence_id, sequence_number, message, manifest, identifier); "
        + "CREATE UNIQUE INDEX journal_uq ON journal (persistence_id, sequence_number);";

    private const string Snapshot = "CREATE TABLE snapshot (persistence_id, sequence_number, snapshot, manifest, serializer_id);";

    private readonly HistoryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_with_the_engines_tables_is_a_journal()
    {
        Make(Journal + Snapshot);
        using IHistoryStore store = _folder.Open(HistoryAccess.Read);
        Assert.IsType<JournalHistoryStore>(store);
        Assert.Empty(store.ReadRuns(Assert.Fail));
    }

    [Fact]
    public void A_history_of_our_own_stays_one()
    {
        _folder.Open(HistoryAccess.Create).Dispose();
        using IHistoryStore store = _folder.Open(HistoryAccess.Read);
        Assert.IsType<SqliteHistoryStore>(store);
    }

    [Theory]
    [InlineData(Journal)]
    [InlineData(Snapshot)]
    [InlineData("CREATE TABLE j (a); CREATE VIEW journal AS SELECT a FROM j;" + Snapshot)]
    [InlineData(Journal + Snapshot + "PRAGMA application_id = 5;")]
    public void Other_files_are_no_history(string sql)
    {
        Make(sql);
        Assert.Contains(
            "not a history of KhoActors", Assert.Throws<HistoryUnavailableException>(() => _folder.Open(HistoryAccess.Read)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CREATE TABLE journal (deleted, persistence_id, sequence_number, identifier);" + Snapshot, "the table 'journal' is none of the Akka engine: it has no column manifest, message")]
    [InlineData(Journal + "CREATE TABLE snapshot (a);", "the table 'snapshot' is none of the Akka engine")]
    [InlineData("CREATE TABLE journal (deleted, persistence_id, sequence_number, identifier, manifest, message GENERATED ALWAYS AS (zeroblob(9)));" + Snapshot, "no column message")]
    [InlineData("CREATE TABLE journal (deleted, persistence_id, sequence_number, identifier, manifest, message);" + Snapshot, "no such index: journal_uq")]
    public void Tables_that_only_bear_the_names_are_refused(string sql, string said)
    {
        Make(sql);
        Assert.Contains(said, Assert.Throws<HistoryDamageException>(() => _folder.Open(HistoryAccess.Read)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_read()
    {
        Make(Journal + Snapshot);
        File.SetAttributes(_folder.File, FileAttributes.ReadOnly);
        using IHistoryStore store = _folder.Open(HistoryAccess.Read);
        Assert.Null(store.FindRun(null));
    }

    [PostgresFact]
    public void A_database_without_the_tables_has_no_history()
    {
        string address = server.NewDatabase();
        AssertRefused(address, "there is no history in this database: it has no table 'journal'");
        server.Execute(address, "CREATE TABLE journal (persistence_id text); CREATE TABLE snapshot (a int);");
        AssertRefused(address, "the table 'journal' is none of the Akka engine: it has no column deleted boolean");
    }

    [PostgresFact]
    public void A_database_is_reached_on_a_Unix_socket_too()
    {
        using JournalTables tables = JournalTables.Create(server);
        tables.RecordAll(1, HistoryBench.Facts(machines: 1, kexecs: 0));
        using IHistoryStore store = HistoryStores.Open(server.OnSocket(tables.Address), HistoryAccess.Read);
        Assert.Equal(1, store.FindRun(null)!.Number);
    }

    [PostgresFact]
    public void Who_cannot_get_in_is_told_why_without_the_password()
    {
        string address = server.NewDatabase();
        AssertRefused(address.Replace("s%3A", "wrong%3A", StringComparison.Ordinal), "password authentication failed for user \"kho\"");
        AssertRefused($"{address}_none", "does not exist");
        AssertRefused("postgres://kho:wrong@127.0.0.1:1/kho", "the database cannot be reached");
        AssertRefused("postgres://kho:wrong@no-such-host.invalid/kho", "the database cannot be reached");
    }

    [PostgresFact]
    public void Nothing_can_be_written_through_a_journal_that_is_read()
    {
        using JournalTables tables = JournalTables.Create(server);
        using PostgresDatabase database =
            PostgresDatabase.Open(PostgresAddress.Parse(tables.Address));
        database.Execute("SET default_transaction_read_only = on");
        string refusal = Assert.Throws<HistoryUnavailableException>(() => database.Execute("DELETE FROM journal")).Message;
        Assert.Contains("read-only transaction", refusal, StringComparison.Ordinal);
    }

    private static void AssertRefused(string address, string said)
    {
        HistoryUnavailableException refusal = Assert.Throws<HistoryUnavailableException>(() => HistoryStores.Open(address, HistoryAccess.Read));
        Assert.Contains(said, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", refusal.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("r@t", refusal.ToString(), StringComparison.Ordinal);
        Assert.StartsWith("postgres://kho@", refusal.Message, StringComparison.Ordinal);
    }

    private void Make(string sql)
    {
        using SqliteDatabase database = SqliteDatabase.Open(
            _folder.Address, _folder.File, SQLitePCL.raw.SQLITE_OPEN_READWRITE | SQLitePCL.raw.SQLITE_OPEN_CREATE, busyMilliseconds: 0);
        database.Execute(sql);
    }
}
