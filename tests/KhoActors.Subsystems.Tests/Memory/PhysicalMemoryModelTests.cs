using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Memory;

/// <summary>Simulated RAM against the plainest model: bytes of written pages, and what each other page reads as.</summary>
public sealed class PhysicalMemoryModelTests
{
    private static readonly ulong[] Bases = [0, 0x1000, 0x7FFF_F000, 0x1_0000_0000, (1UL << 52) - (64 << 12)];

    [Fact]
    public void Random_operations_read_what_the_byte_model_reads()
    {
        var memory = new PhysicalMemory();
        for (ulong seed = 1; seed <= 3000; seed++)
        {
            memory.Clear();
            var draws = new Draws(seed);
            var run = new Run(memory, draws, PageGeometry.PfnOf(Bases[draws.Below(Bases.Length)]), seed);
            for (int i = 5 + draws.Below(30); i > 0; i--)
            {
                run.Step();
            }

            run.Compare();
        }
    }

    [Fact]
    public void Holds_names_the_first_page_that_differs()
    {
        var memory = new PhysicalMemory();
        var pattern = new PagePattern(7, 3);
        memory.Fill(100, 50, pattern);
        Assert.True(memory.Holds(100, 50, pattern, out _));
        Assert.True(memory.Holds(120, 30, pattern.Skip(20), out _));
        Assert.False(memory.Holds(100, 51, pattern, out ulong bad));
        Assert.Equal(150UL, bad);

        ulong before = memory.ReadUInt64(PageGeometry.PhysOf(130) + 4088);
        memory.WriteUInt64(PageGeometry.PhysOf(130) + 4088, before ^ 1);
        Assert.False(memory.Holds(100, 50, pattern, out bad));
        Assert.Equal(130UL, bad);
        memory.WriteUInt64(PageGeometry.PhysOf(130) + 4088, before);
        Assert.True(memory.Holds(100, 50, pattern, out _));
        Assert.False(memory.Holds(100, 50, pattern.Skip(1), out bad));
        Assert.Equal(100UL, bad);
    }

    [Fact]
    public void Addresses_from_2_to_the_52_on_are_refused()
    {
        var memory = new PhysicalMemory();
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.WriteUInt64(1UL << 52, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.ZeroPage(PageGeometry.PfnLimit));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Poison(PageGeometry.PfnLimit - 1, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Fill(1, ulong.MaxValue, default));
        memory.WriteUInt64((1UL << 52) - 8, 5);
        Assert.Equal(5UL, memory.ReadUInt64((1UL << 52) - 8));
    }

    private sealed class Run(PhysicalMemory memory, Draws draws, ulong basePfn, ulong seed)
    {
        private const int Pages = 24;
        private readonly byte[] _bytes = new byte[Pages * PageGeometry.SizeBytes];
        private readonly Func<int, byte[]>[] _background = NoBackground();

        private ulong Base => PageGeometry.PhysOf(basePfn);

        public void Step()
        {
            int page = draws.Below(Pages);
            int pages = 1 + draws.Below(Math.Min(Pages - page, 20));
            ulong pfn = basePfn + (uint)page;
            switch (draws.Below(9))
            {
                case 0:
                    memory.Zero(pfn, (ulong)pages);
                    SetModel(page, pages, _ => new byte[PageGeometry.SizeBytes]);
                    break;
                case 1:
                    memory.Poison(pfn, (ulong)pages);
                    SetModel(page, pages, _ => PoisonBytes());
                    break;
                case 2:
                    var pattern = new PagePattern((ulong)draws.Below(2), (draws.OneIn(2) ? (ulong)page : 0) + (ulong)draws.Below(2));
                    memory.Fill(pfn, (ulong)pages, pattern);
                    SetModel(page, pages, p => PatternBytes(pattern, p - page));
                    break;
                case 3:
                    Assert.All(memory.ZeroPage(pfn), word => Assert.Equal(0UL, word));
                    _bytes.AsSpan(page * PageGeometry.SizeBytes, PageGeometry.SizeBytes).Clear();
                    break;
                case 4:
                    int word = draws.Below(PageGeometry.Words);
                    memory.WritablePage(pfn)[word] = seed;
                    BitConverter.TryWriteBytes(_bytes.AsSpan((page * PageGeometry.SizeBytes) + (word * 8)), seed);
                    break;
                case 5:
                    WriteWord();
                    break;
                case 6:
                    WriteBytes();
                    break;
                default:
                    ReadSome();
                    break;
            }
        }

        public void Compare()
        {
            var actual = new byte[_bytes.Length];
            memory.Read(Base, actual);
            int differs = actual.AsSpan().CommonPrefixLength(_bytes);
            Assert.True(differs == actual.Length, $"seed {seed}: byte {differs:x} of the window differs");
            for (int page = 0; page < Pages; page++)
            {
                MemoryExtent extent = memory.BackgroundOf(basePfn + (uint)page);
                Assert.Equal(BitConverter.ToUInt64(_background[page](page), 64), extent.WordAt(basePfn + (uint)page, 8));
            }

            CheckExtents();
        }

        private static Func<int, byte[]>[] NoBackground()
        {
            var none = new Func<int, byte[]>[Pages];
            Array.Fill(none, _ => new byte[PageGeometry.SizeBytes]);
            return none;
        }

        private static byte[] PoisonBytes()
        {
            var bytes = new byte[PageGeometry.SizeBytes];
            bytes.AsSpan().Fill(0xAA);
            return bytes;
        }

        private static byte[] PatternBytes(PagePattern pattern, int page)
        {
            var bytes = new byte[PageGeometry.SizeBytes];
            for (int word = 0; word < PageGeometry.Words; word++)
            {
                BitConverter.TryWriteBytes(bytes.AsSpan(word * 8), pattern.WordAt((ulong)page, word));
            }

            return bytes;
        }

        private void SetModel(int page, int pages, Func<int, byte[]> background)
        {
            for (int p = page; p < page + pages; p++)
            {
                _background[p] = background;
                background(p).CopyTo(_bytes, p * PageGeometry.SizeBytes);
            }
        }

        private void WriteWord()
        {
            int at = draws.Below(_bytes.Length - 8);
            at = draws.OneIn(2) ? at & ~7 : at;
            ulong value = draws.Next();
            memory.WriteUInt64(Base + (uint)at, value);
            BitConverter.TryWriteBytes(_bytes.AsSpan(at), value);
        }

        private void WriteBytes()
        {
            int at = draws.Below(_bytes.Length - 10_000);
            var bytes = new byte[draws.Below(10_000)];
            bytes.AsSpan().Fill((byte)draws.Next());
            memory.Write(Base + (uint)at, bytes);
            bytes.CopyTo(_bytes, at);
        }

        private void ReadSome()
        {
            int at = draws.Below(_bytes.Length - 10_000);
            var actual = new byte[draws.Below(10_000)];
            memory.Read(Base + (uint)at, actual);
            Assert.True(actual.AsSpan().SequenceEqual(_bytes.AsSpan(at, actual.Length)), $"seed {seed}: {actual.Length} bytes at {at:x}");
            Assert.Equal(BitConverter.ToUInt64(_bytes, at), memory.ReadUInt64(Base + (uint)at));
            Assert.Equal(BitConverter.ToUInt64(_bytes, at & ~7), memory.ReadUInt64(Base + (uint)(at & ~7)));
            Assert.Equal(BitConverter.ToUInt32(_bytes, at), memory.ReadUInt32(Base + (uint)at));
            Assert.Equal(BitConverter.ToUInt32(_bytes, at & ~3), memory.ReadUInt32(Base + (uint)(at & ~3)));
        }

        private void CheckExtents()
        {
            ReadOnlySpan<MemoryExtent> extents = memory.Background;
            for (int i = 0; i < extents.Length; i++)
            {
                Assert.True(extents[i].StartPfn < extents[i].EndPfn && extents[i].Kind != BackgroundKind.Zero, $"seed {seed}: extent {extents[i]}");
                Assert.True(i == 0 || extents[i - 1].EndPfn <= extents[i].StartPfn, $"seed {seed}: extents overlap at {extents[i]}");
                Assert.False(i > 0 && extents[i - 1].ContinuesInto(extents[i]), $"seed {seed}: extents are not merged at {extents[i]}");
            }
        }
    }
}
