namespace KhoActors.Subsystems.Pstore;

/// <summary>Buffers and coders of pstore, kept from generation to generation. Whoever takes a buffer for a new backend gets it cleared.</summary>
internal sealed class PstoreWorkspace
{
    private byte[] _buffer = [];
    private byte[] _bigBuffer = [];

    /// <summary>Compresses and inflates.</summary>
    public RawDeflate Deflate { get; } = new();

    /// <summary>The backend's buffer (psinfo->buf), as a new backend finds it.</summary>
    public ArraySegment<byte> TakeBuffer(int bytes) => Take(ref _buffer, bytes);

    /// <summary>The buffer for text that is to be compressed (big_oops_buf), as a new backend finds it.</summary>
    public ArraySegment<byte> TakeBigBuffer(int bytes) => Take(ref _bigBuffer, bytes);

    private static ArraySegment<byte> Take(ref byte[] buffer, int bytes)
    {
        if (buffer.Length < bytes)
        {
            buffer = new byte[bytes];
        }

        // Bytes of an earlier dump can reach a record (the fall-back when text does not compress): they must be this kernel's.
        buffer.AsSpan(0, bytes).Clear();
        return new ArraySegment<byte>(buffer, 0, bytes);
    }
}
