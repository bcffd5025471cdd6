using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Memory;

public sealed class MemorySnapshotTests
{
    [Fact]
    public void What_was_written_is_read_back_to_the_last_byte()
    {
        for (ulong seed = 1; seed <= 300; seed++)
        {
            PhysicalMemory memory = RandomMemory(new Draws(seed), out ulong basePfn);
            PhysicalMemory copy = RoundTrip(memory);
            Assert.True(Bytes(memory, basePfn).AsSpan().SequenceEqual(Bytes(copy, basePfn)), $"seed {seed}");
            Assert.True(copy.WrittenPages <= memory.WrittenPages, $"seed {seed}");
            Assert.Equal(Written(copy), Written(RoundTrip(copy)));
        }
    }

    [Fact]
    public void Pages_outside_the_kept_ranges_read_zero_afterwards()
    {
        for (ulong seed = 1; seed <= 100; seed++)
        {
            PhysicalMemory memory = RandomMemory(new Draws(seed), out ulong basePfn);
            PfnRange[] kept = [new(basePfn + 3, basePfn + 9), new(basePfn + 9, basePfn + 10), new(basePfn + 20, basePfn + 31)];
            var writer = new SnapshotWriter();
            MemorySnapshot.Write(memory, writer, kept);
            var copy = new PhysicalMemory();
            MemorySnapshot.Read(copy, new SnapshotReader(writer.Written.ToArray()));
            byte[] expected = Bytes(memory, basePfn);
            for (int page = 0; page < 40; page++)
            {
                if (page is not ((>= 3 and < 10) or (>= 20 and < 31)))
                {
                    expected.AsSpan(page * 4096, 4096).Clear();
                }
            }

            Assert.True(expected.AsSpan().SequenceEqual(Bytes(copy, basePfn)), $"seed {seed}");
        }
    }

    [Fact]
    public void A_hibernated_machine_fits_into_8_KiB()
    {
        var memory = new PhysicalMemory();
        var draws = new Draws(1);
        memory.Poison(0x1000, 0x80000);
        for (ulong i = 0; i < 100; i++)
        {
            memory.Fill(0x2000 + (i * 0x400), 1 + draws.Below(0x200UL), new PagePattern(draws.Next(), draws.Below(1000UL)));
        }

        for (ulong page = 0; page < 10; page++)
        {
            ulong[] words = memory.ZeroPage(0x1800 + (page * 7));
            for (int i = 0; i < 24; i++)
            {
                words[draws.Below(PageGeometry.Words)] = draws.Next();
            }
        }

        var writer = new SnapshotWriter();
        MemorySnapshot.Write(memory, writer);
        Assert.InRange(writer.Length, 1, 8192);
    }

    [Fact]
    public void A_page_that_reads_as_its_background_takes_no_bytes()
    {
        var memory = new PhysicalMemory();
        memory.Poison(16, 4);
        var without = Written(memory);
        memory.WritablePage(17);
        memory.WritablePage(30);
        Assert.Equal(without, Written(memory));
    }

    [Fact]
    public void A_written_page_that_reads_like_another_background_is_kept()
    {
        var pattern = new PagePattern(7, 3);
        Action<PhysicalMemory, ulong>[] backgrounds = [(m, pfn) => m.Zero(pfn, 1), (m, pfn) => m.Poison(pfn, 1), (m, pfn) => m.Fill(pfn, 1, pattern)];
        foreach (Action<PhysicalMemory, ulong> below in backgrounds)
        {
            foreach (Action<PhysicalMemory, ulong> like in backgrounds)
            {
                var memory = new PhysicalMemory();
                var bytes = new byte[PageGeometry.SizeBytes];
                like(memory, 9);
                memory.Read(PageGeometry.PhysOf(9), bytes);
                below(memory, 9);
                memory.Write(PageGeometry.PhysOf(9), bytes);

                var actual = new byte[PageGeometry.SizeBytes];
                RoundTrip(memory).Read(PageGeometry.PhysOf(9), actual);
                Assert.Equal(bytes, actual);
            }
        }
    }

    [Fact]
    public void A_hostile_snapshot_is_refused_and_nothing_else_happens()
    {
        PhysicalMemory memory = RandomMemory(new Draws(3), out _);
        byte[] good = Written(memory);
        var target = new PhysicalMemory();
        for (int length = 0; length < Math.Min(good.Length, 3000); length++)
        {
            byte[] cut = good[..length];
            Assert.Throws<SnapshotFormatException>(() => MemorySnapshot.Read(target, new SnapshotReader(cut)));
        }

        for (ulong seed = 1; seed <= 5000; seed++)
        {
            var draws = new Draws(seed);
            byte[] bad = good[..Math.Min(good.Length, 400)];
            for (int i = 0; i < 1 + draws.Below(4); i++)
            {
                bad[draws.Below(draws.OneIn(2) ? 20 : bad.Length)] = (byte)draws.Next();
            }

            try
            {
                MemorySnapshot.Read(target, new SnapshotReader(bad));
            }
            catch (SnapshotFormatException)
            {
                // The one error that bytes from outside may cause.
            }
        }
    }

    [Fact]
    public void Runs_above_2_to_the_52_are_refused()
    {
        Refuse(writer => Extent(writer, PageGeometry.PfnLimit, 1));
        Refuse(writer => Extent(writer, PageGeometry.PfnLimit - 1, 2));
        Refuse(writer => Extent(writer, 5, 0));
        Refuse(writer => Extent(writer, 5, ulong.MaxValue >> 1));
        Refuse(writer => Page(writer, PageGeometry.PfnLimit));
        Refuse(writer => Page(writer, ulong.MaxValue >> 1));
        Refuse(writer => writer.WriteVar(MemorySnapshot.MaxExtents + 1));

        static void Extent(SnapshotWriter writer, ulong start, ulong length)
        {
            writer.WriteVar(1);
            writer.WriteVar(start);
            writer.WriteVar(length << 1);
            writer.WriteVar(0);
        }

        static void Page(SnapshotWriter writer, ulong pfn)
        {
            writer.WriteVar(0);
            writer.WriteVar(1);
            writer.WriteVar(pfn << 1);
            writer.WriteVar(0);
        }
    }

    private static void Refuse(Action<SnapshotWriter> write)
    {
        var writer = new SnapshotWriter();
        write(writer);
        byte[] bytes = writer.Written.ToArray();
        Assert.Throws<SnapshotFormatException>(() => MemorySnapshot.Read(new PhysicalMemory(), new SnapshotReader(bytes)));
    }

    private static PhysicalMemory RandomMemory(Draws draws, out ulong basePfn)
    {
        var memory = new PhysicalMemory();
        basePfn = draws.OneIn(2) ? 1 : PageGeometry.PfnLimit - 40;
        for (int i = 0; i < 25; i++)
        {
            ulong pfn = basePfn + draws.Below(30UL);
            switch (draws.Below(5))
            {
                case 0:
                    memory.Poison(pfn, 1 + draws.Below(10UL));
                    break;
                case 1:
                    memory.Fill(pfn, 1 + draws.Below(10UL), new PagePattern(draws.Next(), draws.Next()));
                    break;
                case 2:
                    memory.ZeroPage(pfn);
                    break;
                default:
                    memory.WriteUInt64(PageGeometry.PhysOf(pfn) + draws.Below(4096UL), draws.Next());
                    break;
            }
        }

        return memory;
    }

    private static byte[] Bytes(PhysicalMemory memory, ulong basePfn)
    {
        var bytes = new byte[40 * 4096];
        memory.Read(PageGeometry.PhysOf(basePfn), bytes);
        return bytes;
    }

    private static byte[] Written(PhysicalMemory memory)
    {
        var writer = new SnapshotWriter();
        MemorySnapshot.Write(memory, writer);
        return writer.Written.ToArray();
    }

    private static PhysicalMemory RoundTrip(PhysicalMemory memory)
    {
        var copy = new PhysicalMemory();
        copy.Poison(5, 50);
        var reader = new SnapshotReader(Written(memory));
        MemorySnapshot.Read(copy, reader);
        Assert.True(reader.AtEnd);
        return copy;
    }
}
