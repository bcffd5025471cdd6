using static KhoActors.Subsystems.Fdt.FdtFormat;

namespace KhoActors.Subsystems.Fdt;

/// <summary>The strings block of a hostile blob: the names of its properties, found by offset.</summary>
internal readonly ref struct FdtStrings
{
    private readonly ReadOnlySpan<byte> bytes;
    private readonly uint totalSize;
    private readonly uint offset;
    private readonly uint size;
    private readonly bool unfinished;
    private readonly bool hasSize;
    private readonly int probe;

    /// <param name="fdt">The blob.</param>
    /// <param name="probe">The verdict on its header; when negative, no string can be read.</param>
    public FdtStrings(ReadOnlySpan<byte> fdt, int probe)
    {
        bytes = fdt;
        totalSize = Read(fdt, Field.TotalSize);
        offset = Read(fdt, Field.StringsOffset);
        size = Read(fdt, Field.StringsSize);
        unfinished = Read(fdt, Field.Magic) == UnfinishedMagic;
        hasSize = Read(fdt, Field.Version) >= LastSupportedVersion;
        this.probe = probe;
    }

    /// <summary>The string at an offset of the block.</summary>
    /// <param name="start">The offset.</param>
    /// <param name="text">The string without NUL.</param>
    /// <returns>0 or the negative code.</returns>
    public int String(uint start, out ReadOnlySpan<byte> text)
    {
        var result = Room(start, out text);
        if (result < 0)
        {
            return result;
        }

        var end = text.IndexOf((byte)0);
        if (end < 0)
        {
            text = default;
            return -FdtError.Truncated;
        }

        text = text[..end];
        return 0;
    }

    /// <summary>Whether that string stands at an offset; false also when nothing can be read there.</summary>
    public bool Matches(uint start, scoped ReadOnlySpan<byte> text) =>
        Room(start, out var room) == 0 && room.Length > text.Length && room[text.Length] == 0 && room.StartsWith(text);

    /// <summary>The offset of the last NUL of the block, -1 when there is none: what makes <see cref="Check"/> constant time.</summary>
    public int LastEnd() => Room(0, out var room) == 0 ? room.LastIndexOf((byte)0) : -1;

    /// <summary>Whether a string of a finished blob is good: 0 or the negative code.</summary>
    public int Check(uint start, int lastEnd)
    {
        var result = Room(start, out _);
        return result < 0 ? result : (int)start <= lastEnd ? 0 : -FdtError.Truncated;
    }

    // The bytes in which a string must end. While a blob is written, offsets count backwards from the end.
    private int Room(uint start, out ReadOnlySpan<byte> room)
    {
        room = default;
        if (probe < 0)
        {
            return probe;
        }

        var absolute = unchecked(start + offset);
        if (absolute >= totalSize)
        {
            return -FdtError.BadOffset;
        }

        var length = totalSize - absolute;
        if (unfinished)
        {
            var back = unchecked(0u - start);
            if ((int)start >= 0 || back > size)
            {
                return -FdtError.BadOffset;
            }

            length = Math.Min(length, back);
        }
        else
        {
            if ((int)start < 0 || (hasSize && start >= size))
            {
                return -FdtError.BadOffset;
            }

            length = hasSize ? Math.Min(length, size - start) : length;
        }

        if (absolute >= (uint)bytes.Length)
        {
            return -FdtError.Truncated;
        }

        room = bytes.Slice((int)absolute, (int)Math.Min(length, (uint)bytes.Length - absolute));
        return 0;
    }
}
