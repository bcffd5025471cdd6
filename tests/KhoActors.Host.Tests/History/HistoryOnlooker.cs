using SQLitePCL;

namespace KhoActors.Host.Tests.History;

/// <summary>
/// Another process as far as a history can tell: reads it through its view while it is written, and may hold the lock of writers. It leaves
/// the log beside the file as it is, so that whoever was killed has to be recovered from by the next.
/// </summary>
internal sealed class HistoryOnlooker : IDisposable
{
    private const int ConfigNoCheckpointOnClose = 1006;
    private readonly sqlite3 _handle;

    static HistoryOnlooker() => Batteries_V2.Init();

    public HistoryOnlooker(string file)
    {
        Assert.Equal(raw.SQLITE_OK, raw.sqlite3_open_v2(file, out _handle, raw.SQLITE_OPEN_READWRITE, null));
        raw.sqlite3_db_config(_handle, ConfigNoCheckpointOnClose, 1, out _);
    }

    /// <summary>State and recorded generations of the newest run; null before there is one.</summary>
    public (string State, long Generations)? Newest()
    {
        using sqlite3_stmt? ask = Ask("SELECT state, kexecs + cold_boots FROM run_list ORDER BY run DESC LIMIT 1");
        return ask is not null && raw.sqlite3_step(ask) == raw.SQLITE_ROW
            ? (raw.sqlite3_column_text(ask, 0).utf8_to_string(), raw.sqlite3_column_int64(ask, 1))
            : null;
    }

    /// <summary>Machines that have a checkpoint.</summary>
    public long Checkpoints()
    {
        using sqlite3_stmt? ask = Ask("SELECT count(checkpoint) FROM machines");
        return ask is not null && raw.sqlite3_step(ask) == raw.SQLITE_ROW ? raw.sqlite3_column_int64(ask, 0) : 0;
    }

    /// <summary>Takes the lock of writers when it is free.</summary>
    /// <returns>Whether it was.</returns>
    public bool TryLock() => raw.sqlite3_exec(_handle, "BEGIN IMMEDIATE") == raw.SQLITE_OK;

    /// <summary>Gives it back.</summary>
    public void Unlock() => raw.sqlite3_exec(_handle, "ROLLBACK");

    public void Dispose() => _handle.Dispose();

    private sqlite3_stmt? Ask(string sql) => raw.sqlite3_prepare_v2(_handle, sql, out sqlite3_stmt statement) == raw.SQLITE_OK ? statement : null;
}
