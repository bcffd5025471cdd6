using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using Xunit;

namespace KhoActors.Subsystems.Tests.Memblock;

/// <summary>The grammar of memparse, <c>kho=</c>, <c>kho_scratch=</c> and <c>reserve_mem=</c>.</summary>
public sealed class OptionTests
{
    private static readonly KernelBuild Old = CapturedKernels.Find("7.1.13-a")!;
    private static readonly KernelBuild New = CapturedKernels.Find("7.3.0-rc7-a")!;

    [Theory]
    [InlineData("", 0, 0UL)]
    [InlineData("0", 1, 0UL)]
    [InlineData("12", 2, 12UL)]
    [InlineData("012", 3, 10UL)]
    [InlineData("08", 1, 0UL)]
    [InlineData("0x10", 4, 16UL)]
    [InlineData("0X1f", 4, 31UL)]
    [InlineData("0x", 1, 0UL)]
    [InlineData("0xg", 1, 0UL)]
    [InlineData("0x1E", 4, 30UL)]
    [InlineData("1E", 2, 1UL << 60)]
    [InlineData("1k", 2, 1024UL)]
    [InlineData("3M,", 2, 3UL << 20)]
    [InlineData("2G2", 2, 2UL << 30)]
    [InlineData("1T", 2, 1UL << 40)]
    [InlineData("1P", 2, 1UL << 50)]
    [InlineData("-1", 0, 0UL)]
    [InlineData(" 1", 0, 0UL)]
    [InlineData("+1", 0, 0UL)]
    public void Memparse_reads_a_number_and_one_suffix_the_same_in_all_versions(string text, int length, ulong value)
    {
        foreach (bool bareSuffix in (bool[])[false, true])
        {
            Assert.Equal(length, MemParse.Parse(text, bareSuffix, out ulong actual));
            Assert.Equal(value, actual);
        }
    }

    [Theory]
    [InlineData("K", true, 1, 0UL)]
    [InlineData("K", false, 0, 0UL)]
    [InlineData("18446744073709551615K", true, 21, 0xffff_ffff_ffff_fc00)]
    [InlineData("18446744073709551615K", false, 21, ulong.MaxValue)]
    [InlineData("16E", true, 3, 0UL)]
    [InlineData("16E", false, 3, ulong.MaxValue)]
    [InlineData("15E", false, 3, 15UL << 60)]
    public void Memparse_changed_in_7_2(string text, bool bareSuffix, int length, ulong value)
    {
        Assert.Equal(length, MemParse.Parse(text, bareSuffix, out ulong actual));
        Assert.Equal(value, actual);
    }

    [Theory]
    [InlineData("kho=on", true)]
    [InlineData("kho=1", true)]
    [InlineData("kho=yesplease", true)]
    [InlineData("kho=True", true)]
    [InlineData("kho=e", true)]
    [InlineData("kho=oN", true)]
    [InlineData("kho=on kho=off", false)]
    [InlineData("kho=off kho=Y", true)]
    [InlineData("kho=on kho=d", false)]
    [InlineData("kho=on kho=Never", false)]
    [InlineData("kho=on kho=F", false)]
    [InlineData("kho=on kho=0", false)]
    [InlineData("kho=on -- kho=off", true)]
    [InlineData("kho=\"on\"", true)]
    [InlineData("\"kho=on\"", true)]
    [InlineData("x=\"a kho=on b\"", false)]
    [InlineData("khox=on", false)]
    [InlineData("=kho=on", false)]
    public void Kho_is_a_boolean_and_the_last_one_wins(string commandLine, bool enabled)
    {
        KernelLog log = new();

        Assert.Equal(enabled, KhoOptions.Parse(commandLine, New, log).Enabled);
        Assert.Empty(log.Lines);
    }

    [Theory]
    [InlineData("kho=on kho")]
    [InlineData("kho=on kho=")]
    [InlineData("kho=on kho=maybe")]
    [InlineData("kho=on kho=o")]
    [InlineData("kho=on kho=ox")]
    public void A_malformed_kho_is_reported_and_changes_nothing(string commandLine)
    {
        KernelLog log = new();

        Assert.True(KhoOptions.Parse(commandLine, New, log).Enabled);
        Assert.Equal("<4>Malformed early option 'kho'", Assert.Single(log.Lines).ToString());
    }

    [Theory]
    [InlineData("150%", 150UL)]
    [InlineData("+7%", 7UL)]
    [InlineData("0%", 0UL)]
    [InlineData("4294967295%", uint.MaxValue)]
    public void A_percentage_sets_the_scale(string value, ulong scale)
    {
        KernelLog log = new();

        Assert.Equal(scale, KhoOptions.Parse("kho_scratch=" + value, New, log).ScalePercent);
        Assert.Equal($"<5>KHO: scratch scale is {scale}%", Assert.Single(log.Lines).ToString());
    }

    [Theory]
    [InlineData("16M,512M,256M", 16UL << 20, 512UL << 20, 256UL << 20, "lowmem: 16MiB global: 512MiB pernode: 256MiB")]
    [InlineData("0,512M,0", 0UL, 512UL << 20, 0UL, "lowmem: 0MiB global: 512MiB pernode: 0MiB")]
    [InlineData("1,0,0", 1UL, 0UL, 0UL, "lowmem: 0MiB global: 0MiB pernode: 0MiB")]
    [InlineData("0x1E,0,0", 30UL, 0UL, 0UL, "lowmem: 0MiB global: 0MiB pernode: 0MiB")]
    public void Three_sizes_replace_the_scale(string value, ulong lowmem, ulong global, ulong perNode, string text)
    {
        KernelLog log = new();

        Assert.Equal(new KhoOptions(false, 0, lowmem, global, perNode), KhoOptions.Parse("kho_scratch=" + value, New, log));
        Assert.Equal($"<5>KHO: scratch areas: {text}", Assert.Single(log.Lines).ToString());
    }

    [Theory]
    [InlineData("kho_scratch")]
    [InlineData("kho_scratch=")]
    [InlineData("kho_scratch=256M,512M")]
    [InlineData("kho_scratch=256M,512M,512Mfoo")]
    [InlineData("kho_scratch=256M,512M,512M,1")]
    [InlineData("kho_scratch=256M;512M;512M")]
    [InlineData("kho_scratch=256M,,512M")]
    [InlineData("kho_scratch=0,0,0")]
    [InlineData("kho_scratch=-5%")]
    [InlineData("kho_scratch=%")]
    [InlineData("kho_scratch=+%")]
    [InlineData("kho_scratch=1 %")]
    [InlineData("kho_scratch=4294967296%")]
    [InlineData("kho_scratch=12345678901%")]
    [InlineData("kho_scratch=K,32M,M")]
    [InlineData("kho-scratch=0,0,0")]
    public void A_malformed_kho_scratch_is_reported_and_changes_nothing(string option)
    {
        KernelLog log = new();

        Assert.Equal(new KhoOptions(false, KhoOptions.DefaultScalePercent, 0, 0, 0), KhoOptions.Parse(option, New, log));
        Assert.Equal($"<4>Malformed early option '{option.Split('=')[0]}'", log.Lines[0].ToString());
    }

    [Fact]
    public void Bare_suffixes_were_sizes_of_zero_up_to_7_1() =>
        Assert.Equal(new KhoOptions(false, 0, 0, 32UL << 20, 0), KhoOptions.Parse("kho_scratch=K,32M,M", Old, new KernelLog()));

    [Theory]
    [InlineData("2M:4096:trace", 2UL << 20, 4096UL, "trace")]
    [InlineData("8K::noalign", 8192UL, 64UL, "noalign")]
    [InlineData("64K:3:odd", 65536UL, 64UL, "odd")]
    [InlineData("64K:100:odd", 65536UL, 100UL, "odd")]
    [InlineData("8K:4096:a:b", 8192UL, 4096UL, "a:b")]
    [InlineData("1:64:abcdefghijklmno", 1UL, 64UL, "abcdefghijklmno")]
    public void Reserve_mem_takes_size_alignment_and_name(string value, ulong size, ulong align, string name)
    {
        Assert.True(ReserveMem.TryParse(value, false, out ulong actualSize, out ulong actualAlign, out ReadOnlySpan<char> actualName));
        Assert.Equal((size, align, name), (actualSize, actualAlign, actualName.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0:4096:zero")]
    [InlineData("1M")]
    [InlineData("1M:4096")]
    [InlineData("1M:4096:")]
    [InlineData("1M:4096:  ")]
    [InlineData("1M:x:name")]
    [InlineData("M:4096:name")]
    [InlineData("1M:4096:abcdefghijklmnop")]
    public void A_malformed_reserve_mem_is_refused_with_a_line(string value)
    {
        KernelLog log = new();

        Assert.Equal(-Errno.EINVAL, new ReserveMem().Handle(value, new PhysicalMemory(), new MemblockAllocator(), New, null, log));
        Assert.Equal("<3>reserve_mem: empty or malformed parameter", Assert.Single(log.Lines).ToString());
    }

    [Fact]
    public void Reserve_mem_without_room_fails_with_a_line()
    {
        KernelLog log = new();

        Assert.Equal(-Errno.ENOMEM, new ReserveMem().Handle("1M:4096:a", new PhysicalMemory(), new MemblockAllocator(), New, null, log));
        Assert.Equal("<3>reserve_mem: memblock allocation failed", Assert.Single(log.Lines).ToString());
    }
}
