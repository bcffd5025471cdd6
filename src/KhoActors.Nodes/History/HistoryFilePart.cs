using System.Buffers.Binary;
using System.Security.Cryptography;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.History;

/// <summary>
/// The head of one part of a <c>.khist</c> file. It has a checksum of its own, so that damage behind it can be named and passed over, and a
/// number, so that a reader that lost its way finds the next one.
/// </summary>
/// <param name="Kind">What the part holds.</param>
/// <param name="Number">Its number in the file, from 0.</param>
/// <param name="Machine">Of a slice: the machine; else 0.</param>
/// <param name="FirstGeneration">Of a slice: the first generation; else 0.</param>
/// <param name="Length">Bytes that follow the head.</param>
/// <param name="Checksum">Of these bytes.</param>
internal readonly record struct HistoryFilePart(byte Kind, uint Number, uint Machine, uint FirstGeneration, uint Length, ulong Checksum)
{
    /// <summary>What the run depends on; the first part.</summary>
    public const byte Run = 1;

    /// <summary>One slice.</summary>
    public const byte Slice = 2;

    /// <summary>The last part: how many slices there are, and the hash of all that is before it.</summary>
    public const byte End = 3;

    /// <summary>From here on, kinds that a reader who does not know them passes over.</summary>
    public const byte FirstOptional = 128;

    /// <summary>Bytes of a head.</summary>
    public const int HeadBytes = CheckedBytes + Checksum64.SizeBytes;

    /// <summary>Most bytes behind a head.</summary>
    public const int LengthMax = 1 << 26;

    /// <summary>Bytes of the end: the number of slices, and the hash.</summary>
    public const int EndBytes = sizeof(ulong) + SHA256.HashSizeInBytes;

    private const int NumberAt = 1;
    private const int MachineAt = 5;
    private const int FirstGenerationAt = 9;
    private const int LengthAt = 13;
    private const int ChecksumAt = 17;
    private const int CheckedBytes = 25;

    /// <summary>How messages call the part.</summary>
    public string Name => Kind switch
    {
        Run => $"part {Number}, the run",
        Slice => $"part {Number}, machine {Machine}, generations from {FirstGeneration}",
        End => $"part {Number}, the end",
        _ => $"part {Number}, of kind {Kind}",
    };

    public void Write(Span<byte> target)
    {
        target[0] = Kind;
        BinaryPrimitives.WriteUInt32LittleEndian(target[NumberAt..], Number);
        BinaryPrimitives.WriteUInt32LittleEndian(target[MachineAt..], Machine);
        BinaryPrimitives.WriteUInt32LittleEndian(target[FirstGenerationAt..], FirstGeneration);
        BinaryPrimitives.WriteUInt32LittleEndian(target[LengthAt..], Length);
        BinaryPrimitives.WriteUInt64LittleEndian(target[ChecksumAt..], Checksum);
        BinaryPrimitives.WriteUInt64LittleEndian(target[CheckedBytes..], Checksum64.Of(target[..CheckedBytes]));
    }

    /// <summary>Reads a head.</summary>
    /// <returns>False when these bytes are none.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out HistoryFilePart part)
    {
        part = default;
        if (source.Length < HeadBytes || BinaryPrimitives.ReadUInt64LittleEndian(source[CheckedBytes..]) != Checksum64.Of(source[..CheckedBytes]))
        {
            return false;
        }

        part = new HistoryFilePart(
            source[0],
            BinaryPrimitives.ReadUInt32LittleEndian(source[NumberAt..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[MachineAt..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[FirstGenerationAt..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[LengthAt..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[ChecksumAt..]));
        return part is { Kind: > 0, Machine: <= int.MaxValue, FirstGeneration: <= int.MaxValue, Length: <= LengthMax };
    }
}
