using System.Text;
using SQLitePCL;

namespace KhoActors.Nodes.History.Sqlite;

/// <summary>
/// A prepared statement. Reads strictly: a value of another type than the schema says, or longer than it may be, is damage; lengths are
/// asked before anything is copied.
/// </summary>
internal sealed class SqliteStatement : IDisposable
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly SqliteDatabase _database;
    private readonly sqlite3_stmt _statement;

    /// <summary>Takes over a prepared statement.</summary>
    /// <param name="database">Its database.</param>
    /// <param name="statement">The statement.</param>
    public SqliteStatement(SqliteDatabase database, sqlite3_stmt statement)
    {
        _database = database;
        _statement = statement;
    }

    /// <summary>Binds numbers to the first parameters.</summary>
    /// <param name="values">Their values.</param>
    /// <returns>This statement.</returns>
    public SqliteStatement With(params ReadOnlySpan<long> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            Bind(i + 1, values[i]);
        }

        return this;
    }

    /// <summary>Binds a number.</summary>
    /// <param name="parameter">The parameter, from 1.</param>
    /// <param name="value">Its value.</param>
    public void Bind(int parameter, long value) => Check(raw.sqlite3_bind_int64(_statement, parameter, value));

    /// <summary>Binds a text, or null.</summary>
    /// <param name="parameter">The parameter, from 1.</param>
    /// <param name="value">Its value.</param>
    public void Bind(int parameter, string? value)
    {
        if (value is null)
        {
            Check(raw.sqlite3_bind_null(_statement, parameter));
            return;
        }

        // An empty span would be bound as null.
        Check(value.Length == 0 ? raw.sqlite3_bind_text(_statement, parameter, string.Empty) : raw.sqlite3_bind_text(_statement, parameter, Encoding.UTF8.GetBytes(value)));
    }

    /// <summary>Binds bytes.</summary>
    /// <param name="parameter">The parameter, from 1.</param>
    /// <param name="value">Its value.</param>
    public void Bind(int parameter, ReadOnlySpan<byte> value) =>
        Check(value.IsEmpty ? raw.sqlite3_bind_zeroblob(_statement, parameter, 0) : raw.sqlite3_bind_blob(_statement, parameter, value));

    /// <summary>Goes to the next row.</summary>
    /// <returns>False when there is none; the statement can be run again.</returns>
    public bool Step()
    {
        int code = raw.sqlite3_step(_statement);
        switch (code)
        {
            case raw.SQLITE_ROW:
                return true;
            case raw.SQLITE_DONE:
                Reset();
                return false;
            default:
                Exception failure = _database.Failure(code);
                Reset();
                throw failure;
        }
    }

    /// <summary>Runs it to its end.</summary>
    /// <returns>Rows that it changed.</returns>
    public int Execute()
    {
        while (Step())
        {
        }

        return _database.Changes;
    }

    /// <summary>Ends reading.</summary>
    public void Reset() => raw.sqlite3_reset(_statement);

    /// <summary>Whether a value is null.</summary>
    /// <param name="column">The column, from 0.</param>
    /// <returns>Whether it is.</returns>
    public bool IsNull(int column) => raw.sqlite3_column_type(_statement, column) == raw.SQLITE_NULL;

    /// <summary>A number.</summary>
    /// <param name="column">The column, from 0.</param>
    /// <returns>Its value.</returns>
    public long Int64(int column)
    {
        RequireType(column, raw.SQLITE_INTEGER, "a number");
        return raw.sqlite3_column_int64(_statement, column);
    }

    /// <summary>A number from 0 to 2^31 - 1.</summary>
    /// <param name="column">The column, from 0.</param>
    /// <returns>Its value.</returns>
    public int Int32(int column)
    {
        long value = Int64(column);
        return value is >= 0 and <= int.MaxValue ? (int)value : throw Refuse(column, $"{value}, expected 0 to {int.MaxValue}");
    }

    /// <summary>A number from 0 on.</summary>
    /// <param name="column">The column, from 0.</param>
    /// <returns>Its value.</returns>
    public long Count(int column)
    {
        long value = Int64(column);
        return value >= 0 ? value : throw Refuse(column, $"{value}, expected 0 or more");
    }

    /// <summary>A text.</summary>
    /// <param name="column">The column, from 0.</param>
    /// <param name="mostBytes">Most bytes that it may have.</param>
    /// <returns>Its value.</returns>
    public string Text(int column, int mostBytes)
    {
        RequireType(column, raw.SQLITE_TEXT, "a text");
        RequireLength(column, mostBytes);
        try
        {
            return StrictUtf8.GetString(raw.sqlite3_column_blob(_statement, column));
        }
        catch (DecoderFallbackException)
        {
            throw Refuse(column, "no UTF-8");
        }
    }

    /// <summary>Bytes, copied.</summary>
    /// <param name="column">The column, from 0.</param>
    /// <param name="mostBytes">Most that there may be.</param>
    /// <returns>Its value.</returns>
    public byte[] Blob(int column, int mostBytes) => BlobSpan(column, mostBytes).ToArray();

    /// <summary>Bytes where SQLite has them, until the next step.</summary>
    /// <param name="column">The column, from 0.</param>
    /// <param name="mostBytes">Most that there may be.</param>
    /// <returns>Its value.</returns>
    public ReadOnlySpan<byte> BlobSpan(int column, int mostBytes)
    {
        RequireType(column, raw.SQLITE_BLOB, "bytes");
        RequireLength(column, mostBytes);
        return raw.sqlite3_column_blob(_statement, column);
    }

    /// <summary>A digest.</summary>
    /// <param name="column">The column, from 0.</param>
    /// <returns>32 bytes.</returns>
    public byte[] Digest(int column)
    {
        byte[] digest = Blob(column, HistoryLimits.DigestBytes);
        return digest.Length == HistoryLimits.DigestBytes ? digest : throw Refuse(column, $"{digest.Length} bytes, expected {HistoryLimits.DigestBytes}");
    }

    /// <summary>What is wrong with a value.</summary>
    /// <param name="column">The column, from 0.</param>
    /// <param name="found">What was found, and what is accepted.</param>
    /// <returns>The exception to throw.</returns>
    public HistoryDamageException Refuse(int column, string found) => _database.Damage($"{raw.sqlite3_column_name(_statement, column).utf8_to_string()} is {found}");

    /// <inheritdoc/>
    public void Dispose() => _statement.Dispose();

    private void RequireType(int column, int type, string expected)
    {
        int found = raw.sqlite3_column_type(_statement, column);
        if (found != type)
        {
            throw Refuse(column, $"{NameOf(found)}, expected {expected}");
        }
    }

    private void RequireLength(int column, int mostBytes)
    {
        int length = raw.sqlite3_column_bytes(_statement, column);
        if (length > mostBytes)
        {
            throw Refuse(column, $"{length} bytes long, expected {mostBytes} at most");
        }
    }

    private static string NameOf(int type) => type switch
    {
        raw.SQLITE_INTEGER => "a number",
        raw.SQLITE_FLOAT => "a floating-point number",
        raw.SQLITE_TEXT => "a text",
        raw.SQLITE_BLOB => "bytes",
        _ => "null",
    };

    private void Check(int code)
    {
        if (code != raw.SQLITE_OK)
        {
            throw _database.Failure(code);
        }
    }
}
