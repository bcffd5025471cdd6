using System.Runtime.InteropServices;

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
/// <param name="Ticks">When it was printed, in nanoseconds since the boot (local_clock); 0 before the first actor runs.</param>
/// <param name="Facility">Who printed it (the syslog protocol's facility): 0 the kernel, 1 user space.</param>
public readonly record struct LogLine(LogLevel Level, string Text, ulong Ticks = 0, byte Facility = 0)
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

    /// <summary>All lines so far without copying; valid until the next one is written.</summary>
    internal ReadOnlySpan<LogLine> LineSpan => CollectionsMarshal.AsSpan(_lines);

    /// <summary>How many WARN() conditions were met, printed or not (once-only warnings count every time).</summary>
    public long Warnings { get; private set; }

    /// <summary>Nanoseconds since the boot, for time stamps; null while there is no clock yet: lines have time 0.</summary>
    public Func<ulong>? Clock { get; set; }

    /// <summary>Lines that had been printed when the log was last cleared (SYSLOG_ACTION_CLEAR): dumps of it begin behind them.</summary>
    public int ClearedLines { get; private set; }

    /// <summary>Appends a line.</summary>
    /// <param name="level">Its level.</param>
    /// <param name="text">The text with its prefix.</param>
    /// <param name="facility">0 for the kernel, 1 for user space (/dev/kmsg).</param>
    public void Write(LogLevel level, string text, byte facility = 0) => _lines.Add(new LogLine(level, text, Clock?.Invoke() ?? 0, facility));

    /// <summary>User space clears the log (dmesg -C): nothing is lost, but dumps begin behind what is there now.</summary>
    public void ClearForReaders() => ClearedLines = _lines.Count;

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
        ClearedLines = 0;
        Clock = null;
    }
}
