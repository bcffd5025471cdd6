namespace KhoActors.Subsystems;

/// <summary>Kernel log levels (include/linux/kern_levels.h).</summary>
public enum LogLevel
{
    /// <summary>The system is unusable.</summary>
    Emergency = 0,

    /// <summary>Action must be taken at once.</summary>
    Alert = 1,

    /// <summary>Critical condition.</summary>
    Critical = 2,

    /// <summary>Error condition.</summary>
    Error = 3,

    /// <summary>Warning, also the level of WARN().</summary>
    Warning = 4,

    /// <summary>Normal but significant.</summary>
    Notice = 5,

    /// <summary>Informational.</summary>
    Info = 6,

    /// <summary>Debug, not shown on the console by default.</summary>
    Debug = 7,
}

/// <summary>One line of a kernel's log.</summary>
/// <param name="Level">Its level.</param>
/// <param name="Text">The text as printed, prefix included, without level and time stamp.</param>
public readonly record struct LogLine(LogLevel Level, string Text)
{
    /// <summary>The line as dmesg with levels shows it, without a time stamp: <c>&lt;6&gt;text</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"<{(int)Level}>{Text}";
}

/// <summary>The log of one kernel generation: every line in the order it was printed. Ends with the generation.</summary>
public sealed class KernelLog
{
    private readonly List<LogLine> _lines = [];

    /// <summary>All lines so far, oldest first.</summary>
    public IReadOnlyList<LogLine> Lines => _lines;

    /// <summary>How many WARN() conditions were met, printed or not (once-only warnings count every time).</summary>
    public long Warnings { get; private set; }

    /// <summary>Appends a line.</summary>
    /// <param name="level">Its level.</param>
    /// <param name="text">The text with its prefix.</param>
    public void Write(LogLevel level, string text) => _lines.Add(new LogLine(level, text));

    /// <summary>A WARN() condition was met: counts it and, unless it was printed before, prints it.</summary>
    /// <param name="place">The function that warns; printed as <c>WARNING: place</c>.</param>
    /// <param name="once">True for WARN_ON_ONCE: only the first meeting is printed.</param>
    public void Warn(string place, bool once = false)
    {
        Warnings++;
        string text = $"WARNING: {place}";
        if (!once || !_lines.Exists(line => line.Text == text))
        {
            Write(LogLevel.Warning, text);
        }
    }

    /// <summary>Empties the log: the next generation starts.</summary>
    public void Clear()
    {
        _lines.Clear();
        Warnings = 0;
    }
}
