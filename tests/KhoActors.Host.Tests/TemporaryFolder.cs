namespace KhoActors.Host.Tests;

/// <summary>A folder with a space in its path that goes with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kho tests ");

    /// <summary>Its path.</summary>
    public string Path => _folder.FullName;

    /// <summary>A path below it.</summary>
    public string this[string path] => System.IO.Path.Combine(Path, path);

    /// <summary>Writes a file and the folders above it.</summary>
    public string Write(string path, string text)
    {
        string full = this[path];
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
        return full;
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
