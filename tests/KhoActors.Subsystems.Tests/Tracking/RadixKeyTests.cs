using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Tests.Tracking;

public class RadixKeyTests
{
    /// <summary>The table of section 5.2: address, order, key, indices of levels 5..1, bit, byte of the leaf and mask in it.</summary>
    [Theory]
    [InlineData(0x1000, 0, 0x0010000000000001, 2, 0, 0, 0, 0, 1, 0x000, 0x02)]
    [InlineData(0x8000000, 0, 0x0010000000008000, 2, 0, 0, 0, 1, 0, 0x000, 0x01)]
    [InlineData(0x104a3c000, 0, 0x0010000000104a3c, 2, 0, 0, 0, 32, 19004, 0x947, 0x10)]
    [InlineData(0x1000000000, 0, 0x0010000001000000, 2, 0, 0, 1, 0, 0, 0x000, 0x01)]
    [InlineData(0x13fffe000, 1, 0x000800000009ffff, 1, 0, 0, 0, 19, 32767, 0xfff, 0x80)]
    [InlineData(0x13ff00000, 8, 0x00001000000013ff, 0, 4, 0, 0, 0, 5119, 0x27f, 0x80)]
    [InlineData(0x200000, 9, 0x0000080000000001, 0, 2, 0, 0, 0, 1, 0x000, 0x02)]
    [InlineData(0x140000000, 10, 0x0000040000000500, 0, 1, 0, 0, 0, 1280, 0x0a0, 0x01)]
    [InlineData(0x40000000, 18, 0x0000000400000001, 0, 0, 2, 0, 0, 1, 0x000, 0x02)]
    [InlineData(0x80000000, 19, 0x0000000200000001, 0, 0, 1, 0, 0, 1, 0x000, 0x02)]
    [InlineData(0xffffffffff000, 0, 0x001000ffffffffff, 2, 0, 127, 511, 511, 32767, 0xfff, 0x80)]
    public void A_block_has_the_key_indices_and_bit_of_the_kernel(
        ulong phys, int order, ulong key, int level5, int level4, int level3, int level2, int level1, int bit, int leafByte, int mask)
    {
        Assert.Equal(key, RadixKey.Encode(phys, order));
        int[] indices = [.. Enumerable.Range(1, 5).Reverse().Select(level => RadixKey.Index(level, key))];
        Assert.Equal([level5, level4, level3, level2, level1], indices);
        Assert.Equal(bit, RadixKey.LeafBit(key));
        Assert.Equal((leafByte, mask), (bit >> 3, 1 << (bit & 7)));
        Assert.Equal((phys, order), RadixKey.Decode(key));
    }

    [Fact]
    public void The_width_is_that_of_the_largest_key() =>
        Assert.Equal(RadixKey.Width, 64 - System.Numerics.BitOperations.LeadingZeroCount(RadixKey.Encode(ulong.MaxValue, 0)));
}
