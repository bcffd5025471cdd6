namespace KhoActors.Nodes.History.Sqlite;

/// <summary>The tables of a history.</summary>
internal sealed class SqliteTables
{
    /// <summary>Prepares their statements.</summary>
    /// <param name="database">The connection, checked.</param>
    public SqliteTables(SqliteDatabase database)
    {
        Runs = new SqliteRuns(database);
        Slices = new SqliteSlices(database);
        Checkpoints = new SqliteCheckpoints(database);
        Counts = new SqliteCounts(database);
    }

    /// <summary>Runs with all that has one row for each of them.</summary>
    public SqliteRuns Runs { get; }

    /// <summary>Slices.</summary>
    public SqliteSlices Slices { get; }

    /// <summary>Checkpoints.</summary>
    public SqliteCheckpoints Checkpoints { get; }

    /// <summary>What is counted from slices.</summary>
    public SqliteCounts Counts { get; }
}
