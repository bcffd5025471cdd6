using System.Runtime.InteropServices;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Memory;

/// <summary>
/// RAM in a snapshot: runs of background, then the written pages as runs of words that differ from zero or from the background,
/// whichever is fewer; a run is zero, or has its words, in
/// variable length when that is shorter. Written pages that equal their background are left out: they read the same.
/// </summary>
public static class MemorySnapshot
{
    /// <summary>Largest number of background runs accepted when reading.</summary>
    public const int MaxExtents = 1 << 22;

    /// <summary>Largest number of written pages accepted when reading: 1 GiB.</summary>
    public const int MaxPages = 1 << 18;

    /// <summary>Below this many significant bits a word, on average, variable length is shorter than 8 bytes.</summary>
    private const int ShortBitsPerWord = 48;

    private static readonly PfnRange[] Everything = [new(0, PageGeometry.PfnLimit)];

    /// <summary>How a run of words is held.</summary>
    private enum RunForm
    {
        Raw = 0,
        Zero = 1,
        Short = 2,
    }

    /// <summary>Writes all RAM.</summary>
    /// <param name="memory">The RAM.</param>
    /// <param name="writer">Receives it.</param>
    public static void Write(PhysicalMemory memory, SnapshotWriter writer) => Write(memory, writer, Everything);

    /// <summary>Writes some RAM; the rest reads zero when it is read back.</summary>
    /// <param name="memory">The RAM.</param>
    /// <param name="writer">Receives it.</param>
    /// <param name="kept">The pages that must survive: ascending, disjoint.</param>
    public static void Write(PhysicalMemory memory, SnapshotWriter writer, ReadOnlySpan<PfnRange> kept)
    {
        WriteExtents(memory.Background, writer, kept);
        WritePages(memory, writer, kept);
    }

    /// <summary>Reads RAM back; what the RAM held is forgotten.</summary>
    /// <param name="memory">Receives it; of undefined content when this throws.</param>
    /// <param name="reader">The snapshot, at the place where <see cref="Write(PhysicalMemory, SnapshotWriter)"/> began.</param>
    /// <exception cref="SnapshotFormatException">Truncated, not ascending, above 2^52, or too large.</exception>
    public static void Read(PhysicalMemory memory, SnapshotReader reader)
    {
        memory.Clear();
        ReadExtents(memory, reader);
        ReadPages(memory, reader);
    }

    private static void WriteExtents(ReadOnlySpan<MemoryExtent> extents, SnapshotWriter writer, ReadOnlySpan<PfnRange> kept)
    {
        int count = 0;
        for (var cursor = new ExtentCursor(extents, kept); cursor.MoveNext();)
        {
            count++;
        }

        writer.WriteVar((ulong)count);
        ulong previous = 0;
        for (var cursor = new ExtentCursor(extents, kept); cursor.MoveNext();)
        {
            MemoryExtent extent = cursor.Current;
            writer.WriteVar(extent.StartPfn - previous);
            writer.WriteVar(((extent.EndPfn - extent.StartPfn) << 1) | (extent.Kind == BackgroundKind.Pattern ? 1UL : 0));
            if (extent.Kind == BackgroundKind.Pattern)
            {
                writer.WriteUInt64(extent.Pattern.Seed);
                writer.WriteVar(extent.Pattern.FirstPageIndex);
            }

            previous = extent.EndPfn;
        }
    }

    private static void ReadExtents(PhysicalMemory memory, SnapshotReader reader)
    {
        int count = reader.ReadCount(MaxExtents, "the number of background runs");
        ulong previous = 0;
        for (int i = 0; i < count; i++)
        {
            ulong start = previous + ReadBelow(reader, PageGeometry.PfnLimit - previous, "the distance to a background run");
            int at = reader.Position;
            ulong lengthAndKind = reader.ReadVar();
            ulong length = lengthAndKind >> 1;
            if (length == 0 || length > PageGeometry.PfnLimit - start)
            {
                throw new SnapshotFormatException($"snapshot, byte {at}: a background run of {length} pages from page {start} is empty or ends above 2^40");
            }

            if ((lengthAndKind & 1) != 0)
            {
                ulong seed = reader.ReadUInt64();
                memory.Fill(start, length, new PagePattern(seed, reader.ReadVar()));
            }
            else
            {
                memory.Poison(start, length);
            }

            previous = start + length;
        }
    }

    private static void WritePages(PhysicalMemory memory, SnapshotWriter writer, ReadOnlySpan<PfnRange> kept)
    {
        ulong[] pfns = memory.WrittenPfns();
        int pages = 0;
        int range = 0;
        foreach (ulong pfn in pfns)
        {
            while (range < kept.Length && kept[range].EndPfn <= pfn)
            {
                range++;
            }

            if (range < kept.Length && kept[range].StartPfn <= pfn && Differs(memory, pfn, memory.BackgroundOf(pfn)))
            {
                pfns[pages++] = pfn;
            }
        }

        writer.WriteVar((ulong)pages);
        ulong next = 0;
        foreach (ulong pfn in pfns.AsSpan(0, pages))
        {
            MemoryExtent background = memory.BackgroundOf(pfn);
            var zero = new MemoryExtent(pfn, pfn + 1, BackgroundKind.Zero, default);
            bool fromBackground = background.Kind != BackgroundKind.Zero && WordsToHold(memory, pfn, background) < WordsToHold(memory, pfn, zero);
            writer.WriteVar(((pfn - next) << 1) | (fromBackground ? 1UL : 0));
            WriteWords(memory.WrittenPage(pfn)!, writer, pfn, fromBackground ? background : zero);
            next = pfn + 1;
        }
    }

    private static bool Differs(PhysicalMemory memory, ulong pfn, in MemoryExtent from)
    {
        ReadOnlySpan<ulong> page = memory.WrittenPage(pfn);
        if (from.Kind != BackgroundKind.Pattern)
        {
            return page.ContainsAnyExcept(from.WordAt(pfn, 0));
        }

        int word = 0;
        while (word < page.Length && page[word] == from.WordAt(pfn, word))
        {
            word++;
        }

        return word < page.Length;
    }

    /// <summary>Words of a page that a snapshot has to hold: zeros cost next to nothing.</summary>
    private static int WordsToHold(PhysicalMemory memory, ulong pfn, in MemoryExtent from)
    {
        ReadOnlySpan<ulong> page = memory.WrittenPage(pfn);
        int words = page.Length - page.Count(0UL);
        if (from.Kind == BackgroundKind.Zero)
        {
            return words;
        }

        for (int word = 0; word < page.Length; word++)
        {
            words -= page[word] != 0 && page[word] == from.WordAt(pfn, word) ? 1 : 0;
        }

        return words;
    }

    private static void WriteWords(ulong[] page, SnapshotWriter writer, ulong pfn, in MemoryExtent from)
    {
        int runs = 0;
        for (int start = 0, end = 0; NextRun(page, pfn, from, ref start, ref end); start = end)
        {
            runs++;
        }

        writer.WriteVar((ulong)runs);
        int previous = 0;
        for (int start = 0, end = 0; NextRun(page, pfn, from, ref start, ref end); start = end)
        {
            writer.WriteVar((ulong)(start - previous));
            WriteRun(page.AsSpan(start, end - start), writer);
            previous = end;
        }
    }

    private static void WriteRun(ReadOnlySpan<ulong> words, SnapshotWriter writer)
    {
        RunForm form = FormOf(words);
        writer.WriteVar(((ulong)words.Length << 2) | (ulong)form);
        if (form == RunForm.Raw)
        {
            writer.WriteRaw(MemoryMarshal.AsBytes(words));
        }
        else if (form == RunForm.Short)
        {
            foreach (ulong word in words)
            {
                writer.WriteVar(word);
            }
        }
    }

    /// <summary>Metadata is small numbers and addresses; patterns and texts need all bytes of a word.</summary>
    private static RunForm FormOf(ReadOnlySpan<ulong> words)
    {
        if (words[0] == 0)
        {
            return RunForm.Zero;
        }

        int bits = 0;
        foreach (ulong word in words)
        {
            bits += 64 - System.Numerics.BitOperations.LeadingZeroCount(word);
        }

        return bits < words.Length * ShortBitsPerWord ? RunForm.Short : RunForm.Raw;
    }

    /// <summary>Moves on to the next run of words that differ from a background: all of them zero, or none.</summary>
    private static bool NextRun(ulong[] page, ulong pfn, in MemoryExtent from, ref int start, ref int end)
    {
        if (from.Kind != BackgroundKind.Pattern)
        {
            ulong same = from.WordAt(pfn, 0);
            int distance = page.AsSpan(start).IndexOfAnyExcept(same);
            start = distance < 0 ? page.Length : start + distance;
            ReadOnlySpan<ulong> rest = page.AsSpan(start);
            int length = !rest.IsEmpty && rest[0] == 0 ? rest.IndexOfAnyExcept(0UL) : rest.IndexOfAny(0UL, same);
            end = length < 0 ? page.Length : start + length;
            return start < end;
        }

        while (start < page.Length && page[start] == from.WordAt(pfn, start))
        {
            start++;
        }

        end = start;
        bool isZero = end < page.Length && page[end] == 0;
        while (end < page.Length && page[end] == 0 == isZero && page[end] != from.WordAt(pfn, end))
        {
            end++;
        }

        return start < end;
    }

    private static void ReadPages(PhysicalMemory memory, SnapshotReader reader)
    {
        int count = reader.ReadCount(MaxPages, "the number of written pages");
        ulong next = 0;
        for (int i = 0; i < count; i++)
        {
            ulong distanceAndBase = ReadBelow(reader, (PageGeometry.PfnLimit - next) << 1, "the distance to a written page");
            ulong pfn = next + (distanceAndBase >> 1);
            ulong[] page = (distanceAndBase & 1) != 0 ? memory.WritablePage(pfn) : memory.ZeroPage(pfn);
            int runs = reader.ReadCount(PageGeometry.Words, "the number of runs in a page");
            int word = 0;
            for (int run = 0; run < runs; run++)
            {
                word += reader.ReadCount(PageGeometry.Words - word, "the distance to a run of words");
                int lengthAndForm = reader.ReadCount(((PageGeometry.Words - word) << 2) | (int)RunForm.Short, "the length and form of a run of words");
                Span<ulong> words = page.AsSpan(word, lengthAndForm >> 2);
                ReadRun(words, (RunForm)(lengthAndForm & 3), reader);
                word += words.Length;
            }

            next = pfn + 1;
        }
    }

    private static void ReadRun(Span<ulong> words, RunForm form, SnapshotReader reader)
    {
        switch (form)
        {
            case RunForm.Raw:
                reader.ReadRaw(words.Length * sizeof(ulong)).CopyTo(MemoryMarshal.AsBytes(words));
                break;
            case RunForm.Zero:
                words.Clear();
                break;
            case RunForm.Short:
                foreach (ref ulong word in words)
                {
                    word = reader.ReadVar();
                }

                break;
            default:
                throw new SnapshotFormatException($"snapshot, byte {reader.Position}: a run of words has form 3, 0 to 2 are accepted");
        }
    }

    private static ulong ReadBelow(SnapshotReader reader, ulong limit, string what)
    {
        int at = reader.Position;
        ulong value = reader.ReadVar();
        return value < limit ? value : throw new SnapshotFormatException($"snapshot, byte {at}: {what} is {value}, it must be below {limit}");
    }

    /// <summary>The parts of the extents that lie in the kept ranges, ascending.</summary>
    private ref struct ExtentCursor(ReadOnlySpan<MemoryExtent> extents, ReadOnlySpan<PfnRange> kept)
    {
        private readonly ReadOnlySpan<MemoryExtent> _extents = extents;
        private readonly ReadOnlySpan<PfnRange> _kept = kept;
        private int _extent;
        private int _range;

        public MemoryExtent Current { get; private set; }

        public bool MoveNext()
        {
            while (_extent < _extents.Length && _range < _kept.Length)
            {
                ref readonly MemoryExtent extent = ref _extents[_extent];
                PfnRange range = _kept[_range];
                ulong start = Math.Max(extent.StartPfn, range.StartPfn), end = Math.Min(extent.EndPfn, range.EndPfn);
                bool found = start < end;
                if (found)
                {
                    Current = extent.From(start).To(end);
                }

                if (extent.EndPfn <= range.EndPfn)
                {
                    _extent++;
                }
                else
                {
                    _range++;
                }

                if (found)
                {
                    return true;
                }
            }

            return false;
        }
    }
}
