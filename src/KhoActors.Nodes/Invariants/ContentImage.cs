using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Invariants;

/// <summary>A run of pages and what they held: a computed background, or the hash of one written page.</summary>
/// <param name="StartPfn">First page.</param>
/// <param name="Pages">How many.</param>
/// <param name="IsWritten">True for one written page with <paramref name="Hash"/>; false for a background.</param>
/// <param name="Hash">Hash of the page's words.</param>
/// <param name="Kind">The background's kind.</param>
/// <param name="Pattern">The background's pattern, from <paramref name="StartPfn"/> on.</param>
public readonly record struct ContentRun(ulong StartPfn, ulong Pages, bool IsWritten, ulong Hash, BackgroundKind Kind, PagePattern Pattern);

/// <summary>
/// What pages held at the jump, remembered outside the machine, and the comparison after the next boot. It looks at RAM only: it knows
/// no tracker, no allocator and no FDT.
/// </summary>
public static class ContentImage
{
    /// <summary>Remembers what a range holds.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="startPfn">First page.</param>
    /// <param name="pages">How many.</param>
    /// <param name="runs">Receives the runs, appended in address order.</param>
    public static void Capture(PhysicalMemory memory, ulong startPfn, ulong pages, List<ContentRun> runs)
    {
        ulong end = startPfn + pages;
        for (ulong pfn = startPfn; pfn < end;)
        {
            if (memory.WrittenPage(pfn) is { } words)
            {
                runs.Add(new ContentRun(pfn, 1, true, HashOf(words), BackgroundKind.Zero, default));
                pfn++;
                continue;
            }

            MemoryExtent extent = memory.BackgroundOf(pfn);
            ulong stop = EndOfUnwritten(memory, pfn, Math.Min(end, extent.EndPfn));
            PagePattern pattern = extent.Kind == BackgroundKind.Pattern ? extent.Pattern.Skip(pfn - extent.StartPfn) : default;
            runs.Add(new ContentRun(pfn, stop - pfn, false, 0, extent.Kind, pattern));
            pfn = stop;
        }
    }

    /// <summary>Whether RAM still holds a run, to the last byte for backgrounds and by 64-bit hash for written pages.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="run">What was remembered.</param>
    /// <param name="firstBadPfn">The first page that differs.</param>
    /// <returns>True when it does.</returns>
    public static bool Holds(PhysicalMemory memory, in ContentRun run, out ulong firstBadPfn)
    {
        firstBadPfn = run.StartPfn;
        if (run.IsWritten)
        {
            return HashOfPage(memory, run.StartPfn) == run.Hash;
        }

        if (run.Kind == BackgroundKind.Pattern)
        {
            return memory.Holds(run.StartPfn, run.Pages, run.Pattern, out firstBadPfn);
        }

        ulong expected = run.Kind == BackgroundKind.Poison ? PhysicalMemory.PoisonWord : 0;
        ulong end = run.StartPfn + run.Pages;
        for (ulong pfn = run.StartPfn; pfn < end; pfn++)
        {
            MemoryExtent extent = memory.BackgroundOf(pfn);
            if (extent.Kind == run.Kind && memory.WrittenPage(pfn) is null)
            {
                pfn = EndOfUnwritten(memory, pfn, Math.Min(end, extent.EndPfn)) - 1;
                continue;
            }

            for (int word = 0; word < PageGeometry.Words; word++)
            {
                if (memory.ReadUInt64(PageGeometry.PhysOf(pfn) + ((ulong)word << 3)) != expected)
                {
                    firstBadPfn = pfn;
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>Where a run of pages without bytes of their own ends: it starts with a page that has none.</summary>
    private static ulong EndOfUnwritten(PhysicalMemory memory, ulong pfn, ulong limit)
    {
        if (!memory.AnyWritten(pfn, limit))
        {
            return limit;
        }

        ulong stop = pfn + 1;
        while (stop < limit && memory.WrittenPage(stop) is null)
        {
            stop++;
        }

        return stop;
    }

    private static ulong HashOfPage(PhysicalMemory memory, ulong pfn)
    {
        if (memory.WrittenPage(pfn) is { } words)
        {
            return HashOf(words);
        }

        MemoryExtent extent = memory.BackgroundOf(pfn);
        Span<ulong> page = stackalloc ulong[PageGeometry.Words];
        for (int word = 0; word < page.Length; word++)
        {
            page[word] = extent.WordAt(pfn, word);
        }

        return HashOf(page);
    }

    private static ulong HashOf(ReadOnlySpan<ulong> words)
    {
        // Four independent lanes: the multiply chain is what costs, and a page is hashed for every claim at every jump.
        ulong a = 1, b = 2, c = 3, d = 4;
        for (int i = 0; i < words.Length; i += 4)
        {
            a = (a ^ words[i]) * 0x9E3779B97F4A7C15UL;
            b = (b ^ words[i + 1]) * 0xBF58476D1CE4E5B9UL;
            c = (c ^ words[i + 2]) * 0x94D049BB133111EBUL;
            d = (d ^ words[i + 3]) * 0xD6E8FEB86659FD93UL;
            a ^= a >> 32;
            b ^= b >> 29;
            c ^= c >> 31;
            d ^= d >> 30;
        }

        return (((((a * 31) ^ b) * 0x9E3779B97F4A7C15UL) ^ c) * 0xBF58476D1CE4E5B9UL) ^ d;
    }
}
