using System.Numerics;
using Microsoft.Win32.SafeHandles;

namespace KhoActors.Nodes.Fleet;

/// <summary>Machines that do not fit into memory cannot be written to their temporary file or read from it: the disk is full, for example.</summary>
public sealed class SpillException : Exception
{
    /// <summary>Says why.</summary>
    /// <param name="message">One sentence: which folder, what was tried, what the system says.</param>
    /// <param name="inner">What the system said.</param>
    public SpillException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

/// <summary>
/// A temporary file of slots, nameless from the moment it is opened where the system allows that, so that nothing of it outlives its
/// process. Slots come in classes a quarter apart, and a free one is used again before the file grows: it never has more slots of a class
/// than were taken at one time. Reading and writing is safe from several workers; taking and freeing slots is not.
/// </summary>
internal sealed class SpillFile : IDisposable
{
    private const int UnitBytes = 256;
    private const int StepsOfDoubling = 4;
    private const int StepBits = 2;
    private const int Classes = (31 - 8) * StepsOfDoubling;
    private readonly string _folder;
    private readonly Stack<long>?[] _free = new Stack<long>?[Classes];
    private FileStream? _stream;
    private SafeFileHandle? _file;

    /// <summary>Names a place; the file comes with its first slot.</summary>
    /// <param name="folder">The folder of the file.</param>
    public SpillFile(string folder) => _folder = folder;

    /// <summary>Bytes from the file's beginning to the end of its last slot.</summary>
    public long SizeBytes { get; private set; }

    /// <summary>Takes a slot.</summary>
    /// <param name="length">Bytes that it shall hold, at least 1.</param>
    /// <returns>Offset of the slot.</returns>
    /// <exception cref="SpillException">The file cannot be made.</exception>
    public long Take(int length)
    {
        (int index, long slotBytes) = ClassOf(length);
        if (_free[index] is { Count: > 0 } free)
        {
            return free.Pop();
        }

        _file ??= Open();
        long offset = SizeBytes;
        SizeBytes += slotBytes;
        return offset;
    }

    /// <summary>Gives a slot back.</summary>
    /// <param name="offset">Its offset.</param>
    /// <param name="length">The length that it was taken for.</param>
    public void Free(long offset, int length) => (_free[ClassOf(length).Index] ??= new Stack<long>()).Push(offset);

    /// <summary>Writes into a slot from its beginning.</summary>
    /// <param name="offset">Offset of the slot.</param>
    /// <param name="bytes">Not more than the slot was taken for.</param>
    /// <exception cref="SpillException">The system could not write, for example because the disk is full.</exception>
    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        try
        {
            RandomAccess.Write(_file!, bytes, offset);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Unusable("written", failure);
        }
    }

    /// <summary>Reads a slot from its beginning.</summary>
    /// <param name="offset">Offset of the slot.</param>
    /// <param name="bytes">Receives as many bytes as it has room for.</param>
    /// <exception cref="SpillException">The system could not read, or the file is shorter than it was.</exception>
    public void Read(long offset, Span<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                int read = RandomAccess.Read(_file!, bytes, offset);
                if (read == 0)
                {
                    throw new EndOfStreamException($"it ends at byte {offset}");
                }

                bytes = bytes[read..];
                offset += read;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Unusable("read", failure);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stream?.Dispose();

    /// <summary>Number of a length's class and bytes of its slots: quarters between powers of two, so that a fifth of a slot is wasted at most.</summary>
    private static (int Index, long SlotBytes) ClassOf(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        uint units = Math.Max(((uint)length + UnitBytes - 1) / UnitBytes, StepsOfDoubling);
        int shift = BitOperations.Log2(units) - StepBits;
        uint steps = (units + (1u << shift) - 1) >> shift;
        return ((shift * StepsOfDoubling) + (int)steps - StepsOfDoubling, ((long)steps << shift) * UnitBytes);
    }

    private SafeFileHandle Open()
    {
        string path = Path.Combine(_folder, $"kho-spill-{Path.GetRandomFileName()}");
        FileStreamOptions options = new()
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            Options = FileOptions.DeleteOnClose | FileOptions.RandomAccess,
            BufferSize = 0,
        };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        try
        {
            _stream = new FileStream(path, options);
            if (!OperatingSystem.IsWindows())
            {
                // Without a name it ends with the process, however that ends. Windows deletes it itself when the last handle is closed.
                File.Delete(path);
            }

            return _stream.SafeFileHandle;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Unusable("made", failure);
        }
    }

    private SpillException Unusable(string what, Exception failure) =>
        new($"the file in {_folder} for machines that do not fit into memory cannot be {what}: {failure.Message}", failure);
}
