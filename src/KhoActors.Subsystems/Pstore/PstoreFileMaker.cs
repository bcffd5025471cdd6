namespace KhoActors.Subsystems.Pstore;

/// <summary>Makes files of records (decompress_record, pstore_mkfile): the reading kernel's buffer size limits what may be inflated.</summary>
/// <param name="log">Receives complaints.</param>
/// <param name="workspace">Buffers.</param>
/// <param name="bufferBytes">The largest record of the reading kernel's backend.</param>
/// <param name="inflates">Whether compression is on in the reading kernel.</param>
internal readonly struct PstoreFileMaker(KernelLog log, PstoreWorkspace workspace, int bufferBytes, bool inflates)
{
    /// <summary>The most that a record may inflate to.</summary>
    /// <param name="bufferBytes">The reading kernel's largest record.</param>
    /// <returns>Bytes.</returns>
    public static int InflateLimitBytes(int bufferBytes) => 3 * bufferBytes;

    /// <summary>Makes a file.</summary>
    /// <param name="backend">The backend's name.</param>
    /// <param name="record">A record with data.</param>
    /// <param name="nowSeconds">Real time.</param>
    /// <returns>The file: text, or what was stored when that cannot be inflated.</returns>
    public PstoreFile Make(string backend, in ReadRecord record, long nowSeconds)
    {
        byte[]? text = record.Fields.Compressed != 0 ? Inflate(record.Data) : null;
        bool stillCompressed = record.Fields.Compressed != 0 && text is null;
        return new PstoreFile(backend, record, text ?? record.Data, stillCompressed, nowSeconds);
    }

    private byte[]? Inflate(byte[] data)
    {
        if (!inflates)
        {
            log.Write(LogLevel.Warning, "pstore: no decompression method initialized!");
            return null;
        }

        int result = workspace.Deflate.Inflate(data, InflateLimitBytes(bufferBytes), out ReadOnlySpan<byte> text);
        if (result == RawInflate.StreamEnd)
        {
            return text.ToArray();
        }

        log.Write(LogLevel.Error, $"pstore: zlib_inflate() failed, ret = {result}!");
        return null;
    }
}
