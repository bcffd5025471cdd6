namespace KhoActors.Nodes.Fleet;

/// <summary>
/// Where machines rest between their turns: snapshots in memory up to a budget, beyond it in a temporary file, so that machines alive can
/// outnumber memory. Safe to use from several workers, one at a time for each machine.
/// </summary>
/// <remarks>
/// Beside its snapshot a machine costs 24 bytes here, and 24 more of an array's header while it rests in memory. A snapshot stays where it
/// was put: what is in memory is not moved out later, as machines take turns and none is needed sooner than another. While a machine's
/// snapshot is exchanged, both exist: memory may hold one more for each worker than the budget says.
/// </remarks>
internal sealed class Hibernation : IDisposable
{
    private readonly Gate _gate = new();
    private readonly Place[] _places;
    private readonly long _memoryBytesMax;
    private readonly SpillFile _file;
    private HibernationFigures _now;
    private HibernationFigures _peak;

    /// <summary>Makes room for a fleet; nobody rests yet.</summary>
    /// <param name="machines">Machines of the fleet.</param>
    /// <param name="memoryBytesMax">Most bytes of snapshots in memory.</param>
    /// <param name="folder">The folder of the temporary file, which is only made when it is needed.</param>
    public Hibernation(int machines, long memoryBytesMax, string folder)
    {
        _places = new Place[machines];
        _memoryBytesMax = memoryBytesMax;
        _file = new SpillFile(folder);
    }

    /// <summary>What rests now.</summary>
    public HibernationFigures Now
    {
        get
        {
            using (_gate.Enter())
            {
                return _now with { FileBytes = _file.SizeBytes };
            }
        }
    }

    /// <summary>The most that ever rested, each figure for itself.</summary>
    public HibernationFigures Peak
    {
        get
        {
            using (_gate.Enter())
            {
                return _peak with { FileBytes = _file.SizeBytes };
            }
        }
    }

    /// <summary>Whether a machine rests here.</summary>
    /// <param name="machine">Its number.</param>
    /// <returns>True when it has a snapshot.</returns>
    public bool Holds(int machine) => _places[machine].Length > 0;

    /// <summary>Lays a machine to rest, in the place of its older snapshot.</summary>
    /// <param name="machine">Its number.</param>
    /// <param name="snapshot">The machine; copied. Not empty.</param>
    /// <exception cref="SpillException">It had to go into the file, which cannot be written; the older snapshot is kept.</exception>
    public void Put(int machine, ReadOnlySpan<byte> snapshot)
    {
        ArgumentOutOfRangeException.ThrowIfZero(snapshot.Length, nameof(snapshot));
        Place old = _places[machine];
        Place place = Exchange(old, snapshot.Length);
        if (place.InMemory)
        {
            place.Bytes = snapshot.ToArray();
        }
        else
        {
            Write(place, snapshot, old);
        }

        _places[machine] = place;
        FreeSlot(old);
    }

    /// <summary>Reads a machine's snapshot, which stays where it is.</summary>
    /// <param name="machine">Its number; it rests here.</param>
    /// <param name="buffer">The worker's own buffer; grown when a snapshot from the file does not fit.</param>
    /// <returns>The snapshot: valid until the buffer is used again.</returns>
    /// <exception cref="SpillException">It is in the file, which cannot be read.</exception>
    public ReadOnlyMemory<byte> Read(int machine, ref byte[] buffer)
    {
        Place place = _places[machine];
        if (place.Length == 0)
        {
            throw new InvalidOperationException($"machine {machine} does not rest here");
        }

        if (place.Bytes is { } bytes)
        {
            return bytes;
        }

        if (buffer.Length < place.Length)
        {
            buffer = new byte[Math.Max(place.Length, buffer.Length * 2)];
        }

        _file.Read(place.Offset, buffer.AsSpan(0, place.Length));
        return buffer.AsMemory(0, place.Length);
    }

    /// <summary>Forgets a machine's snapshot, if there is one.</summary>
    /// <param name="machine">Its number.</param>
    public void Remove(int machine)
    {
        Place old = _places[machine];
        _places[machine] = default;
        using (_gate.Enter())
        {
            Count(old, -1);
        }

        FreeSlot(old);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>
    /// Room for a snapshot in exchange for an older one: in memory when the budget allows it, else in the file. The older one is no longer
    /// counted, but keeps its slot until the new one is written.
    /// </summary>
    private Place Exchange(Place old, int length)
    {
        using (_gate.Enter())
        {
            long room = _memoryBytesMax - _now.MemoryBytes + (old.InMemory ? old.Length : 0);
            Place place = new() { Length = length, Offset = length <= room ? Place.Memory : _file.Take(length) };
            Count(old, -1);
            Count(place, 1);
            _peak = _peak with
            {
                MemoryBytes = Math.Max(_peak.MemoryBytes, _now.MemoryBytes),
                SpilledBytes = Math.Max(_peak.SpilledBytes, _now.SpilledBytes),
            };
            return place;
        }
    }

    private void Write(Place place, ReadOnlySpan<byte> snapshot, Place old)
    {
        try
        {
            _file.Write(place.Offset, snapshot);
        }
        catch (SpillException)
        {
            using (_gate.Enter())
            {
                Count(place, -1);
                Count(old, 1);
            }

            FreeSlot(place);
            throw;
        }
    }

    private void FreeSlot(Place place)
    {
        if (place.Length > 0 && !place.InMemory)
        {
            using (_gate.Enter())
            {
                _file.Free(place.Offset, place.Length);
            }
        }
    }

    private void Count(Place place, int sign)
    {
        long bytes = (long)sign * place.Length;
        _now = place.InMemory
            ? _now with { MemoryBytes = _now.MemoryBytes + bytes }
            : _now with { SpilledBytes = _now.SpilledBytes + bytes };
    }

    /// <summary>Where a snapshot is. Without a length there is none.</summary>
    private struct Place
    {
        public const long Memory = -1;

        public byte[]? Bytes;
        public long Offset;
        public int Length;

        public readonly bool InMemory => Length > 0 && Offset == Memory;
    }
}

/// <summary>What machines take that rest between their turns.</summary>
/// <param name="MemoryBytes">Bytes of snapshots in memory.</param>
/// <param name="SpilledBytes">Bytes of snapshots in the temporary file.</param>
/// <param name="FileBytes">Size of the temporary file, unused slots included.</param>
public readonly record struct HibernationFigures(long MemoryBytes, long SpilledBytes, long FileBytes);
