namespace KhoActors.Subsystems.Memory;

/// <summary>
/// Simulated RAM as one owner may touch it: reads go everywhere, writes only to its own pages. Remembers the last block it wrote to.
/// </summary>
public sealed class OwnedMemory
{
    private readonly PhysicalMemory _memory;
    private readonly PageAllocator _allocator;
    private ulong _startPfn;
    private ulong _endPfn;
    private ulong _changes;

    /// <summary>A view.</summary>
    /// <param name="memory">The RAM.</param>
    /// <param name="allocator">Knows the owners.</param>
    /// <param name="owner">Whose view it is; <see cref="PageOwner.Memblock"/> may write what was never given to the page allocator.</param>
    public OwnedMemory(PhysicalMemory memory, PageAllocator allocator, PageOwner owner)
    {
        _memory = memory;
        _allocator = allocator;
        Owner = owner;
    }

    /// <summary>Whose view it is.</summary>
    public PageOwner Owner { get; }

    /// <summary>All RAM, for reading.</summary>
    public PhysicalMemory Memory => _memory;

    /// <summary>Reads a little-endian word anywhere.</summary>
    /// <param name="phys">Physical address.</param>
    /// <returns>The value.</returns>
    public ulong ReadUInt64(ulong phys) => _memory.ReadUInt64(phys);

    /// <summary>Copies memory out, from anywhere.</summary>
    /// <param name="phys">First physical address.</param>
    /// <param name="destination">Receives the bytes.</param>
    public void Read(ulong phys, Span<byte> destination) => _memory.Read(phys, destination);

    /// <summary>Whether pages hold a pattern, to the last byte; anybody may look.</summary>
    /// <param name="startPfn">First page.</param>
    /// <param name="pages">How many.</param>
    /// <param name="pattern">The pattern expected from <paramref name="startPfn"/> on.</param>
    /// <param name="firstBadPfn">The first page that differs.</param>
    /// <returns>True when every word matches.</returns>
    public bool Holds(ulong startPfn, ulong pages, PagePattern pattern, out ulong firstBadPfn) => _memory.Holds(startPfn, pages, pattern, out firstBadPfn);

    /// <summary>Writes a little-endian word.</summary>
    /// <param name="phys">Physical address.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="PageOwnershipException">Somebody else's page.</exception>
    public void WriteUInt64(ulong phys, ulong value)
    {
        Require(PageGeometry.PfnOf(phys), PageGeometry.PfnOf(phys + sizeof(ulong) - 1) + 1);
        _memory.WriteUInt64(phys, value);
    }

    /// <summary>Copies bytes into memory.</summary>
    /// <param name="phys">First physical address.</param>
    /// <param name="source">The bytes.</param>
    /// <exception cref="PageOwnershipException">A page of somebody else; nothing was written.</exception>
    public void Write(ulong phys, ReadOnlySpan<byte> source)
    {
        if (!source.IsEmpty)
        {
            Require(PageGeometry.PfnOf(phys), PageGeometry.PfnOf(phys + (ulong)source.Length - 1) + 1);
            _memory.Write(phys, source);
        }
    }

    /// <summary>The words of one's own page, for writing.</summary>
    /// <param name="pfn">Page frame number.</param>
    /// <returns>512 words, valid until the page is dropped.</returns>
    /// <exception cref="PageOwnershipException">Somebody else's page.</exception>
    public ulong[] WritablePage(ulong pfn)
    {
        Require(pfn, pfn + 1);
        return _memory.WritablePage(pfn);
    }

    /// <summary>The bytes of a page of the owner for writing.</summary>
    /// <param name="pfn">Page frame number.</param>
    /// <returns>4096 bytes, valid until the page is dropped.</returns>
    /// <exception cref="PageOwnershipException">It belongs to somebody else.</exception>
    public Span<byte> WritablePageBytes(ulong pfn)
    {
        Require(pfn, pfn + 1);
        return _memory.WritablePageBytes(pfn);
    }

    /// <summary>Makes one's own pages read as zero.</summary>
    /// <param name="startPfn">First page.</param>
    /// <param name="pages">How many.</param>
    /// <exception cref="PageOwnershipException">A page of somebody else; nothing was changed.</exception>
    public void Zero(ulong startPfn, ulong pages)
    {
        Require(startPfn, startPfn + pages);
        _memory.Zero(startPfn, pages);
    }

    /// <summary>Fills one's own pages with a pattern.</summary>
    /// <param name="startPfn">First page.</param>
    /// <param name="pages">How many.</param>
    /// <param name="pattern">The pattern.</param>
    /// <exception cref="PageOwnershipException">A page of somebody else; nothing was changed.</exception>
    public void Fill(ulong startPfn, ulong pages, PagePattern pattern)
    {
        Require(startPfn, startPfn + pages);
        _memory.Fill(startPfn, pages, pattern);
    }

    /// <summary>Checks that pages are one's own without touching them.</summary>
    /// <param name="startPfn">First page.</param>
    /// <param name="endPfn">One past the last page.</param>
    /// <exception cref="PageOwnershipException">A page of somebody else.</exception>
    public void Require(ulong startPfn, ulong endPfn)
    {
        if (startPfn >= _startPfn && endPfn <= _endPfn && _changes == _allocator.Changes)
        {
            return;
        }

        for (ulong pfn = startPfn; pfn < endPfn; pfn = _endPfn)
        {
            _changes = _allocator.Changes;
            PageOwner owner = _allocator.OwnerOfRun(pfn, out _startPfn, out ulong runEnd);
            if (owner != Owner)
            {
                (_startPfn, _endPfn) = (0, 0);
                throw new PageOwnershipException("is written", PageGeometry.PhysOf(pfn), Owner, owner);
            }

            _endPfn = runEnd;
        }
    }
}
