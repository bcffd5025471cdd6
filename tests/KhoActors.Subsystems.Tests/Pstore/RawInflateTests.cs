using System.IO.Compression;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Subsystems.Tests.Pstore;

/// <summary>Inflate against the runtime's, and against hostile input.</summary>
public class RawInflateTests
{
    [Fact]
    public void What_anybody_deflates_is_inflated()
    {
        RawDeflate ours = new();
        for (ulong seed = 1; seed <= 100; seed++)
        {
            byte[] text = RandomText(seed);
            ReadOnlySpan<byte> compressed = ours.Compress(text, text.Length + 100);
            AssertInflates(seed, compressed, text);
            foreach (CompressionLevel level in new[] { CompressionLevel.NoCompression, CompressionLevel.Fastest, CompressionLevel.SmallestSize })
            {
                using MemoryStream data = new();
                using (DeflateStream deflate = new(data, level))
                {
                    deflate.Write(text);
                }

                AssertInflates(seed, data.ToArray(), text);
            }
        }
    }

    [Fact]
    public void Damage_never_throws_and_never_writes_behind_the_limit()
    {
        RawDeflate ours = new();
        int[] results = new int[3];
        for (ulong seed = 1; seed <= 4000; seed++)
        {
            SplitMix64 random = new(seed);
            byte[] text = RandomText((seed % 50) + 1);
            byte[] data = ours.Compress(text, text.Length + 100).ToArray();
            for (ulong i = 0; i <= random.Below(3); i++)
            {
                data[(int)random.Below((ulong)data.Length)] ^= (byte)(1 << (int)random.Below(8));
            }

            byte[] output = new byte[text.Length + 100];
            int limit = (int)random.Below((ulong)output.Length);
            output.AsSpan(limit).Fill(0xEE);
            int result = RawInflate.Run(data.AsSpan(0, (int)random.Below((ulong)data.Length + 1)), output.AsSpan(0, limit), out int length);
            Assert.InRange(length, 0, limit);
            Assert.True(output.AsSpan(limit).IndexOfAnyExcept((byte)0xEE) < 0, $"seed {seed}");
            results[result == RawInflate.StreamEnd ? 0 : result == RawInflate.DataError ? 1 : 2]++;
        }

        Assert.All(results, count => Assert.True(count > 0));
    }

    [Theory]
    [InlineData("07", -3)] // block type 3
    [InlineData("0100000000", -3)] // stored, length and complement equal
    [InlineData("010000FFFF", 1)]
    [InlineData("010100FEFF", -5)] // stored, its byte is missing
    [InlineData("0300", 1)] // fixed, empty
    [InlineData("03", -5)]
    [InlineData("", -5)]
    [InlineData("0302", -3)] // a match before the beginning
    public void Edges(string hex, int result) => Assert.Equal(result, RawInflate.Run(Convert.FromHexString(hex), new byte[10], out _));

    [Fact]
    public void The_text_may_take_exactly_the_limit()
    {
        RawDeflate deflate = new();
        byte[] text = RandomText(9);
        byte[] data = deflate.Compress(text, text.Length + 100).ToArray();
        Assert.Equal(RawInflate.StreamEnd, deflate.Inflate(data, text.Length, out _));
        Assert.Equal(RawInflate.BufferError, deflate.Inflate(data, text.Length - 1, out _));
    }

    [Fact]
    public void Compressed_data_may_take_exactly_the_limit()
    {
        RawDeflate deflate = new();
        byte[] text = RandomText(9);
        int length = deflate.Compress(text, text.Length + 100).Length;
        Assert.Equal(length, deflate.Compress(text, length).Length);
        Assert.True(deflate.Compress(text, length - 1).IsEmpty);
    }

    private static byte[] RandomText(ulong seed)
    {
        SplitMix64 random = new(seed);
        byte[] text = new byte[random.Below(20000)];
        ulong letters = 1 + random.Below(256);
        for (int i = 0; i < text.Length; i++)
        {
            text[i] = i > 100 && random.Below(3) != 0 ? text[i - 1 - (int)random.Below(100)] : (byte)random.Below(letters);
        }

        return text;
    }

    private static void AssertInflates(ulong seed, ReadOnlySpan<byte> data, byte[] text)
    {
        byte[] output = new byte[text.Length];
        int result = RawInflate.Run(data, output, out int length);
        bool isSame = result == RawInflate.StreamEnd && length == text.Length && output.AsSpan().SequenceEqual(text);
        Assert.True(isSame, $"seed {seed}: {result}, {length} of {text.Length}");
    }
}
