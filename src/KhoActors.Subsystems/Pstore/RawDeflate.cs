using ICSharpCode.SharpZipLib.Zip.Compression;

namespace KhoActors.Subsystems.Pstore;

/// <summary>
/// Raw deflate as pstore uses it: no zlib header, window of 32 KiB, default level, in one shot (fs/pstore/platform.c). Compression is a pinned
/// managed implementation, so that the bytes are the same on every runtime; they differ from the kernel's zlib, whose text they inflate to.
/// </summary>
internal sealed class RawDeflate
{
    // The coder reports the end of a stream only while it has room left.
    private const int Slack = 16;

    private Deflater? _deflater;
    private byte[] _output = [];

    /// <summary>Compresses a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="limitBytes">What the compressed data may take.</param>
    /// <returns>The compressed data, valid until the next call; empty when it does not fit.</returns>
    public ReadOnlySpan<byte> Compress(ArraySegment<byte> text, int limitBytes)
    {
        _deflater ??= new Deflater(Deflater.DEFAULT_COMPRESSION, noZlibHeaderOrFooter: true);
        _deflater.Reset();
        _deflater.SetInput(text.Array!, text.Offset, text.Count);
        _deflater.Finish();
        int room = limitBytes + Slack;
        byte[] output = OutputOf(room);
        int length = 0;
        while (length < room && !_deflater.IsFinished)
        {
            int step = _deflater.Deflate(output, length, room - length);
            if (step == 0)
            {
                break;
            }

            length += step;
        }

        return _deflater.IsFinished && length <= limitBytes ? output.AsSpan(0, length) : default;
    }

    /// <summary>Inflates data; what follows the end of the stream does not matter.</summary>
    /// <param name="data">The data, from anywhere: hostile.</param>
    /// <param name="limitBytes">The most that the text may take.</param>
    /// <param name="text">The text, valid until the next call; empty on failure.</param>
    /// <returns>A result of <see cref="RawInflate"/>.</returns>
    public int Inflate(ReadOnlySpan<byte> data, int limitBytes, out ReadOnlySpan<byte> text)
    {
        byte[] output = OutputOf(limitBytes);
        int result = RawInflate.Run(data, output.AsSpan(0, limitBytes), out int length);
        text = result == RawInflate.StreamEnd ? output.AsSpan(0, length) : default;
        return result;
    }

    private byte[] OutputOf(int bytes)
    {
        if (_output.Length < bytes)
        {
            _output = new byte[bytes];
        }

        return _output;
    }
}
