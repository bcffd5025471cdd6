using System.Globalization;

namespace KhoActors.Nodes.History.Sqlite;

/// <summary>What SQLite said, as the cause of a sentence about the history.</summary>
internal sealed class SqliteException : Exception
{
    /// <summary>Takes SQLite's words over.</summary>
    /// <param name="code">Its extended code.</param>
    /// <param name="said">Its message.</param>
    public SqliteException(int code, string said)
        : base(string.Create(CultureInfo.InvariantCulture, $"SQLite says '{said}' ({code})")) => Code = code;

    /// <summary>The extended code.</summary>
    public int Code { get; }

    /// <summary>The code without its extension.</summary>
    public int PrimaryCode => Code & 0xFF;
}
