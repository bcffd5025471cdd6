using SQLitePCL;

namespace KhoActors.Nodes.History.Sqlite;

/// <summary>Opens, makes and migrates the file of a history, and refuses what is none.</summary>
internal static class SqliteOpening
{
    /// <summary>Opens a history.</summary>
    /// <param name="path">The path as it was given.</param>
    /// <param name="access">What for.</param>
    /// <param name="schema">The schema that this program knows.</param>
    /// <param name="busyMilliseconds">How long to wait for another process.</param>
    /// <returns>The connection, checked.</returns>
    public static SqliteDatabase Open(string path, HistoryAccess access, SqliteSchema schema, int busyMilliseconds)
    {
        string address = $"sqlite:{path}";
        string fullPath = Path.GetFullPath(path);
        RequirePlace(address, fullPath, access);
        if (access == HistoryAccess.Read)
        {
            return OpenToRead(address, fullPath, busyMilliseconds, database => PrepareToRead(database, schema));
        }

        bool mayMake = access == HistoryAccess.Create;
        int flags = raw.SQLITE_OPEN_READWRITE | (mayMake ? raw.SQLITE_OPEN_CREATE : 0);
        return Checked(SqliteDatabase.Open(address, fullPath, flags, busyMilliseconds), database => PrepareToWrite(database, schema, mayMake));
    }

    /// <summary>Opens any file of SQLite to be read, also where nothing may be written.</summary>
    /// <param name="address">The history's address.</param>
    /// <param name="fullPath">Full path of the file.</param>
    /// <param name="busyMilliseconds">How long to wait for another process.</param>
    /// <param name="check">Refuses, by throwing, what the caller does not read.</param>
    /// <returns>The connection, checked.</returns>
    public static SqliteDatabase OpenToRead(string address, string fullPath, int busyMilliseconds, Action<SqliteDatabase> check)
    {
        try
        {
            // A connection that could write tidies up behind itself: the last one to close removes the log and its index.
            return Checked(SqliteDatabase.Open(address, fullPath, raw.SQLITE_OPEN_READWRITE, busyMilliseconds), check);
        }
        catch (HistoryUnavailableException refusal) when (CannotBeWritten(refusal) && IsAlone(fullPath))
        {
            // In a folder that cannot be written SQLite may not put its index of the log beside the file. There is no log and nobody can
            // begin one: the file alone is the whole history.
            string uri = $"file:{Uri.EscapeDataString(fullPath)}?immutable=1";
            return Checked(SqliteDatabase.Open(address, uri, raw.SQLITE_OPEN_READONLY | raw.SQLITE_OPEN_URI, busyMilliseconds), check);
        }
    }

    private static void RequirePlace(string address, string fullPath, HistoryAccess access)
    {
        if (Directory.Exists(fullPath))
        {
            throw new HistoryUnavailableException($"{address}: this is a folder, not the file of a history");
        }

        if (File.Exists(fullPath))
        {
            return;
        }

        if (access != HistoryAccess.Create)
        {
            throw new HistoryUnavailableException($"{address}: there is no such file");
        }

        string? folder = Path.GetDirectoryName(fullPath);
        if (folder is not null && !Directory.Exists(folder))
        {
            throw new HistoryUnavailableException($"{address}: there is no folder {folder}");
        }
    }

    private static bool CannotBeWritten(HistoryUnavailableException refusal) =>
        refusal.InnerException is SqliteException { PrimaryCode: raw.SQLITE_READONLY or raw.SQLITE_CANTOPEN };

    private static SqliteDatabase Checked(SqliteDatabase database, Action<SqliteDatabase> check)
    {
        try
        {
            check(database);
            database.Accept();
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    private static bool IsAlone(string fullPath)
    {
        FileInfo log = new($"{fullPath}-wal");
        return !log.Exists || log.Length == 0;
    }

    private static void PrepareToWrite(SqliteDatabase database, SqliteSchema schema, bool mayMake)
    {
        if (database.IsReadOnly)
        {
            throw new HistoryUnavailableException(database.Sentence("the file is read-only, or its folder is"));
        }

        if (mayMake && IsEmpty(database))
        {
            // Measured with records of 0.7 and 1.7 KB: 4 KiB pages take 1.22 times the records' bytes, 16 KiB pages 1.09 times; larger ones
            // gain nothing. What checkpoints and deleted runs took is given back when the run ends.
            database.Execute("PRAGMA page_size = 16384; PRAGMA auto_vacuum = INCREMENTAL");
            database.Transaction(() => MakeIfEmpty(database, schema));
        }

        int format = ReadFormat(database, schema);
        schema.Require(database, format);
        database.Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
        if (format != schema.Format)
        {
            database.Transaction(() => schema.Migrate(database, ReadFormat(database, schema)));
            schema.Require(database, schema.Format);
        }
    }

    /// <summary>SQLite is asked, not the file's length: what a process left that was killed while it made the history is taken back first.</summary>
    private static bool IsEmpty(SqliteDatabase database) => database.Ask("PRAGMA page_count") == 0;

    /// <summary>Two processes may come here at once: the second finds the first one's tables.</summary>
    private static void MakeIfEmpty(SqliteDatabase database, SqliteSchema schema)
    {
        if (database.Ask("PRAGMA application_id") != 0 || database.Ask("SELECT count(*) FROM sqlite_master") != 0)
        {
            return;
        }

        schema.Migrate(database, from: 0);
        using SqliteStatement insert = database.Prepare("INSERT INTO history (history, next_run, runs, checksum) VALUES (1, 1, 0, ?)");
        insert.With(HistoryRows.ChecksumOf(nextRun: 1, runs: 0)).Execute();
    }

    private static void PrepareToRead(SqliteDatabase database, SqliteSchema schema)
    {
        database.Execute("PRAGMA query_only = ON");
        int format = ReadFormat(database, schema);
        if (format != schema.Format)
        {
            throw new HistoryUnavailableException(database.Sentence(
                $"the history has format {format}, this program reads format {schema.Format}; opening it once to write brings it up to date"));
        }

        schema.Require(database, format);
    }

    private static int ReadFormat(SqliteDatabase database, SqliteSchema schema)
    {
        long application = database.Ask("PRAGMA application_id");
        if (application != SqliteSchema.ApplicationId)
        {
            throw new HistoryUnavailableException(database.Sentence(
                IsEmpty(database) ? "the file is empty: no run was entered" : "this is a SQLite database, but not a history of KhoActors"));
        }

        long format = database.Ask("PRAGMA user_version");
        if (format > schema.Format)
        {
            throw new HistoryUnavailableException(database.Sentence(
                $"the history has format {format}, this program knows formats up to {schema.Format}; a newer version of KhoActors wrote it"));
        }

        return format > 0 ? (int)format : throw database.Damage($"the history has format {format}, expected 1 to {schema.Format}");
    }
}
