using System.Globalization;
using System.Text;

namespace KhoActors.Host.Reports;

/// <summary>Bytes as <c>hexdump -C</c> prints them: 16 a line, a star for lines that repeat.</summary>
internal static class HexDump
{
    private const int LineBytes = 16;

    /// <summary>Writes bytes.</summary>
    /// <param name="content">The bytes.</param>
    /// <param name="output">Where to; the last line is the length.</param>
    public static void Write(ReadOnlySpan<byte> content, TextWriter output)
    {
        bool isRepeating = false;
        for (int offset = 0; offset < content.Length; offset += LineBytes)
        {
            ReadOnlySpan<byte> line = content.Slice(offset, Math.Min(LineBytes, content.Length - offset));
            if (offset > 0 && line.SequenceEqual(content.Slice(offset - LineBytes, LineBytes)))
            {
                if (!isRepeating)
                {
                    output.WriteLine("*");
                }

                isRepeating = true;
                continue;
            }

            isRepeating = false;
            output.WriteLine(Line(offset, line));
        }

        output.WriteLine(content.Length.ToString("x8", CultureInfo.InvariantCulture));
    }

    private static string Line(int offset, ReadOnlySpan<byte> bytes)
    {
        const int hexColumns = (3 * LineBytes) + 2;
        StringBuilder hex = new(hexColumns);
        StringBuilder text = new(LineBytes);
        for (int i = 0; i < bytes.Length; i++)
        {
            hex.Append(i == LineBytes / 2 ? "  " : " ").Append(bytes[i].ToString("x2", CultureInfo.InvariantCulture));
            text.Append(bytes[i] is >= 0x20 and < 0x7f ? (char)bytes[i] : '.');
        }

        return $"{offset:x8} {hex.ToString().PadRight(hexColumns)} |{text}|";
    }
}
