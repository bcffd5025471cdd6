namespace KhoActors.Host;

/// <summary>Reads files that the user names: never more than makes sense, also of a device or of a file that grows.</summary>
internal static class InputFile
{
    private const int ChunkBytes = 64 << 10;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file, as the user wrote it.</param>
    /// <param name="bytesMax">What makes sense.</param>
    /// <param name="kind">What it should be, for the message.</param>
    /// <returns>Its bytes.</returns>
    /// <exception cref="UsageException">There is no such file, it is larger, or it cannot be read.</exception>
    public static byte[] Read(string path, int bytesMax, string kind)
    {
        if (!File.Exists(path))
        {
            throw new UsageException(Directory.Exists(path) ? $"{path} is a folder; {kind} is expected" : $"no file '{path}'");
        }

        try
        {
            return ReadUpTo(path, bytesMax, kind);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{path} cannot be read: {failure.Message}");
        }
    }

    private static byte[] ReadUpTo(string path, int bytesMax, string kind)
    {
        using FileStream file = File.OpenRead(path);
        using MemoryStream content = new();
        byte[] chunk = new byte[ChunkBytes];
        for (int read = file.Read(chunk); read > 0; read = file.Read(chunk))
        {
            content.Write(chunk, 0, read);
            if (content.Length > bytesMax)
            {
                throw new UsageException($"{path} is larger than {kind} can be ({bytesMax} bytes)");
            }
        }

        return content.ToArray();
    }
}
