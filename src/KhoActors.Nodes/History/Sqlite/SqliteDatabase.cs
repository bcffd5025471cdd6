using System.Globalization;
using SQLitePCL;

namespace KhoActors.Nodes.History.Sqlite;

/// <summary>
/// A connection to a SQLite file, prepared for histories: bounded values, no trust in the file's schema, failures as sentences. Speaks
/// SQLite's own interface rather than ADO.NET: values are bounded before they are copied, the writer binds without boxing, and codes tell
/// a full disk from a damaged page.
/// </summary>
internal sealed class SqliteDatabase : IDisposable
{
    private const int ConfigNoCheckpointOnClose = 1006;
    private const int ConfigDefensive = 1010;
    private const int LimitLength = 0;

    private readonly sqlite3 _handle;
    private readonly int _busyMilliseconds;
    private readonly List<SqliteStatement> _statements = [];

    static SqliteDatabase() => Batteries_V2.Init();

    private SqliteDatabase(string address, sqlite3 handle, int busyMilliseconds)
    {
        Address = address;
        _handle = handle;
        _busyMilliseconds = busyMilliseconds;
    }

    /// <summary>The history's address.</summary>
    public string Address { get; }

    /// <summary>What is being read or written: part of every message.</summary>
    public RecordPlace Place { get; set; }

    /// <summary>Rows that the last statement changed.</summary>
    public int Changes => raw.sqlite3_changes(_handle);

    /// <summary>Whether the file can only be read.</summary>
    public bool IsReadOnly => raw.sqlite3_db_readonly(_handle, "main") == 1;

    /// <summary>Opens a file.</summary>
    /// <param name="address">The history's address.</param>
    /// <param name="name">Full path, or a URI with <c>file:</c>.</param>
    /// <param name="flags">SQLite's flags.</param>
    /// <param name="busyMilliseconds">How long to wait for another writer.</param>
    /// <returns>The connection.</returns>
    public static SqliteDatabase Open(string address, string name, int flags, int busyMilliseconds)
    {
        int code = raw.sqlite3_open_v2(name, out sqlite3 handle, flags, null);
        SqliteDatabase database = new(address, handle, busyMilliseconds);
        try
        {
            database.Check(code);
            raw.sqlite3_extended_result_codes(handle, 1);
            raw.sqlite3_busy_timeout(handle, busyMilliseconds);
            raw.sqlite3_limit(handle, LimitLength, HistoryLimits.RowBytes);
            raw.sqlite3_db_config(handle, ConfigDefensive, 1, out _);
            raw.sqlite3_db_config(handle, ConfigNoCheckpointOnClose, 1, out _);
            database.Execute("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON");
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Opens an empty database in memory.</summary>
    /// <returns>The connection.</returns>
    public static SqliteDatabase InMemory() => Open("sqlite::memory:", ":memory:", raw.SQLITE_OPEN_READWRITE, busyMilliseconds: 0);

    /// <summary>Prepares a statement that the caller disposes.</summary>
    /// <param name="sql">One statement.</param>
    /// <returns>The statement.</returns>
    public SqliteStatement Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v2(_handle, sql, out sqlite3_stmt statement));
        return new SqliteStatement(this, statement);
    }

    /// <summary>
    /// The file is a history. Until that is known, closing does not move the log beside it into the file: the log may be another
    /// database's, and would overwrite the history.
    /// </summary>
    public void Accept() => raw.sqlite3_db_config(_handle, ConfigNoCheckpointOnClose, 0, out _);

    /// <summary>Prepares a statement that lives as long as the connection.</summary>
    /// <param name="sql">One statement.</param>
    /// <returns>The statement.</returns>
    public SqliteStatement Keep(string sql)
    {
        SqliteStatement statement = Prepare(sql);
        _statements.Add(statement);
        return statement;
    }

    /// <summary>Runs statements without parameters.</summary>
    /// <param name="sql">One or more statements.</param>
    public void Execute(string sql) => Check(raw.sqlite3_exec(_handle, sql));

    /// <summary>Asks for one number.</summary>
    /// <param name="sql">One statement.</param>
    /// <returns>The number.</returns>
    public long Ask(string sql)
    {
        using SqliteStatement statement = Prepare(sql);
        return statement.Step() ? statement.Int64(0) : throw Damage($"no answer to {sql}");
    }

    /// <summary>Does something in one transaction that writes: all of it or nothing.</summary>
    /// <param name="write">What to do.</param>
    public void Transaction(Action write)
    {
        Execute("BEGIN IMMEDIATE");
        try
        {
            write();
            Execute("COMMIT");
        }
        catch
        {
            RollBack();
            throw;
        }
    }

    /// <summary>Reads something as of one moment, whatever other processes write meanwhile.</summary>
    /// <param name="read">What to read.</param>
    /// <typeparam name="T">What it gives.</typeparam>
    /// <returns>What was read.</returns>
    public T Snapshot<T>(Func<T> read)
    {
        if (raw.sqlite3_get_autocommit(_handle) == 0)
        {
            return read();
        }

        Execute("BEGIN");
        try
        {
            return read();
        }
        finally
        {
            RollBack();
        }
    }

    /// <summary>Moves what was committed from the log beside the file into it, as far as readers allow.</summary>
    public void Checkpoint() => raw.sqlite3_wal_checkpoint_v2(_handle, "main", raw.SQLITE_CHECKPOINT_PASSIVE, out _, out _);

    /// <summary>Lets SQLite compare its pages, tables and indices with each other.</summary>
    /// <param name="damage">Called for each thing that is wrong, with the sentence that names it.</param>
    public void CheckIntegrity(Action<string> damage)
    {
        Place = new RecordPlace(0, Part: "file");
        using SqliteStatement check = Prepare("PRAGMA integrity_check");
        while (check.Step())
        {
            string said = check.Text(0, HistoryLimits.TextBytes);
            if (said != "ok")
            {
                damage(Sentence(said.ReplaceLineEndings("; ")));
            }
        }
    }

    /// <summary>Something in the file is not what it must be.</summary>
    /// <param name="what">What was found, and what is accepted.</param>
    /// <returns>The exception to throw.</returns>
    public HistoryDamageException Damage(string what) => new(Sentence(what));

    /// <summary>Puts address and place before a message.</summary>
    /// <param name="what">The message.</param>
    /// <returns>One line.</returns>
    public string Sentence(string what)
    {
        string place = Place.ToString();
        return place.Length == 0 ? $"{Address}: {what}" : $"{Address}, {place}: {what}";
    }

    /// <summary>What a code of SQLite means.</summary>
    /// <param name="code">The code, extended.</param>
    /// <returns>The exception to throw.</returns>
    public Exception Failure(int code)
    {
        SqliteException cause = new(code, raw.sqlite3_errmsg(_handle).utf8_to_string());
        switch (code & 0xFF)
        {
            case raw.SQLITE_BUSY or raw.SQLITE_LOCKED:
                string waited = string.Create(CultureInfo.InvariantCulture, $"{_busyMilliseconds / 1000.0:0.#} s");
                return Unavailable($"another process is writing to it and did not finish within {waited}; try again later", cause);
            case raw.SQLITE_FULL:
                return Unavailable("the disk is full; what was committed before is safe", cause);
            case raw.SQLITE_READONLY:
                return Unavailable("the file is read-only, or its folder is", cause);
            case raw.SQLITE_CANTOPEN or raw.SQLITE_PERM or raw.SQLITE_AUTH:
                return Unavailable($"it cannot be opened: {cause.Message}; is it, or its folder, another user's?", cause);
            case raw.SQLITE_IOERR when code != raw.SQLITE_IOERR_SHORT_READ:
                return Unavailable($"reading or writing failed, as on a disk that is full or broken: {cause.Message}", cause);
            case raw.SQLITE_NOMEM or raw.SQLITE_INTERRUPT or raw.SQLITE_PROTOCOL:
                return Unavailable(cause.Message, cause);
            case raw.SQLITE_NOTADB:
                return Unavailable("this file is not a SQLite database, so it is no history", cause);
            default:
                return new HistoryDamageException(Sentence(cause.Message), cause);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SqliteStatement statement in _statements)
        {
            statement.Dispose();
        }

        _handle.Dispose();
    }

    private HistoryUnavailableException Unavailable(string why, SqliteException cause) => new(Sentence(why), cause);

    private void RollBack()
    {
        // After some failures SQLite has rolled back already; there is nothing to report beyond the failure itself.
        if (raw.sqlite3_get_autocommit(_handle) == 0)
        {
            raw.sqlite3_exec(_handle, "ROLLBACK");
        }
    }

    private void Check(int code)
    {
        if (code != raw.SQLITE_OK)
        {
            throw Failure(code);
        }
    }
}
