using System.Runtime.InteropServices;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Invariants;

/// <summary>What a file holds by the writes that succeeded: runs of bytes in ascending order; between them are zeros.</summary>
internal sealed class TmpfsModelContent
{
    private readonly List<Run> _runs = [];

    /// <summary>Where a run's bytes come from.</summary>
    private enum Source : byte
    {
        Pattern,
        Literal,
        Page,
    }

    private readonly record struct Run(ulong Start, ulong End, Source Source, ulong Seed, byte[]? Bytes, ulong BytesStart);

    /// <summary>Bytes of the endless pattern of a seed were written.</summary>
    public void WritePattern(ulong start, ulong end, ulong seed) => Put(new Run(start, end, Source.Pattern, seed, null, 0));

    /// <summary>Bytes were written.</summary>
    public void WriteBytes(ulong start, byte[] bytes) => Put(new Run(start, start + (ulong)bytes.Length, Source.Literal, 0, bytes, start));

    /// <summary>A page that came over from the kernel before: it holds what lies in RAM now.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="index">The page's place.</param>
    /// <param name="phys">Where it is.</param>
    /// <param name="inside">Bytes of it that are inside the file: what lies behind them is not looked at.</param>
    public void TakePage(PhysicalMemory memory, ulong index, ulong phys, int inside)
    {
        ulong start = index << PageGeometry.Shift;
        MemoryExtent background = memory.BackgroundOf(PageGeometry.PfnOf(phys));
        if (memory.WrittenPage(PageGeometry.PfnOf(phys)) is null && background.Kind == BackgroundKind.Pattern)
        {
            PagePattern pattern = background.Pattern.Skip(PageGeometry.PfnOf(phys) - background.StartPfn);
            Put(new Run(start, start + PageGeometry.SizeBytes, Source.Page, pattern.Seed, null, pattern.FirstPageIndex));
            return;
        }

        byte[] bytes = new byte[inside];
        memory.Read(phys, bytes);
        WriteBytes(start, bytes);
    }

    /// <summary>Bytes became zero: a hole, or the file is shorter.</summary>
    public void Clear(ulong start, ulong end) => Cut(start, end);

    /// <summary>Whether RAM holds a page of the file, as far as it is inside the file.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="index">The page's place.</param>
    /// <param name="phys">Where it is; 0 for a hole.</param>
    /// <param name="bytes">Bytes of it that are inside the file.</param>
    /// <returns>True when every byte is there.</returns>
    public bool Matches(PhysicalMemory memory, ulong index, ulong phys, int bytes)
    {
        ulong start = index << PageGeometry.Shift;
        if (phys != 0 && Covering(start, start + PageGeometry.SizeBytes) is { Source: Source.Pattern or Source.Page } run)
        {
            PagePattern pattern = new(run.Seed, run.Source == Source.Pattern ? index : run.BytesStart);
            return memory.Holds(PageGeometry.PfnOf(phys), 1, pattern, out _);
        }

        Span<byte> expected = stackalloc byte[PageGeometry.SizeBytes];
        Span<byte> found = stackalloc byte[PageGeometry.SizeBytes];
        found.Clear();
        if (phys != 0)
        {
            memory.Read(phys, found);
        }

        Read(start, expected[..bytes]);
        return expected[..bytes].SequenceEqual(found[..bytes]);
    }

    /// <summary>The first byte in a range that was written.</summary>
    public ulong? FirstWritten(ulong start, ulong end)
    {
        int i = FirstEndingBehind(start);
        return start < end && i < _runs.Count && _runs[i].Start < end ? Math.Max(start, _runs[i].Start) : null;
    }

    /// <summary>Reads bytes.</summary>
    /// <param name="start">First offset.</param>
    /// <param name="destination">Receives them.</param>
    public void Read(ulong start, Span<byte> destination)
    {
        destination.Clear();
        ulong end = start + (ulong)destination.Length;
        for (int i = FirstEndingBehind(start); i < _runs.Count && _runs[i].Start < end; i++)
        {
            Run run = _runs[i];
            ulong from = Math.Max(run.Start, start);
            Span<byte> part = destination[(int)(from - start)..(int)(Math.Min(run.End, end) - start)];
            Fill(run, from, part);
        }
    }

    private static void Fill(in Run run, ulong from, Span<byte> part)
    {
        if (run.Source == Source.Literal)
        {
            run.Bytes.AsSpan((int)(from - run.BytesStart), part.Length).CopyTo(part);
            return;
        }

        PagePattern pattern = new(run.Seed, 0);
        ulong at = from + (run.Source == Source.Page ? (run.BytesStart << PageGeometry.Shift) - run.Start : 0);
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        while (!part.IsEmpty)
        {
            ulong value = pattern.WordAt(at >> PageGeometry.Shift, (int)((at >> 3) & 511));
            MemoryMarshal.Write(word, value);
            int skip = (int)(at & 7);
            int length = Math.Min(part.Length, sizeof(ulong) - skip);
            word.Slice(skip, length).CopyTo(part);
            part = part[length..];
            at += (ulong)length;
        }
    }

    private Run? Covering(ulong start, ulong end)
    {
        int i = FirstEndingBehind(start);
        return i < _runs.Count && _runs[i].Start <= start && _runs[i].End >= end && (_runs[i].Source != Source.Page || _runs[i].Start == start)
            ? _runs[i]
            : null;
    }

    private void Put(in Run run)
    {
        if (run.Start < run.End)
        {
            Cut(run.Start, run.End);
            _runs.Insert(FirstEndingBehind(run.Start), run);
        }
    }

    private void Cut(ulong start, ulong end)
    {
        int i = FirstEndingBehind(start);
        while (i < _runs.Count && _runs[i].Start < end)
        {
            Run run = _runs[i];
            _runs.RemoveAt(i);
            if (run.Start < start)
            {
                _runs.Insert(i++, Part(run, run.Start, start));
            }

            if (run.End > end)
            {
                _runs.Insert(i++, Part(run, end, run.End));
            }
        }
    }

    /// <summary>A part of a run; what a page's run counts from its start must keep counting from there.</summary>
    private static Run Part(in Run run, ulong start, ulong end)
    {
        if (run.Source != Source.Page)
        {
            return run with { Start = start, End = end };
        }

        byte[] bytes = new byte[end - start];
        Fill(run, start, bytes);
        return new Run(start, end, Source.Literal, 0, bytes, start);
    }

    private int FirstEndingBehind(ulong start)
    {
        int low = 0;
        int high = _runs.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _runs[middle].End > start ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}
