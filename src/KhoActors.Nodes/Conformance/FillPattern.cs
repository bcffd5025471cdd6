using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>How much of a region's pattern a booted kernel finds.</summary>
/// <param name="Pages">Pages that user space had filled; 0 when it had filled none.</param>
/// <param name="InCapture">Of these, pages whose bytes were captured.</param>
/// <param name="Intact">Of those, pages that hold the pattern after the boot.</param>
public readonly record struct FillPatternResult(ulong Pages, ulong InCapture, ulong Intact);

/// <summary>
/// The pattern that user space wrote into reserve_mem regions of captured machines: page i, counted from the region's start whatever its
/// alignment, holds the text <c>KHOSIM label tag page i</c> in 64 bytes, then the little-endian words k = 8..511 of value (i shifted left by 32) | k.
/// </summary>
internal static class FillPattern
{
    private const int TextBytes = 64;
    private const string FirstTag = "g0";

    /// <summary>Looks for the newest pattern of a region in RAM.</summary>
    /// <param name="start">How the kernel was started.</param>
    /// <param name="memory">RAM after the boot.</param>
    /// <param name="region">The region.</param>
    /// <returns>What was found.</returns>
    public static FillPatternResult Check(CapturedStart start, PhysicalMemory memory, in MemblockFdtEntry region)
    {
        ulong phys = region.Start;
        ulong end = phys + region.SizeBytes;
        CaptureAction? fill = start.Predecessor?.Capture.Generations
            .Where(generation => generation.Number <= start.Predecessor.Number)
            .SelectMany(generation => generation.Description.Actions)
            .LastOrDefault(action => action.Kind == "fill-pattern" && action.Phys == phys);
        if (fill is null || start.Pages is not { } pages)
        {
            return default;
        }

        // The last page of an unaligned region is not preserved as a whole: it was written once and then left alone.
        ulong count = Math.Min(region.SizeBytes, fill.SizeBytes) >> PageGeometry.Shift;
        count -= count > 0 && phys % PageGeometry.SizeBytes != 0 && fill.Tag != FirstTag ? 1UL : 0;
        ulong captured = 0;
        ulong intact = 0;
        foreach (CapturePage page in pages.Pages.Where(page => page.Phys + PageGeometry.SizeBytes > phys && page.Phys < end))
        {
            // Every page of the pattern is counted at the captured page that holds its first byte.
            ulong index = (page.Phys + PageGeometry.SizeBytes - 1 - phys) >> PageGeometry.Shift;
            ulong first = phys + (index << PageGeometry.Shift);
            if (index < count && pages.Holds(first) && pages.Holds(first + PageGeometry.SizeBytes - 1))
            {
                captured++;
                intact += Holds(memory, first, fill, index) ? 1UL : 0;
            }
        }

        return new FillPatternResult(count, captured, intact);
    }

    /// <summary>Writes one page of the pattern.</summary>
    public static void Write(Span<byte> page, string label, string tag, ulong index)
    {
        page.Clear();
        string text = string.Create(CultureInfo.InvariantCulture, $"KHOSIM {label} {tag} page {index}");
        Encoding.Latin1.GetBytes(text.AsSpan(0, Math.Min(text.Length, TextBytes)), page);
        for (int word = TextBytes / sizeof(ulong); word < PageGeometry.Words; word++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(page[(word * sizeof(ulong))..], (index << 32) | (uint)word);
        }
    }

    private static bool Holds(PhysicalMemory memory, ulong phys, CaptureAction fill, ulong index)
    {
        Span<byte> expected = stackalloc byte[PageGeometry.SizeBytes];
        Span<byte> found = stackalloc byte[PageGeometry.SizeBytes];
        Write(expected, fill.Label, fill.Tag, index);
        memory.Read(phys, found);
        return expected.SequenceEqual(found);
    }
}
