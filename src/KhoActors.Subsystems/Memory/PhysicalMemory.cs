using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace KhoActors.Subsystems.Memory;

/// <summary>
/// Simulated RAM, sparse: a page is its background (zero, poison, pattern) until it is written, then its bytes. State exists only
/// for written pages and for runs of background, so a machine of any size costs what was touched. Every read is exact. Addresses
/// are below 2^52. It knows nothing of owners or of which addresses are RAM: the memory map does.
/// </summary>
public sealed class PhysicalMemory
{
    /// <summary>A word of a poisoned page: every byte PAGE_POISON, 0xaa (include/linux/poison.h).</summary>
    public const ulong PoisonWord = 0xAAAA_AAAA_AAAA_AAAA;

    private readonly PageTable _pages = new();
    private readonly ExtentMap _background = new();

    /// <summary>How many pages hold bytes of their own.</summary>
    public int WrittenPages => _pages.Count;

    /// <summary>The runs of pages with a background other than zero, ascending.</summary>
    public ReadOnlySpan<MemoryExtent> Background => _background.Extents;

    /// <summary>Page frame numbers of all written pages, ascending.</summary>
    /// <returns>A new array.</returns>
    public ulong[] WrittenPfns() => _pages.SortedKeys();

    /// <summary>Forgets everything: all memory reads zero.</summary>
    public void Clear()
    {
        _pages.Clear();
        _background.Clear();
    }

    /// <summary>The words of a page for writing; the page is materialised with its present content.</summary>
    /// <param name="pfn">Page frame number.</param>
    /// <returns>512 words, valid until the page is dropped (see <see cref="SetGuard"/>).</returns>
    public ulong[] WritablePage(ulong pfn)
    {
        return _pages.Find(pfn) ?? Materialise(pfn);
    }

    /// <summary>
    /// Guards a written page, or ends its guard: whoever keeps the words of a page (a tracker's leaf) learns when somebody else changes them.
    /// </summary>
    /// <param name="pfn">Page frame number; a page without bytes of its own is left alone. A guard ends when the page is dropped.</param>
    /// <param name="guard">Told when the page is written by address, zeroed or dropped; null for nobody.</param>
    public void SetGuard(ulong pfn, IPageGuard? guard) => _pages.SetGuard(pfn, guard);

    /// <summary>The words of a written page.</summary>
    /// <param name="pfn">Page frame number.</param>
    /// <returns>512 words, or null when the page still is its background.</returns>
    public ulong[]? WrittenPage(ulong pfn) => _pages.Find(pfn);

    /// <summary>Whether any page of a range holds bytes of its own; cheaper than asking for each.</summary>
    /// <param name="startPfn">First page.</param>
    /// <param name="endPfn">One past the last page.</param>
    /// <returns>False when all of them still are their background.</returns>
    public bool AnyWritten(ulong startPfn, ulong endPfn) => _pages.AnyIn(startPfn, endPfn);

    /// <summary>The bytes of a page for writing.</summary>
    /// <param name="pfn">Page frame number.</param>
    /// <returns>4096 bytes, valid until the page is dropped.</returns>
    public Span<byte> WritablePageBytes(ulong pfn) => MemoryMarshal.AsBytes(WritablePage(pfn).AsSpan());

    /// <summary>Makes a page read as zero and materialises it: what get_zeroed_page does.</summary>
    /// <param name="pfn">Page frame number.</param>
    /// <returns>Its 512 words, all 0.</returns>
    public ulong[] ZeroPage(ulong pfn)
    {
        if (_pages.Find(pfn) is not { } page)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(pfn, PageGeometry.PfnLimit);
            return _pages.AddZeroed(pfn);
        }

        _pages.Touch(pfn);
        page.AsSpan().Clear();
        return page;
    }

    /// <summary>Reads a little-endian word; it may be unaligned and may cross pages.</summary>
    /// <param name="phys">Physical address.</param>
    /// <returns>The value.</returns>
    public ulong ReadUInt64(ulong phys)
    {
        if ((phys & 7) == 0)
        {
            ulong pfn = PageGeometry.PfnOf(phys);
            int word = (int)(phys & (PageGeometry.SizeBytes - 1)) >> 3;
            return _pages.Find(pfn) is { } page ? page[word] : BackgroundWord(pfn, word);
        }

        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Read(phys, bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Reads a little-endian 32-bit value; it may be unaligned.</summary>
    /// <param name="phys">Physical address.</param>
    /// <returns>The value.</returns>
    public uint ReadUInt32(ulong phys)
    {
        if ((phys & 3) == 0)
        {
            return (uint)(ReadUInt64(phys & ~7UL) >> ((int)(phys & 4) * 8));
        }

        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        Read(phys, bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    /// <summary>Writes a little-endian word; it may be unaligned and may cross pages.</summary>
    /// <param name="phys">Physical address.</param>
    /// <param name="value">The value.</param>
    public void WriteUInt64(ulong phys, ulong value)
    {
        if ((phys & 7) == 0)
        {
            _pages.Touch(PageGeometry.PfnOf(phys));
            WritablePage(PageGeometry.PfnOf(phys))[(int)(phys & (PageGeometry.SizeBytes - 1)) >> 3] = value;
            return;
        }

        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Write(phys, bytes);
    }

    /// <summary>Copies memory out.</summary>
    /// <param name="phys">First physical address.</param>
    /// <param name="destination">Receives the bytes.</param>
    public void Read(ulong phys, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            ulong pfn = PageGeometry.PfnOf(phys);
            int offset = (int)(phys & (PageGeometry.SizeBytes - 1));
            int length = Math.Min(destination.Length, PageGeometry.SizeBytes - offset);
            if (_pages.Find(pfn) is { } page)
            {
                MemoryMarshal.AsBytes(page.AsSpan()).Slice(offset, length).CopyTo(destination);
            }
            else
            {
                ReadBackground(pfn, offset, destination[..length]);
            }

            destination = destination[length..];
            phys += (ulong)length;
        }
    }

    /// <summary>Copies bytes into memory, materialising the pages.</summary>
    /// <param name="phys">First physical address.</param>
    /// <param name="source">The bytes.</param>
    public void Write(ulong phys, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            int offset = (int)(phys & (PageGeometry.SizeBytes - 1));
            int length = Math.Min(source.Length, PageGeometry.SizeBytes - offset);
            _pages.Touch(PageGeometry.PfnOf(phys));
            source[..length].CopyTo(WritablePageBytes(PageGeometry.PfnOf(phys))[offset..]);
            source = source[length..];
            phys += (ulong)length;
        }
    }

    /// <summary>Makes whole pages read as zero.</summary>
    /// <param name="startPfn">First page.</param>
    /// <param name="pages">How many.</param>
    public void Zero(ulong startPfn, ulong pages) => SetBackground(startPfn, pages, BackgroundKind.Zero, default);

    /// <summary>Makes whole pages read as poison: they were freed.</summary>
    /// <param name="startPfn">First page.</param>
    /// <param name="pages">How many.</param>
    public void Poison(ulong startPfn, ulong pages) => SetBackground(startPfn, pages, BackgroundKind.Poison, default);

    /// <summary>Fills whole pages with a pattern, in constant time.</summary>
    /// <param name="startPfn">First page.</param>
    /// <param name="pages">How many.</param>
    /// <param name="pattern">The pattern; its first page lands on <paramref name="startPfn"/>.</param>
    public void Fill(ulong startPfn, ulong pages, PagePattern pattern) =>
        SetBackground(startPfn, pages, BackgroundKind.Pattern, pattern);

    /// <summary>Whether pages hold a pattern, to the last byte. Fast where they were filled and not written since.</summary>
    /// <param name="startPfn">First page.</param>
    /// <param name="pages">How many.</param>
    /// <param name="pattern">The pattern expected from <paramref name="startPfn"/> on.</param>
    /// <param name="firstBadPfn">The first page that differs.</param>
    /// <returns>True when every word matches.</returns>
    public bool Holds(ulong startPfn, ulong pages, PagePattern pattern, out ulong firstBadPfn)
    {
        firstBadPfn = 0;
        ulong end = startPfn + pages;
        for (ulong pfn = startPfn; pfn < end;)
        {
            MemoryExtent extent = BackgroundOf(pfn);
            ulong runEnd = Math.Min(extent.EndPfn, end);
            bool filled = extent.Kind == BackgroundKind.Pattern && extent.From(pfn).Pattern == pattern.Skip(pfn - startPfn);
            if (filled && !_pages.AnyIn(pfn, runEnd))
            {
                pfn = runEnd;
                continue;
            }

            for (; pfn < runEnd; pfn++)
            {
                ulong[]? page = _pages.Find(pfn);
                if ((page is null && filled) || PageHolds(page, extent, pfn, pattern.Skip(pfn - startPfn)))
                {
                    continue;
                }

                firstBadPfn = pfn;
                return false;
            }
        }

        return true;
    }

    /// <summary>The background of a page: what it reads as unless it was written.</summary>
    /// <param name="pfn">Page frame number.</param>
    /// <returns>The extent, or a zero extent of just this page.</returns>
    public MemoryExtent BackgroundOf(ulong pfn) =>
        _background.TryFind(pfn, out MemoryExtent extent) ? extent : new MemoryExtent(pfn, pfn + 1, BackgroundKind.Zero, default);

    private static bool PageHolds(ulong[]? page, in MemoryExtent background, ulong pfn, PagePattern pattern)
    {
        for (int word = 0; word < PageGeometry.Words; word++)
        {
            if ((page is null ? background.WordAt(pfn, word) : page[word]) != pattern.WordAt(0, word))
            {
                return false;
            }
        }

        return true;
    }

    private void SetBackground(ulong startPfn, ulong pages, BackgroundKind kind, PagePattern pattern)
    {
        if (startPfn > PageGeometry.PfnLimit || pages > PageGeometry.PfnLimit - startPfn)
        {
            throw new ArgumentOutOfRangeException(nameof(pages), pages, $"pages from {startPfn:x} on end above 2^52");
        }

        if (pages == 0)
        {
            return;
        }

        _pages.RemoveRange(startPfn, startPfn + pages);
        _background.Set(new MemoryExtent(startPfn, startPfn + pages, kind, pattern));
    }

    private ulong[] Add(ulong pfn)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(pfn, PageGeometry.PfnLimit);
        return _pages.Add(pfn);
    }

    private ulong[] Materialise(ulong pfn)
    {
        MemoryExtent extent = BackgroundOf(pfn);
        ulong[] page = Add(pfn);
        if (extent.Kind != BackgroundKind.Pattern)
        {
            page.AsSpan().Fill(extent.WordAt(pfn, 0));
            return page;
        }

        for (int word = 0; word < page.Length; word++)
        {
            page[word] = extent.WordAt(pfn, word);
        }

        return page;
    }

    private ulong BackgroundWord(ulong pfn, int word) => _background.TryFind(pfn, out MemoryExtent extent) ? extent.WordAt(pfn, word) : 0;

    private void ReadBackground(ulong pfn, int offset, Span<byte> destination)
    {
        MemoryExtent extent = BackgroundOf(pfn);
        if (extent.Kind != BackgroundKind.Pattern)
        {
            destination.Fill((byte)extent.WordAt(pfn, 0));
            return;
        }

        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        for (int i = 0; i < destination.Length;)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, extent.WordAt(pfn, (offset + i) >> 3));
            int skip = (offset + i) & 7;
            int length = Math.Min(sizeof(ulong) - skip, destination.Length - i);
            bytes.Slice(skip, length).CopyTo(destination[i..]);
            i += length;
        }
    }
}
