using System.Buffers.Binary;
using System.Security.Cryptography;
using KhoActors.Subsystems.Actors;
using Microsoft.Win32.SafeHandles;

namespace KhoActors.Nodes.History;

/// <summary>Reads the parts of a <c>.khist</c> file from front to back, once; finds its way again behind damage.</summary>
internal sealed class HistoryFileReader(SafeFileHandle handle, string path)
{
    private const int ScanBytes = 1 << 16;
    private readonly long _length = RandomAccess.GetLength(handle);
    private readonly byte[] _head = new byte[HistoryFilePart.HeadBytes];
    private long _offset;
    private uint _nextNumber;
    private ulong _slices;
    private (uint Machine, uint FirstGeneration)? _last;
    private bool _isIntact = true;
    private bool _hasEnded;
    private Action<string>? _damage;

    /// <summary>Reads the first part.</summary>
    public StoredRun ReadRun()
    {
        if (ReadMagic() is { } wrong)
        {
            throw new HistoryDamageException(wrong);
        }

        long start = _offset;
        if (!TryReadHead(out HistoryFilePart part) || part is not { Kind: HistoryFilePart.Run, Number: 0 })
        {
            throw new HistoryDamageException($"{path}: byte {start}: the head of part 0, the run, is damaged");
        }

        byte[]? content = ReadContent(part);
        return content is not null
            ? StoredRunCodec.Read(new RecordReader(content, $"{path}: {part.Name}"))
            : throw new HistoryDamageException($"{path}: {part.Name}: damaged, {WhatIsWrongWith(part)}");
    }

    /// <summary>Reads the slices, and compares the hash at the end.</summary>
    public IEnumerable<StoredSlice> ReadSlices(Action<string>? damage)
    {
        _damage = damage;
        if (ReadMagic() is { } wrong)
        {
            Report(wrong);
        }

        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(HistoryFile.Magic);
        while (_offset < _length && !_hasEnded && FindHead(out HistoryFilePart part))
        {
            byte[]? content = ReadContent(part);
            if (content is null)
            {
                Report($"{path}: {part.Name}: damaged, {WhatIsWrongWith(part)}");
                _offset += part.Length;
                continue;
            }

            if (part.Kind == HistoryFilePart.End)
            {
                ReadEnd(part, content, hash);
            }
            else if (IsSlice(part))
            {
                yield return new StoredSlice((int)part.Machine, (int)part.FirstGeneration, content);
            }

            part.Write(_head);
            hash.AppendData(_head);
            hash.AppendData(content);
        }

        if (!_hasEnded)
        {
            Report($"{path}: cut short at byte {_length}: the end is missing, part {_nextNumber} or a later one");
        }
        else if (_offset < _length)
        {
            Report($"{path}: {_length - _offset} bytes follow the end at byte {_offset}");
        }
    }

    private void Report(string what)
    {
        _isIntact = false;
        if (_damage is null)
        {
            throw new HistoryDamageException(what);
        }

        _damage(what);
    }

    private string? ReadMagic()
    {
        Span<byte> first = stackalloc byte[HistoryFile.Magic.Length];
        int read = ReadAt(0, first);
        _offset = read;
        return first[..read].SequenceEqual(HistoryFile.Magic) ? null
            : read < first.Length ? $"{path}: cut short, or no history file: it has {read} bytes"
            : $"{path}: no history file, or damaged: it begins with {Convert.ToHexStringLower(first)}, not with {Convert.ToHexStringLower(HistoryFile.Magic)}";
    }

    /// <summary>The next head, here or behind damage.</summary>
    private bool FindHead(out HistoryFilePart part)
    {
        long start = _offset;
        if (TryReadHead(out part))
        {
            if (part.Number == _nextNumber++)
            {
                return true;
            }

            Report($"{path}: byte {start}: {part.Name} is where part {_nextNumber - 1} should be");
            _nextNumber = part.Number + 1;
            return true;
        }

        if (_length - start < HistoryFilePart.HeadBytes)
        {
            return false;
        }

        Report($"{path}: byte {start}: the head of part {_nextNumber}{Behind()} is damaged");
        return Scan(start + 1, out part);
    }

    private string Behind() => _last is var (machine, generation) ? $", behind machine {machine}, generations from {generation}," : string.Empty;

    /// <summary>Looks for a later part's head at every byte.</summary>
    private bool Scan(long start, out HistoryFilePart part)
    {
        byte[] window = new byte[ScanBytes];
        for (; ; start += ScanBytes - HistoryFilePart.HeadBytes + 1)
        {
            int read = ReadAt(start, window);
            for (int at = 0; at <= read - HistoryFilePart.HeadBytes; at++)
            {
                if (HistoryFilePart.TryRead(window.AsSpan(at), out part) && part.Number > _nextNumber)
                {
                    _offset = start + at + HistoryFilePart.HeadBytes;
                    _nextNumber = part.Number + 1;
                    return true;
                }
            }

            if (read < window.Length)
            {
                part = default;
                return false;
            }
        }
    }

    private bool TryReadHead(out HistoryFilePart part)
    {
        bool isHead = HistoryFilePart.TryRead(_head.AsSpan(0, ReadAt(_offset, _head)), out part);
        _offset += isHead ? HistoryFilePart.HeadBytes : 0;
        return isHead;
    }

    /// <summary>What follows a head, or null when it is not what was written.</summary>
    private byte[]? ReadContent(HistoryFilePart part)
    {
        if (part.Length > _length - _offset)
        {
            return null;
        }

        byte[] content = new byte[part.Length];
        if (ReadAt(_offset, content) < content.Length || Checksum64.Of(content) != part.Checksum)
        {
            return null;
        }

        _offset += part.Length;
        return content;
    }

    private string WhatIsWrongWith(HistoryFilePart part) => part.Length > _length - _offset
        ? $"the file is cut short: {part.Length} bytes are announced at byte {_offset}, {_length - _offset} are left"
        : $"the checksum of bytes {_offset} to {_offset + part.Length - 1} does not match";

    private bool IsSlice(HistoryFilePart part)
    {
        if (part.Kind == HistoryFilePart.Slice)
        {
            if (_last is { } last && (part.Machine, part.FirstGeneration).CompareTo(last) <= 0)
            {
                Report($"{path}: {part.Name} is behind machine {last.Machine}, generations from {last.FirstGeneration}: out of order");
                return false;
            }

            _last = (part.Machine, part.FirstGeneration);
            _slices++;
            return true;
        }

        if (part.Kind < HistoryFilePart.FirstOptional && part is not { Kind: HistoryFilePart.Run, Number: 0 })
        {
            Report($"{path}: {part.Name} is not expected here: damaged, or a later version wrote it");
        }

        return false;
    }

    private void ReadEnd(HistoryFilePart part, byte[] content, IncrementalHash hash)
    {
        _hasEnded = true;
        if (content.Length != HistoryFilePart.EndBytes)
        {
            Report($"{path}: {part.Name}: damaged, it has {content.Length} bytes, {HistoryFilePart.EndBytes} are accepted");
            return;
        }

        ulong slices = BinaryPrimitives.ReadUInt64LittleEndian(content);
        if (_isIntact && slices != _slices)
        {
            Report($"{path}: {_slices} slices were read, {slices} were written");
        }

        if (_isIntact && !hash.GetHashAndReset().AsSpan().SequenceEqual(content.AsSpan(sizeof(ulong))))
        {
            Report($"{path}: the SHA-256 of the first {_offset - part.Length - HistoryFilePart.HeadBytes} bytes does not match, though each part's checksum does");
        }
    }

    private int ReadAt(long offset, Span<byte> target)
    {
        int read = 0;
        try
        {
            for (int more = 1; more > 0 && read < target.Length; read += more)
            {
                more = RandomAccess.Read(handle, target[read..], offset + read);
            }
        }
        catch (Exception failure) when (HistoryFile.IsUnavailable(failure))
        {
            throw new HistoryUnavailableException($"{path}: cannot be read: {failure.Message}", failure);
        }

        return read;
    }
}
