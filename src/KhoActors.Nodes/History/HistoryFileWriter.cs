using System.Buffers.Binary;
using System.Security.Cryptography;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.History;

/// <summary>Writes the parts of a <c>.khist</c> file one after another.</summary>
internal sealed class HistoryFileWriter(Stream target) : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private uint _parts;
    private ulong _slices;
    private (int Machine, int FirstGeneration) _last = (-1, 0);

    public void Begin(StoredRun run)
    {
        Put(HistoryFile.Magic);
        SnapshotWriter content = new();
        StoredRunCodec.Write(content, run);
        PutPart(HistoryFilePart.Run, content.Written);
    }

    public void Add(StoredSlice slice)
    {
        if ((slice.Machine, slice.FirstGeneration).CompareTo(_last) <= 0)
        {
            throw new ArgumentException(
                $"Machine {slice.Machine}, generation {slice.FirstGeneration} does not follow machine {_last.Machine}, generation {_last.FirstGeneration}.");
        }

        _last = (slice.Machine, slice.FirstGeneration);
        _slices++;
        PutPart(HistoryFilePart.Slice, slice.Encoded.Span, slice.Machine, slice.FirstGeneration);
    }

    public void End()
    {
        Span<byte> content = stackalloc byte[HistoryFilePart.EndBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(content, _slices);
        _hash.GetHashAndReset(content[sizeof(ulong)..]);
        PutPart(HistoryFilePart.End, content);
    }

    public void Dispose() => _hash.Dispose();

    private void PutPart(byte kind, ReadOnlySpan<byte> content, int machine = 0, int firstGeneration = 0)
    {
        if (content.Length > HistoryFilePart.LengthMax)
        {
            throw new ArgumentException($"A part of {content.Length} bytes is too long for a history file, at most {HistoryFilePart.LengthMax} are accepted.");
        }

        Span<byte> head = stackalloc byte[HistoryFilePart.HeadBytes];
        new HistoryFilePart(kind, _parts++, (uint)machine, (uint)firstGeneration, (uint)content.Length, Checksum64.Of(content)).Write(head);
        Put(head);
        Put(content);
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        target.Write(bytes);
        _hash.AppendData(bytes);
    }
}
