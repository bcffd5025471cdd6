using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.TestKho;

/// <summary>
/// The 32-bit ones-complement sum that csum_partial keeps on x86-64 (arch/x86/lib/csum-partial_64.c): little-endian 64-bit words added with
/// end-around carry, folded to 32 bits the same way. Runs over whole pages of RAM without materialising them.
/// </summary>
public struct InternetChecksum
{
    private ulong _sum;

    /// <summary>The sum so far; 0 only when every byte was 0.</summary>
    public readonly uint Value
    {
        get
        {
            ulong folded = (uint)_sum + (_sum >> 32);
            return (uint)folded + (uint)(folded >> 32);
        }
    }

    /// <summary>Adds the content of pages.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="startPfn">First page.</param>
    /// <param name="pages">How many.</param>
    public void Add(PhysicalMemory memory, ulong startPfn, ulong pages)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ulong end = startPfn + pages;
        for (ulong pfn = startPfn; pfn < end;)
        {
            MemoryExtent background = memory.BackgroundOf(pfn);
            ulong runEnd = Math.Min(background.EndPfn, end);
            if (memory.AnyWritten(pfn, runEnd))
            {
                runEnd = pfn + 1;
            }

            if (memory.WrittenPage(pfn) is { } page)
            {
                Add(page);
            }
            else
            {
                AddBackground(background, pfn, runEnd - pfn);
            }

            pfn = runEnd;
        }
    }

    private void AddBackground(in MemoryExtent background, ulong pfn, ulong pages)
    {
        switch (background.Kind)
        {
            case BackgroundKind.Pattern:
                Add(background.Pattern.Skip(pfn - background.StartPfn), pages);
                break;
            default:
                Add((UInt128)background.WordAt(pfn, 0) * (pages * PageGeometry.Words));
                break;
        }
    }

    private void Add(ReadOnlySpan<ulong> words)
    {
        UInt128 sum = 0;
        foreach (ulong word in words)
        {
            sum += word;
        }

        Add(sum);
    }

    private void Add(PagePattern pattern, ulong pages)
    {
        // The two halves of a word are added apart: no carry to look after, and 2^32 words are more than there are in a machine's folio.
        ulong low = 0, high = 0;
        for (ulong page = 0; page < pages; page++)
        {
            for (int word = 0; word < PageGeometry.Words; word++)
            {
                ulong value = pattern.WordAt(page, word);
                low += (uint)value;
                high += value >> 32;
            }
        }

        Add(low + ((UInt128)high << 32));
    }

    /// <summary>2^64 is 1 with end-around carry. A sum that is not 0 stays so.</summary>
    private void Add(UInt128 sum)
    {
        UInt128 folded = (ulong)sum + (sum >> 64) + _sum;
        folded = (ulong)folded + (folded >> 64);
        _sum = (ulong)folded + (ulong)(folded >> 64);
    }
}
