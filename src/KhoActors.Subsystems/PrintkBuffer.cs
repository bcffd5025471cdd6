using System.Text;
using System.Text.Unicode;

namespace KhoActors.Subsystems;

/// <summary>
/// The printk ring buffer over a kernel's log: which lines it still holds, and how a dump reads them (kernel/printk/printk_ringbuffer.c,
/// kernel/printk/printk.c). Printing costs nothing here; the ring catches up when somebody dumps.
/// </summary>
/// <remarks>
/// A record is a data block of 8 bytes of id and the reserved text, rounded up to 8 bytes. What is reserved (vprintk_store) is the formatted
/// string with its level prefix (2 bytes, kernel messages only), its newline and its terminator, at most 1024 bytes. A block that would cross
/// the end of the data ring lies at its beginning instead; one that ends exactly there does not cross it. There is one descriptor for 32 bytes of
/// data (PRB_AVGBITS), so that many short lines run out of descriptors before they run out of data.
/// </remarks>
public sealed class PrintkBuffer
{
    /// <summary>The most that one record reserves (PRINTKRB_RECORD_MAX): longer lines are cut.</summary>
    public const int RecordBytesMax = 1024;

    private const int DescriptorAverageBytesLog2 = 5;
    private const int BlockIdBytes = sizeof(ulong);
    private const int LevelPrefixBytes = 2;
    private const int MicrosecondDigits = 6;
    private const ulong TicksPerSecond = 1_000_000_000;
    private const ulong TicksPerMicrosecond = 1000;
    private readonly KernelLog _log;
    private readonly int _sizeLog2;
    private readonly bool _timeStamps;
    private ulong _head;
    private ulong _tail;
    private int _oldest;
    private int _stored;

    /// <summary>An empty ring over a log.</summary>
    /// <param name="log">The log; must not be cleared while this is in use.</param>
    /// <param name="sizeLog2">log2 of the data ring's bytes: CONFIG_LOG_BUF_SHIFT, or more with <c>log_buf_len=</c>. 12..31.</param>
    /// <param name="timeStamps">Whether lines are shown with time stamps (printk.time).</param>
    public PrintkBuffer(KernelLog log, int sizeLog2, bool timeStamps = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sizeLog2, 12);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sizeLog2, 31);
        _log = log;
        _sizeLog2 = sizeLog2;
        _timeStamps = timeStamps;
    }

    /// <summary>The oldest line that is still in the ring, as an index into <see cref="KernelLog.Lines"/>.</summary>
    public int OldestLine
    {
        get
        {
            CatchUp();
            return _oldest;
        }
    }

    /// <summary>Starts a dump (kmsg_dump_rewind): of everything since the last clear that is there now.</summary>
    /// <returns>Where to read on.</returns>
    public KmsgDumpIterator Rewind()
    {
        CatchUp();
        return new KmsgDumpIterator(_log.ClearedLines, _log.LineSpan.Length);
    }

    /// <summary>
    /// Takes the newest whole records not yet handed out, as many as fit, in the order in which they were printed, with prefixes
    /// (kmsg_dump_get_buffer with syslog prefixes). The next call takes what is older.
    /// </summary>
    /// <param name="dump">Where to read on; moved.</param>
    /// <param name="buffer">Receives the text and a terminating 0 behind it.</param>
    /// <param name="length">
    /// Bytes of text, at most the buffer's length less one. A record that alone does not fit gives 0 again and again, as in the kernel.
    /// </param>
    /// <returns>False when nothing is left, or the buffer is empty.</returns>
    public bool ReadNewest(ref KmsgDumpIterator dump, Span<byte> buffer, out int length)
    {
        CatchUp();
        length = 0;
        dump.First = Math.Max(dump.First, _oldest);
        if (buffer.IsEmpty || dump.First >= dump.End)
        {
            return false;
        }

        ReadOnlySpan<LogLine> lines = _log.LineSpan[..dump.End];
        int from = dump.End;
        for (int left = buffer.Length - 1; from > dump.First; from--)
        {
            left -= PrintedBytes(lines[from - 1]);
            if (left < 0)
            {
                break;
            }
        }

        dump.End = from;
        foreach (ref readonly LogLine line in lines[from..])
        {
            length += Print(line, buffer[length..]);
        }

        buffer[length] = 0;
        return true;
    }

    /// <summary>Bytes of a line as a dump shows it: prefix and newline for each line of its text.</summary>
    /// <param name="line">The line.</param>
    /// <returns>The bytes.</returns>
    public int PrintedBytes(in LogLine line)
    {
        Span<byte> cut = stackalloc byte[RecordBytesMax];
        ReadOnlySpan<char> text = TextOf(line);
        int textBytes = TextBytes(line, text, cut);
        int textLines = text.Contains('\n') ? CountLines(line, text, cut) : 1;
        return (PrefixBytes(line) * textLines) + textBytes + 1;
    }

    /// <summary>Writes a line as a dump shows it.</summary>
    /// <param name="line">The line.</param>
    /// <param name="target">At least <see cref="PrintedBytes"/>.</param>
    /// <returns>The bytes written.</returns>
    public int Print(in LogLine line, Span<byte> target)
    {
        int at = PrintPrefix(line, target);
        ReadOnlySpan<char> text = TextOf(line);
        if (!text.Contains('\n') && !MayBeCut(text))
        {
            at += Encoding.UTF8.GetBytes(text, target[at..]);
            target[at++] = (byte)'\n';
            return at;
        }

        Span<byte> bytes = stackalloc byte[RecordBytesMax];
        bytes = bytes[..Encode(line, text, bytes)];
        for (int newline = bytes.IndexOf((byte)'\n'); newline >= 0; newline = bytes.IndexOf((byte)'\n'))
        {
            bytes[..(newline + 1)].CopyTo(target[at..]);
            at += newline + 1;
            at += PrintPrefix(line, target[at..]);
            bytes = bytes[(newline + 1)..];
        }

        bytes.CopyTo(target[at..]);
        at += bytes.Length;
        target[at++] = (byte)'\n';
        return at;
    }

    /// <summary>Bytes that a line takes in the data ring.</summary>
    internal static int BlockBytes(in LogLine line)
    {
        Span<byte> cut = stackalloc byte[RecordBytesMax];
        int reserved = TextBytes(line, TextOf(line), cut) + PrefixBytesOfFormat(line) + 2;
        return (BlockIdBytes + Math.Min(reserved, RecordBytesMax) + BlockIdBytes - 1) & -BlockIdBytes;
    }

    private static int PrefixBytesOfFormat(in LogLine line) => line.Facility == 0 ? LevelPrefixBytes : 0;

    /// <summary>The text without the newline that vprintk_store takes off its end.</summary>
    private static ReadOnlySpan<char> TextOf(in LogLine line) => line.Text is [.. , '\n'] ? line.Text.AsSpan()[..^1] : line.Text;

    private static bool MayBeCut(ReadOnlySpan<char> text) => text.Length * 3 > RecordBytesMax - 1 - LevelPrefixBytes;

    private static int TextBytes(in LogLine line, ReadOnlySpan<char> text, Span<byte> scratch) =>
        MayBeCut(text) ? Encode(line, text, scratch) : Encoding.UTF8.GetByteCount(text);

    private static int Encode(in LogLine line, ReadOnlySpan<char> text, Span<byte> target)
    {
        Utf8.FromUtf16(text, target[..(RecordBytesMax - 1 - PrefixBytesOfFormat(line))], out _, out int bytes);
        return bytes;
    }

    private static int CountLines(in LogLine line, ReadOnlySpan<char> text, Span<byte> scratch) =>
        1 + scratch[..Encode(line, text, scratch)].Count((byte)'\n');

    private static int PriorityOf(in LogLine line) => (line.Facility << 3) | (int)line.Level;

    private static int Digits(ulong value)
    {
        int digits = 1;
        for (; value >= 10; value /= 10)
        {
            digits++;
        }

        return digits;
    }

    private static void WriteDigits(Span<byte> target, ulong value, byte fill)
    {
        for (int i = target.Length - 1; i >= 0; i--)
        {
            target[i] = value != 0 || i == target.Length - 1 ? (byte)('0' + (value % 10)) : fill;
            value /= 10;
        }
    }

    private int PrefixBytes(in LogLine line) =>
        Digits((ulong)PriorityOf(line)) + 2 + (_timeStamps ? Math.Max(Digits(line.Ticks / TicksPerSecond), 5) + MicrosecondDigits + 4 : 0);

    /// <summary>The prefix of the system log: priority, and seconds as %5lu with six decimals.</summary>
    private int PrintPrefix(in LogLine line, Span<byte> target)
    {
        int digits = Digits((ulong)PriorityOf(line));
        target[0] = (byte)'<';
        WriteDigits(target.Slice(1, digits), (ulong)PriorityOf(line), (byte)'0');
        target[digits + 1] = (byte)'>';
        int at = digits + 2;
        if (!_timeStamps)
        {
            return at;
        }

        ulong seconds = line.Ticks / TicksPerSecond;
        digits = Math.Max(Digits(seconds), 5);
        target[at++] = (byte)'[';
        WriteDigits(target.Slice(at, digits), seconds, (byte)' ');
        at += digits;
        target[at++] = (byte)'.';
        WriteDigits(target.Slice(at, MicrosecondDigits), line.Ticks % TicksPerSecond / TicksPerMicrosecond, (byte)'0');
        at += MicrosecondDigits;
        target[at++] = (byte)']';
        target[at++] = (byte)' ';
        return at;
    }

    /// <summary>Takes the lines printed since the last time into the ring (prb_reserve): each makes room for itself first.</summary>
    private void CatchUp()
    {
        ReadOnlySpan<LogLine> lines = _log.LineSpan;
        ulong ringBytes = 1UL << _sizeLog2;
        int descriptors = 1 << (_sizeLog2 - DescriptorAverageBytesLog2);
        for (; _stored < lines.Length; _stored++)
        {
            ulong next = Behind(_head, BlockBytes(lines[_stored]));
            while (_oldest < _stored && (_tail + ringBytes < next || _stored - _oldest >= descriptors))
            {
                _tail = Behind(_tail, BlockBytes(lines[_oldest++]));
            }

            _head = next;
        }
    }

    /// <summary>Where the block behind one begins (get_next_lpos).</summary>
    private ulong Behind(ulong begin, int blockBytes)
    {
        ulong end = begin + (ulong)blockBytes;
        return begin >> _sizeLog2 == (end - 1) >> _sizeLog2 ? end : (end >> _sizeLog2 << _sizeLog2) + (ulong)blockBytes;
    }
}

/// <summary>Where a dump of the log stands (struct kmsg_dump_iter): lines from <see cref="First"/> to before <see cref="End"/> are still to come.</summary>
/// <param name="first">Index of the oldest line that may be taken.</param>
/// <param name="end">Index behind the newest.</param>
public struct KmsgDumpIterator(int first, int end)
{
    /// <summary>The oldest line that may be taken (cur_seq).</summary>
    public int First { get; internal set; } = first;

    /// <summary>Behind the newest line not yet handed out (next_seq).</summary>
    public int End { get; internal set; } = end;
}
