using System.IO.Compression;
using System.Text.Json;

namespace KhoActors.Nodes.Conformance;

/// <summary>A file that may hold a recorded vector: <c>NAME.json</c> or <c>NAME.json.gz</c>.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="CaseName">Folder and name, for example <c>v2-radix/hand-empty</c>.</param>
internal sealed record VectorFile(string Path, string CaseName)
{
    private const int MaxBytes = 64 << 20;
    private const int MaxDepth = 64;
    private const int MaxFolderDepth = 8;
    private static readonly string[] Suffixes = [".json.gz", ".json"];

    /// <summary>The list of all vectors, which is none itself.</summary>
    private const string IndexName = "index.json";

    /// <summary>The vectors below a folder in ordinal order of their paths.</summary>
    /// <param name="directory">The folder.</param>
    /// <returns>The files.</returns>
    public static IReadOnlyList<VectorFile> Find(string directory)
    {
        var options = new EnumerationOptions
        {
            RecurseSubdirectories = true,
            MaxRecursionDepth = MaxFolderDepth,
            AttributesToSkip = FileAttributes.ReparsePoint,
        };
        return
        [
            .. Directory.EnumerateFiles(directory, "*", options)
                .Where(path => SuffixOf(path) is not null && System.IO.Path.GetFileName(path) != IndexName)
                .Order(StringComparer.Ordinal)
                .Select(path => new VectorFile(path, NameOf(path))),
        ];
    }

    /// <summary>Parses the file.</summary>
    /// <returns>The document; its root is an object.</returns>
    /// <exception cref="VectorFormatException">It cannot be read, is too large or is no JSON object.</exception>
    public JsonDocument Parse()
    {
        try
        {
            var document = JsonDocument.Parse(ReadBytes(), new JsonDocumentOptions { MaxDepth = MaxDepth });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return document;
            }

            document.Dispose();
            throw new VectorFormatException("not a vector: the root must be an object");
        }
        catch (JsonException e)
        {
            throw new VectorFormatException($"not valid JSON: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new VectorFormatException($"cannot be read: {e.Message}", e);
        }
    }

    private static string? SuffixOf(string path) => Array.Find(Suffixes, suffix => path.EndsWith(suffix, StringComparison.Ordinal));

    private static string NameOf(string path)
    {
        string name = System.IO.Path.GetFileName(path)[..^SuffixOf(path)!.Length];
        string folder = System.IO.Path.GetFileName(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))) ?? "";
        return $"{folder}/{name}";
    }

    private ReadOnlyMemory<byte> ReadBytes()
    {
        using FileStream file = File.OpenRead(Path);
        using Stream content = Path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using var bytes = new MemoryStream();
        byte[] buffer = new byte[1 << 16];
        for (int read = content.Read(buffer); read > 0; read = content.Read(buffer))
        {
            if (bytes.Length + read > MaxBytes)
            {
                throw new VectorFormatException($"more than {MaxBytes >> 20} MiB");
            }

            bytes.Write(buffer, 0, read);
        }

        return bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
    }
}
