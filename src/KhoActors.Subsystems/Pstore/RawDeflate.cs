using ICSharpCode.SharpZipLib;
using ICSharpCode.SharpZipLib.Zip.Compression;

namespace KhoActors.Subsystems.Pstore;

/// <summary>
/// Raw deflate as pstore uses it: no zlib header, window of 32 KiB, default level, in one shot (fs/pstore/platform.c). A pinned managed
/// implementation, so that the bytes are the same on every runtime; they differ from the kernel's zlib, whose text they inflate to.
/// </summary>
internal sealed class RawDeflate
{
    /// <summary>Z_STREAM_END: inflate reached the end of the stream.</summary>
    public const int StreamEnd = 1;

    /// <summary>Z_DATA_ERROR: the data is no deflate stream.</summary>
    public const int DataError = -3;

    /// <summary>Z_BUF_ERROR: the input ends early, or the output does not fit.</summary>
    public const int BufferError = -5;

    // The managed coder reports the end of a stream only while it has room left.
    private const int Slack = 16;

    private Deflater? _deflater;
    private Inflater? _inflater;
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
        byte[] output = OutputOf(limitBytes);
        int room = limitBytes + Slack;
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
    /// <returns><see cref="StreamEnd"/>, <see cref="DataError"/> or <see cref="BufferError"/>.</returns>
    public int Inflate(byte[] data, int limitBytes, out ReadOnlySpan<byte> text)
    {
        text = default;
        _inflater ??= new Inflater(noHeader: true);
        _inflater.Reset();
        _inflater.SetInput(data);
        byte[] output = OutputOf(limitBytes);
        int room = limitBytes + Slack;
        int length = 0;
        try
        {
            while (length < room && !_inflater.IsFinished)
            {
                int step = _inflater.Inflate(output, length, room - length);
                if (step == 0)
                {
                    break;
                }

                length += step;
            }
        }
        catch (SharpZipBaseException)
        {
            return DataError;
        }

        if (!_inflater.IsFinished || length > limitBytes)
        {
            return BufferError;
        }

        text = output.AsSpan(0, length);
        return StreamEnd;
    }

    private byte[] OutputOf(int limitBytes)
    {
        if (_output.Length < limitBytes + Slack)
        {
            _output = new byte[limitBytes + Slack];
        }

        return _output;
    }
}
