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
            var document = JsonDocument.Parse(Read(Path), new JsonDocumentOptions { MaxDepth = MaxDepth });
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
    }

    /// <summary>Reads a file that a vector names.</summary>
    /// <param name="folder">Where the vector is.</param>
    /// <param name="name">A file beside it.</param>
    /// <returns>Its bytes.</returns>
    /// <exception cref="VectorFormatException">It cannot be read, is too large or lies in another folder.</exception>
    public static ReadOnlyMemory<byte> ReadBeside(string folder, string name)
    {
        if (name.Length == 0 || name != System.IO.Path.GetFileName(name) || name.Contains('\0', StringComparison.Ordinal))
        {
            throw new VectorFormatException($"'{name}' names no file beside the vector");
        }

        try
        {
            return Read(System.IO.Path.Combine(folder, name));
        }
        catch (VectorFormatException e)
        {
            throw new VectorFormatException($"{name} {e.Message}", e);
        }
    }

    private static string? SuffixOf(string path) => Array.Find(Suffixes, suffix => path.EndsWith(suffix, StringComparison.Ordinal));

    private static string NameOf(string path)
    {
        string name = System.IO.Path.GetFileName(path)[..^SuffixOf(path)!.Length];
        string folder = System.IO.Path.GetFileName(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))) ?? "";
        return $"{folder}/{name}";
    }

    private static ReadOnlyMemory<byte> Read(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            using Stream content = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
            return ReadBounded(content);
        }
        catch (FileNotFoundException e)
        {
            throw new VectorFormatException("is missing", e);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new VectorFormatException($"cannot be read: {e.Message}", e);
        }
    }

    private static ReadOnlyMemory<byte> ReadBounded(Stream content)
    {
        using var bytes = new MemoryStream();
        byte[] buffer = new byte[1 << 16];
        for (int read = content.Read(buffer); read > 0; read = content.Read(buffer))
        {
            if (bytes.Length + read > MaxBytes)
            {
                throw new VectorFormatException($"holds more than {MaxBytes >> 20} MiB");
            }

            bytes.Write(buffer, 0, read);
        }

        return bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
    }
}
