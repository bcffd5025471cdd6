using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.TestKho;
using KhoActors.Subsystems.Tests.Fdt;

namespace KhoActors.Subsystems.Tests.TestKho;

public sealed class TestKhoFdtTests
{
    private static readonly TestKhoFdt Example = new(3, new VmallocDescriptor(0x1_04a6_0000, 1, 3, 0), 0x1234_5678);

    /// <summary>The reference, 14.1: three folios, an array of one page, flags 3.</summary>
    private static readonly byte[] ExampleBytes = FdtBytes.Parse("""
        d0 0d fe ed 00 00 00 f0  00 00 00 40 00 00 00 c4
        00 00 00 30 00 00 00 11  00 00 00 10 00 00 00 00
        00 00 00 2c 00 00 00 84  00 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
        00 00 00 01 00 00 00 00  00 00 00 03 00 00 00 0c
        00 00 00 21 6b 68 6f 2d  74 65 73 74 2d 76 31 00
        00 00 00 03 00 00 00 04  00 00 00 1b 21 4f 48 4b
        00 00 00 01 64 61 74 61  00 00 00 00 00 00 00 03
        00 00 00 04 00 00 00 11  03 00 00 00 00 00 00 03
        00 00 00 10 00 00 00 05  00 00 a6 04 01 00 00 00
        01 00 00 00 03 00 00 00  00 00 00 03 00 00 00 04
        00 00 00 00 78 56 34 12  00 00 00 02 00 00 00 02
        00 00 00 09
        "csum.folios_info.nr_folios.magic.compatible."
        """);

    [Fact]
    public void Write_gives_the_240_bytes_of_the_reference()
    {
        byte[] page = new byte[4096 + 24];

        Assert.Equal(0, Example.Write(page));
        Assert.Equal(TestKhoFdt.SizeBytes, ExampleBytes.Length);
        Assert.Equal(ExampleBytes, FdtBytes.Blob(page));
    }

    [Fact]
    public void What_was_written_is_read_again()
    {
        byte[] page = new byte[4096];
        for (ulong seed = 0; seed < 1000; seed++)
        {
            SplitMix64 draws = new(seed);
            TestKhoFdt values = new((uint)draws.Next(), VmallocDescriptor.From(draws.Next(), draws.Next()), (uint)draws.Next());
            Assert.Equal(0, values.Write(page));

            Assert.True(TestKhoFdt.TryRead(page, out TestKhoFdt found));
            Assert.Equal(values, found);
        }
    }

    [Fact]
    public void A_buffer_that_is_too_small_is_refused_by_a_libfdt_code() => Assert.True(Example.Write(new byte[200]) < 0);

    [Fact]
    public void Any_damage_is_read_or_refused_and_never_throws()
    {
        for (ulong seed = 0; seed < 20_000; seed++)
        {
            SplitMix64 draws = new(seed);
            byte[] page = new byte[draws.Below(4) == 0 ? 4096 : 240];
            ExampleBytes.CopyTo(page, 0);
            for (ulong i = 1 + draws.Below(4); i > 0; i--)
            {
                page[draws.Below(240)] = draws.Below(2) == 0 ? (byte)draws.Next() : (byte)(draws.Below(2) * 0xFF);
            }

            bool accepted = TestKhoFdt.TryRead(page, out TestKhoFdt found);
            Assert.True(accepted || found == default, $"seed {seed}");
        }
    }
}
