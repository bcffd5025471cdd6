using System.Buffers.Binary;
using System.Globalization;
using static KhoActors.Subsystems.Fdt.FdtFormat;

namespace KhoActors.Subsystems.Fdt;

/// <summary>How <see cref="FdtDts"/> prints.</summary>
public enum FdtDtsStyle
{
    /// <summary>What <c>dtc -I dtb -O dts</c> prints: numbers as big-endian cells, so that KHO's little-endian ones look swapped.</summary>
    Plain,

    /// <summary>The same with a comment that shows each value of 4 or 8 bytes as the little-endian number that KHO stores.</summary>
    NativeNumbers,
}

/// <summary>
/// Prints a blob as device tree source. The blob is hostile: printing stops at the first defect, at 64 nested nodes (the depth that a
/// kernel unflattens) or after 4 MiB of text, with a comment that says so.
/// </summary>
public static class FdtDts
{
    private const int MaxDepth = 64;
    private const int MaxCharacters = 4 << 20;

    /// <summary>Prints a blob.</summary>
    /// <param name="fdt">The blob, or its page.</param>
    /// <param name="output">Where to; lines end with a line feed.</param>
    /// <param name="style">Whether numbers are explained.</param>
    /// <returns>0, or the negative code of the defect at which it stopped.</returns>
    public static int Print(ReadOnlySpan<byte> fdt, TextWriter output, FdtDtsStyle style = FdtDtsStyle.Plain)
    {
        ArgumentNullException.ThrowIfNull(output);
        var text = new Text(output);
        text.Write("/dts-v1/;\n\n");
        var result = FdtReader.CheckHeader(fdt);
        if (result == 0)
        {
            var view = new FdtView(fdt);
            PrintReservations(fdt, view, text);
            result = PrintTree(view, text, style);
        }

        if (result < 0)
        {
            text.Write(string.Create(CultureInfo.InvariantCulture, $"/* stops here: {FdtError.Symbol(result)} ({result}) */\n"));
        }

        return result;
    }

    private static void PrintReservations(ReadOnlySpan<byte> fdt, FdtView view, Text text)
    {
        var map = (int)Read(fdt, Field.ReserveMapOffset);
        var count = view.ReservationCount();
        for (var index = 0; index < count && text.HasRoom; index++)
        {
            var entry = fdt[(map + (index * ReservationBytes))..];
            var address = BinaryPrimitives.ReadUInt64BigEndian(entry);
            var size = BinaryPrimitives.ReadUInt64BigEndian(entry[8..]);
            text.Write(string.Create(CultureInfo.InvariantCulture, $"/memreserve/\t0x{address:x16} 0x{size:x16};\n"));
        }
    }

    private static int PrintTree(FdtView view, Text text, FdtDtsStyle style)
    {
        var depth = 0;
        var next = 0;
        while (text.HasRoom)
        {
            var offset = next;
            var tag = view.NextTag(offset, out next);
            if (next < 0)
            {
                return next;
            }

            var result = tag switch
            {
                BeginNode => Open(view, text, offset, ref depth),
                EndNode => Close(text, ref depth),
                Property => depth == 0 ? -FdtError.BadStructure : PrintProperty(view, text, offset, depth, style),
                End when depth != 0 => -FdtError.BadStructure,
                _ => 0,
            };

            if (result < 0 || tag == End)
            {
                return result;
            }
        }

        return -FdtError.NoSpace;
    }

    private static int Open(FdtView view, Text text, int node, ref int depth)
    {
        var result = view.NodeName(node, out var name);
        if (result < 0 || depth == MaxDepth)
        {
            return result < 0 ? result : -FdtError.BadStructure;
        }

        if (depth > 0)
        {
            text.Write("\n");
        }

        text.Indent(depth++);
        text.WriteName(name.IsEmpty ? "/"u8 : name);
        text.Write(" {\n");
        return 0;
    }

    private static int Close(Text text, ref int depth)
    {
        if (depth == 0)
        {
            return -FdtError.BadStructure;
        }

        text.Indent(--depth);
        text.Write("};\n");
        return 0;
    }

    private static int PrintProperty(FdtView view, Text text, int property, int depth, FdtDtsStyle style)
    {
        var result = view.Strings.String(Read(view.Structure, property + NameOffsetInProperty), out var name);
        if (result < 0)
        {
            return result;
        }

        var value = view.Value(property);
        text.Indent(depth);
        text.WriteName(name);
        if (!value.IsEmpty)
        {
            text.Write(" = ");
            PrintValue(text, value);
        }

        text.Write(";");
        if (style == FdtDtsStyle.NativeNumbers && !name.SequenceEqual("compatible"u8))
        {
            PrintNativeNumber(text, value);
        }

        text.Write("\n");
        return 0;
    }

    private static void PrintNativeNumber(Text text, ReadOnlySpan<byte> value)
    {
        if (value.Length == sizeof(ulong))
        {
            text.Write(string.Create(CultureInfo.InvariantCulture, $" /* u64 0x{BinaryPrimitives.ReadUInt64LittleEndian(value):x} */"));
        }
        else if (value.Length == sizeof(uint))
        {
            text.Write(string.Create(CultureInfo.InvariantCulture, $" /* u32 0x{BinaryPrimitives.ReadUInt32LittleEndian(value):x} */"));
        }
    }

    private static void PrintValue(Text text, ReadOnlySpan<byte> value)
    {
        if (LooksLikeStrings(value))
        {
            PrintStrings(text, value);
        }
        else if (value.Length % sizeof(uint) == 0)
        {
            PrintCells(text, value);
        }
        else
        {
            PrintBytes(text, value);
        }
    }

    // dtc's guess: printable, NUL at the end, and no more NULs than characters.
    private static bool LooksLikeStrings(ReadOnlySpan<byte> value)
    {
        var ends = value.Count((byte)0);
        if (value[^1] != 0 || ends > value.Length - ends)
        {
            return false;
        }

        foreach (var character in value)
        {
            if (character is not (0 or (>= 7 and <= 13) or (>= 32 and <= 126)))
            {
                return false;
            }
        }

        return true;
    }

    private static void PrintStrings(Text text, ReadOnlySpan<byte> value)
    {
        text.Write("\"");
        foreach (var character in value[..^1])
        {
            text.Write(character switch
            {
                0 => "\", \"",
                7 => "\\a",
                8 => "\\b",
                9 => "\\t",
                10 => "\\n",
                11 => "\\v",
                12 => "\\f",
                13 => "\\r",
                (byte)'\\' => "\\\\",
                (byte)'"' => "\\\"",
                _ => ((char)character).ToString(),
            });
        }

        text.Write("\"");
    }

    private static void PrintCells(Text text, ReadOnlySpan<byte> value)
    {
        for (var offset = 0; offset < value.Length && text.HasRoom; offset += sizeof(uint))
        {
            text.Write(offset == 0 ? "<" : " ");
            text.Write(string.Create(CultureInfo.InvariantCulture, $"0x{Read(value, offset):x2}"));
        }

        text.Write(">");
    }

    private static void PrintBytes(Text text, ReadOnlySpan<byte> value)
    {
        for (var offset = 0; offset < value.Length && text.HasRoom; offset++)
        {
            text.Write(offset == 0 ? "[" : " ");
            text.Write(value[offset].ToString("x2", CultureInfo.InvariantCulture));
        }

        text.Write("]");
    }

    /// <summary>The output with its limit.</summary>
    private sealed class Text(TextWriter output)
    {
        private int characters;

        public bool HasRoom => characters < MaxCharacters;

        public void Write(string text)
        {
            characters += text.Length;
            output.Write(text);
        }

        // Names come from outside: what is not printable becomes '?', so that no terminal is at their mercy.
        public void WriteName(ReadOnlySpan<byte> name)
        {
            var shown = name[..Math.Min(name.Length, MaxCharacters)];
            characters += shown.Length;
            foreach (var character in shown)
            {
                output.Write(character is >= 32 and <= 126 ? (char)character : '?');
            }
        }

        public void Indent(int depth)
        {
            characters += depth;
            for (var level = 0; level < depth; level++)
            {
                output.Write('\t');
            }
        }
    }
}
