namespace KhoActors.Host.Runs;

/// <summary>Files that the user asks for: whole or not at all.</summary>
internal static class OutputFile
{
    /// <summary>Writes a file under a name of its own first, so that a failure leaves what was there before.</summary>
    /// <param name="path">Where to; a file there is replaced.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="UsageException">The path cannot be a file.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        RequireFreePath(path);
        string partial = $"{path}.partial-{Environment.ProcessId}";
        try
        {
            using (FileStream stream = new(partial, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                write(stream);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    /// <summary>Makes sure that a path can be that of a new file.</summary>
    /// <param name="path">The path.</param>
    /// <exception cref="UsageException">It is a folder, or there is no folder for it.</exception>
    public static void RequireFreePath(string path)
    {
        if (path.Length == 0 || Directory.Exists(path))
        {
            throw new UsageException($"-o '{path}': a file is expected, this is a folder");
        }

        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder))
        {
            throw new UsageException($"-o '{path}': there is no folder {folder}");
        }
    }
}
