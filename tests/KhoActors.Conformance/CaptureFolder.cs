using System.IO.Compression;
using System.Text;

namespace KhoActors.Conformance;

/// <summary>A private copy of a captured case that a test may damage; deleted when the test ends.</summary>
internal sealed class CaptureFolder : IDisposable
{
    private readonly string _parent = Directory.CreateTempSubdirectory("khoactors-capture-").FullName;

    /// <summary>Copies a case, with the kernels beside it.</summary>
    public CaptureFolder(string name)
    {
        Path = System.IO.Path.Combine(_parent, name);
        string source = System.IO.Path.Combine(Fixtures.Real, name);
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string target = System.IO.Path.Combine(Path, System.IO.Path.GetRelativePath(source, file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
            // Not File.Copy: the fixtures may be read-only, the copies must not be.
            File.WriteAllBytes(target, File.ReadAllBytes(file));
        }

        File.WriteAllBytes(System.IO.Path.Combine(_parent, "kernels.json"), File.ReadAllBytes(System.IO.Path.Combine(Fixtures.Real, "kernels.json")));
    }

    /// <summary>The case folder.</summary>
    public string Path { get; }

    /// <summary>Path of a file of the case.</summary>
    public string Full(string relative) => System.IO.Path.Combine(Path, relative);

    /// <summary>Replaces text in a file; the text must be there.</summary>
    public CaptureFolder Replace(string relative, string old, string replacement)
    {
        string text = File.ReadAllText(Full(relative));
        Assert.Contains(old, text, StringComparison.Ordinal);
        File.WriteAllText(Full(relative), text.Replace(old, replacement, StringComparison.Ordinal));
        return this;
    }

    /// <summary>Replaces Latin-1 text in a file of bytes; the text must be there.</summary>
    public CaptureFolder ReplaceBytes(string relative, string old, string replacement)
    {
        string content = Encoding.Latin1.GetString(File.ReadAllBytes(Full(relative)));
        Assert.Contains(old, content, StringComparison.Ordinal);
        File.WriteAllBytes(Full(relative), Encoding.Latin1.GetBytes(content.Replace(old, replacement, StringComparison.Ordinal)));
        return this;
    }

    /// <summary>Replaces text inside a gzip file.</summary>
    public CaptureFolder ReplaceInflated(string relative, Func<string, string> change)
    {
        using MemoryStream content = new();
        using (GZipStream gzip = new(File.OpenRead(Full(relative)), CompressionMode.Decompress))
        {
            gzip.CopyTo(content);
        }

        return Compress(relative, change(Encoding.UTF8.GetString(content.ToArray())));
    }

    /// <summary>Writes a gzip file.</summary>
    public CaptureFolder Compress(string relative, string text)
    {
        using GZipStream gzip = new(File.Create(Full(relative)), CompressionLevel.Fastest);
        gzip.Write(Encoding.UTF8.GetBytes(text));
        return this;
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_parent, recursive: true);
}
