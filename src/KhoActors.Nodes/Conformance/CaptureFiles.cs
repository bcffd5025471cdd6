using System.IO.Compression;
using System.Text;

namespace KhoActors.Nodes.Conformance;

/// <summary>Files of a capture, read whole and within limits: a capture comes from elsewhere and may be hostile.</summary>
/// <param name="root">Folder of the case.</param>
internal sealed class CaptureFiles(string root)
{
    /// <summary>Largest plain file in bytes.</summary>
    public const int PlainBytesMax = 32 << 20;

    /// <summary>Largest content of a gzip file in bytes.</summary>
    public const int InflatedBytesMax = 256 << 20;

    /// <summary>Most entries of one folder that are looked at.</summary>
    public const int EntriesMax = 10_000;

    /// <summary>Whether a file exists.</summary>
    public bool Exists(string relative) => File.Exists(Full(relative));

    /// <summary>Whether a folder exists.</summary>
    public bool FolderExists(string relative) => Directory.Exists(Full(relative));

    /// <summary>Names of the files of a folder, in ordinal order; none when the folder does not exist.</summary>
    public IReadOnlyList<string> FileNames(string relative) => Names(relative, Directory.EnumerateFiles);

    /// <summary>Names of the folders of a folder, in ordinal order; none when the folder does not exist.</summary>
    public IReadOnlyList<string> FolderNames(string relative) => Names(relative, Directory.EnumerateDirectories);

    /// <summary>Bytes of a plain file.</summary>
    public byte[] Bytes(string relative) => Guard(relative, () =>
    {
        using FileStream stream = File.OpenRead(Full(relative));
        return ReadAll(stream, PlainBytesMax, relative);
    });

    /// <summary>Content of a gzip file.</summary>
    public byte[] Inflated(string relative) => Guard(relative, () =>
    {
        using FileStream stream = File.OpenRead(Full(relative));
        if (stream.Length > InflatedBytesMax)
        {
            throw new CaptureFormatException(relative, string.Empty, $"is larger than {InflatedBytesMax} bytes");
        }

        using GZipStream gzip = new(stream, CompressionMode.Decompress);
        byte[] content = ReadAll(gzip, InflatedBytesMax, relative);
        if (content.Length == 0)
        {
            throw new CaptureFormatException(relative, string.Empty, "is empty or not gzip");
        }

        return content;
    });

    /// <summary>Text of a plain file; bytes that are no UTF-8 become replacement characters.</summary>
    public string Text(string relative) => Encoding.UTF8.GetString(Bytes(relative));

    /// <summary>Lines of a plain file, without empty ones at its end.</summary>
    public string[] Lines(string relative) => SplitLines(Text(relative));

    /// <summary>Splits text into lines, without empty ones at its end.</summary>
    public static string[] SplitLines(string text) => text.TrimEnd('\n', '\r').Split('\n');

    private string Full(string relative) => Path.Combine(root, relative);

    private string[] Names(string relative, Func<string, IEnumerable<string>> enumerate)
    {
        if (!FolderExists(relative))
        {
            return [];
        }

        return Guard(relative, () =>
        {
            string[] names = [.. enumerate(Full(relative)).Take(EntriesMax + 1).Select(path => Path.GetFileName(path))];
            if (names.Length > EntriesMax)
            {
                throw new CaptureFormatException(relative, string.Empty, $"has more than {EntriesMax} entries");
            }

            Array.Sort(names, string.CompareOrdinal);
            return names;
        });
    }

    private static byte[] ReadAll(Stream stream, int bytesMax, string relative)
    {
        using MemoryStream content = new();
        byte[] chunk = new byte[64 << 10];
        for (int read = stream.Read(chunk); read > 0; read = stream.Read(chunk))
        {
            if (content.Length + read > bytesMax)
            {
                throw new CaptureFormatException(relative, string.Empty, $"holds more than {bytesMax} bytes");
            }

            content.Write(chunk, 0, read);
        }

        return content.ToArray();
    }

    private static T Guard<T>(string relative, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CaptureFormatException(relative, string.Empty, "is missing", problem);
        }
        catch (Exception problem) when (problem is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new CaptureFormatException(relative, string.Empty, $"cannot be read: {problem.Message}", problem);
        }
    }
}
