using System.Buffers.Binary;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs;

/// <summary>What a write stores: the pattern of a seed, or a text.</summary>
public readonly ref struct TmpfsContent
{
    private readonly PagePattern _pattern;
    private readonly ReadOnlySpan<char> _text;
    private readonly ulong _textOffset;

    private TmpfsContent(PagePattern pattern, ReadOnlySpan<char> text, ulong textOffset, bool isPattern)
    {
        _pattern = pattern;
        _text = text;
        _textOffset = textOffset;
        IsPattern = isPattern;
    }

    /// <summary>Whether it is a pattern.</summary>
    public bool IsPattern { get; }

    /// <summary>A pattern: byte i of the file is byte i of the seed's endless pattern, wherever the write starts.</summary>
    /// <param name="seed">The seed.</param>
    /// <returns>The content.</returns>
    public static TmpfsContent Pattern(ulong seed) => new(new PagePattern(seed, 0), default, 0, isPattern: true);

    /// <summary>A text.</summary>
    /// <param name="text">A character a byte.</param>
    /// <param name="offset">Where in the file its first byte goes.</param>
    /// <returns>The content.</returns>
    public static TmpfsContent Text(ReadOnlySpan<char> text, ulong offset) => new(default, text, offset, isPattern: false);

    /// <summary>The pattern of one page of the file.</summary>
    /// <param name="index">Its place: file offset / 4096.</param>
    /// <returns>The pattern.</returns>
    public PagePattern PatternOf(ulong index) => _pattern.Skip(index);

    /// <summary>Copies a part out.</summary>
    /// <param name="offset">File offset of the first byte; a text must cover it.</param>
    /// <param name="destination">Receives the bytes.</param>
    public void CopyTo(ulong offset, Span<byte> destination)
    {
        if (!IsPattern)
        {
            ReadOnlySpan<char> source = _text.Slice((int)(offset - _textOffset), destination.Length);
            for (int i = 0; i < source.Length; i++)
            {
                destination[i] = (byte)source[i];
            }

            return;
        }

        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        while (!destination.IsEmpty)
        {
            int skip = (int)(offset & 7);
            int length = Math.Min(sizeof(ulong) - skip, destination.Length);
            int word = (int)(offset & (PageGeometry.SizeBytes - 1)) >> 3;
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, _pattern.WordAt(offset >> PageGeometry.Shift, word));
            bytes.Slice(skip, length).CopyTo(destination);
            destination = destination[length..];
            offset += (ulong)length;
        }
    }
}
