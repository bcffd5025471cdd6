using System.Globalization;
using System.Text;

namespace KhoActors.Subsystems.Tests.Pstore;

/// <summary>The printk ring buffer: what it keeps and how a dump shows it.</summary>
public class PrintkBufferTests
{
    [Theory]
    [InlineData(6, 0, 0UL, "hello", "<6>[    0.000000] hello\n")]
    [InlineData(5, 0, 12_345_678_000UL, "Starting new kernel", "<5>[   12.345678] Starting new kernel\n")]
    [InlineData(4, 1, 4_627_425_999UL, "from user space", "<12>[    4.627425] from user space\n")]
    [InlineData(7, 23, 1_234_567_000_001_000UL, "late", "<191>[1234567.000001] late\n")]
    [InlineData(3, 0, 99_999_999_999_000UL, "", "<3>[99999.999999] \n")]
    [InlineData(6, 0, 1_000UL, "two\nlines", "<6>[    0.000001] two\n<6>[    0.000001] lines\n")]
    [InlineData(6, 0, 1_000UL, "one newline is taken off\n", "<6>[    0.000001] one newline is taken off\n")]
    public void A_line_has_priority_and_time_in_front(int level, byte facility, ulong ticks, string text, string expected)
    {
        PrintkBuffer buffer = new(new KernelLog(), 12);
        LogLine line = new((LogLevel)level, text, ticks, facility);
        byte[] bytes = new byte[200];

        int length = buffer.Print(line, bytes);

        Assert.Equal(expected, Encoding.UTF8.GetString(bytes, 0, length));
        Assert.Equal(length, buffer.PrintedBytes(line));
    }

    [Fact]
    public void Without_printk_time_there_is_no_stamp()
    {
        PrintkBuffer buffer = new(new KernelLog(), 12, timeStamps: false);
        byte[] bytes = new byte[20];

        int length = buffer.Print(new LogLine(LogLevel.Info, "x", 5), bytes);

        Assert.Equal("<6>x\n", Encoding.UTF8.GetString(bytes, 0, length));
    }

    [Theory]
    [InlineData(0, 1021)]
    [InlineData(1, 1023)]
    public void A_record_is_cut_at_1024_bytes_with_level_prefix_and_terminator(byte facility, int kept)
    {
        PrintkBuffer buffer = new(new KernelLog(), 12);
        LogLine line = new(LogLevel.Info, new string('a', 5000), 0, facility);
        byte[] bytes = new byte[2000];

        int length = buffer.Print(line, bytes);

        Assert.Equal(kept, bytes[..length].Count(value => value == 'a'));
        Assert.Equal(length, buffer.PrintedBytes(line));
        Assert.Equal(1032, PrintkBuffer.BlockBytes(line));
    }

    [Theory]
    [InlineData(0, 16)] // id, level prefix, newline, terminator
    [InlineData(4, 16)]
    [InlineData(5, 24)]
    public void A_block_is_the_id_and_what_was_reserved_in_units_of_8(int textBytes, int blockBytes) =>
        Assert.Equal(blockBytes, PrintkBuffer.BlockBytes(new LogLine(LogLevel.Info, new string('x', textBytes))));

    [Fact]
    public void A_block_that_would_cross_the_end_lies_at_the_beginning_and_wastes_what_is_left()
    {
        // Blocks of 1032 bytes in 4096: three fit before the end (3096), the fourth wraps to 4096..5128 and pushes out the first only up to 1032.
        KernelLog log = new();
        PrintkBuffer buffer = new(log, 12);
        for (int i = 0; i < 3; i++)
        {
            log.Write(LogLevel.Info, new string('a', 1020));
        }

        Assert.Equal(0, buffer.OldestLine);
        log.Write(LogLevel.Info, new string('a', 1020));
        Assert.Equal(1, buffer.OldestLine);
    }

    [Fact]
    public void A_block_that_ends_exactly_at_the_end_does_not_wrap()
    {
        KernelLog log = new();
        PrintkBuffer buffer = new(log, 12);
        for (int i = 0; i < 4; i++)
        {
            // 8 + 1012 + 4 = 1024.
            log.Write(LogLevel.Info, new string('a', 1012));
        }

        Assert.Equal(0, buffer.OldestLine);
        log.Write(LogLevel.Info, "x");
        Assert.Equal(1, buffer.OldestLine);
    }

    [Fact]
    public void Short_lines_run_out_of_descriptors_first()
    {
        KernelLog log = new();
        PrintkBuffer buffer = new(log, 12);
        for (int i = 0; i < 130; i++)
        {
            log.Write(LogLevel.Info, "x");
        }

        Assert.Equal(2, buffer.OldestLine);
    }

    [Fact]
    public void Dumps_take_the_newest_whole_records_that_fit_less_one_byte()
    {
        KernelLog log = new();
        PrintkBuffer buffer = new(log, 12);
        for (int i = 0; i < 5; i++)
        {
            log.Write(LogLevel.Info, i.ToString(CultureInfo.InvariantCulture));
        }

        KmsgDumpIterator dump = buffer.Rewind();
        byte[] bytes = new byte[41];
        Assert.True(buffer.ReadNewest(ref dump, bytes, out int length)); // 20 bytes a line: two need 41
        Assert.Equal("<6>[    0.000000] 3\n<6>[    0.000000] 4\n", Encoding.UTF8.GetString(bytes, 0, length));
        Assert.True(buffer.ReadNewest(ref dump, bytes.AsSpan(0, 40), out length));
        Assert.Equal("<6>[    0.000000] 2\n", Encoding.UTF8.GetString(bytes, 0, length));
        log.Write(LogLevel.Info, "printed while the dump runs: not part of it");
        Assert.True(buffer.ReadNewest(ref dump, bytes, out length));
        Assert.Equal("<6>[    0.000000] 0\n<6>[    0.000000] 1\n", Encoding.UTF8.GetString(bytes, 0, length));
        Assert.False(buffer.ReadNewest(ref dump, bytes, out length));
        Assert.Equal(0, length);
    }

    [Fact]
    public void A_record_that_never_fits_gives_nothing_again_and_again()
    {
        KernelLog log = new();
        PrintkBuffer buffer = new(log, 12);
        log.Write(LogLevel.Info, "a line");
        KmsgDumpIterator dump = buffer.Rewind();
        byte[] bytes = new byte[10];

        for (int i = 0; i < 3; i++)
        {
            Assert.True(buffer.ReadNewest(ref dump, bytes, out int length));
            Assert.Equal(0, length);
        }
    }

    /// <summary>Against a ring of real bytes: block by block, with the kernel's positions.</summary>
    [Fact]
    public void Random_logs_keep_what_a_ring_of_bytes_keeps()
    {
        for (ulong seed = 1; seed <= 300; seed++)
        {
            SplitMix64 random = new(seed);
            int shift = 12 + (int)random.Below(3);
            KernelLog log = new();
            PrintkBuffer buffer = new(log, shift);
            ByteRing ring = new(1 << shift);
            for (int i = 0; i < 600; i++)
            {
                string text = new('x', (int)random.Below(random.Below(5) == 0 ? 1100UL : 60UL));
                byte facility = (byte)random.Below(2);
                log.Write(LogLevel.Info, text, facility);
                ring.Write(i, text, facility);
                if (random.Below(7) == 0)
                {
                    Assert.True(ring.Oldest == buffer.OldestLine, $"seed {seed}, line {i}: {ring.Oldest} and {buffer.OldestLine}");
                }
            }
        }
    }
}
