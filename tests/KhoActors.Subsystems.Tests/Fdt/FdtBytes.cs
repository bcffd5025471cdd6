using System.Globalization;

namespace KhoActors.Subsystems.Tests.Fdt;

/// <summary>Blobs in the notation of hex dumps, and a generator whose seed a failure names.</summary>
internal static class FdtBytes
{
    /// <summary>Bytes from lines of hex pairs; text in double quotes stands for its characters, a dot in it for NUL.</summary>
    public static byte[] Parse(string dump)
    {
        var bytes = new List<byte>();
        for (var position = 0; position < dump.Length;)
        {
            if (dump[position] == '"')
            {
                var end = dump.IndexOf('"', position + 1);
                bytes.AddRange(dump[(position + 1)..end].Select(character => character == '.' ? (byte)0 : (byte)character));
                position = end + 1;
            }
            else if (char.IsWhiteSpace(dump[position]))
            {
                position++;
            }
            else
            {
                bytes.Add(byte.Parse(dump.AsSpan(position, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                position += 2;
            }
        }

        return [.. bytes];
    }

    /// <summary>The blob at the start of a page.</summary>
    public static byte[] Blob(byte[] page) => page[..(int)KhoActors.Subsystems.Fdt.FdtReader.TotalSize(page)];
}

/// <summary>What random FDTs are made of: the seed in a failure message repeats it.</summary>
internal sealed class Draws(ulong seed)
{
    private readonly SplitMix64 random = new(seed);

    /// <summary>A number from 0 to <paramref name="limit"/> - 1.</summary>
    public int Next(int limit) => (int)random.Below((ulong)limit);

    /// <summary>Bytes.</summary>
    public byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        for (var index = 0; index < count; index++)
        {
            bytes[index] = (byte)Next(256);
        }

        return bytes;
    }
}
