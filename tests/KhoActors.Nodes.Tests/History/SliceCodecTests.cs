using KhoActors.Nodes.History;

namespace KhoActors.Nodes.Tests.History;

/// <summary>A slice survives its encoding, in one encoding only, and no damage to it goes unseen.</summary>
public class SliceCodecTests
{
    private const string Place = "sqlite:./khoactors.db, run 3";

    [Fact]
    public void Any_record_is_read_back_and_encodes_to_the_same_bytes()
    {
        for (ulong seed = 0; seed < 5000; seed++)
        {
            SliceRecord record = SliceBench.Random(new SplitMix64(seed));
            byte[] encoded = SliceBench.Codec.Encode(record);
            SliceRecord read = SliceBench.Codec.Decode(record.Stored(encoded), Place);
            SliceBench.AssertEqual(record, read, $"seed {seed}");
            Assert.True(encoded.AsSpan().SequenceEqual(SliceBench.Codec.Encode(read)), $"seed {seed}: another encoding");
        }
    }

    [Fact]
    public void Each_flipped_byte_is_found_and_named()
    {
        SliceRecord record = SliceBench.Ordinary();
        byte[] encoded = SliceBench.Codec.Encode(record);
        for (int at = 0; at < encoded.Length; at++)
        {
            for (int bit = 0; bit < 8; bit++)
            {
                byte[] damaged = [.. encoded];
                damaged[at] ^= (byte)(1 << bit);
                Assert.StartsWith($"{Place}: machine 5, generations from 8: the record of {encoded.Length} bytes is damaged", Refusal(record, damaged));
            }
        }
    }

    [Fact]
    public void Each_truncation_is_found_and_named()
    {
        SliceRecord record = SliceBench.Ordinary();
        byte[] encoded = SliceBench.Codec.Encode(record);
        for (int length = 0; length < encoded.Length; length++)
        {
            Assert.StartsWith($"{Place}: machine 5, generations from 8: the record", Refusal(record, encoded[..length]));
        }
    }

    private static string Refusal(SliceRecord record, byte[] encoded) =>
        Assert.Throws<HistoryDamageException>(() => SliceBench.Codec.Decode(record.Stored(encoded), Place)).Message;
}
