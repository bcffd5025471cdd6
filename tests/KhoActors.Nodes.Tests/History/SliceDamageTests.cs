using System.Buffers.Binary;
using System.Globalization;
using System.Text.RegularExpressions;
using KhoActors.Nodes.History;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Tests.History;

/// <summary>No damage to a slice goes unseen, every refusal says where and what, and hostile bytes cost little.</summary>
public class SliceDamageTests
{
    private const string Place = "sqlite:./khoactors.db, run 3";
    private const string Record = $"{Place}: machine 5, generations from 8: the record";

    [Fact]
    public void Each_flipped_bit_is_found_and_named()
    {
        SliceRecord record = SliceBench.Ordinary();
        byte[] encoded = SliceBench.Codec.Encode(record);
        for (int bit = 0; bit < encoded.Length * 8; bit++)
        {
            byte[] damaged = [.. encoded];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal($"{Record} of {encoded.Length} bytes is damaged, its checksum does not match", Refusal(record, damaged));
        }
    }

    [Fact]
    public void Each_truncation_and_each_byte_more_is_found_and_named()
    {
        SliceRecord record = SliceBench.Ordinary();
        byte[] encoded = SliceBench.Codec.Encode(record);
        for (int length = 0; length < encoded.Length; length++)
        {
            Assert.StartsWith(Record, Refusal(record, encoded[..length]));
        }

        Assert.StartsWith(Record, Refusal(record, [.. encoded, 0]));
    }

    [Fact]
    public void A_record_under_another_name_is_found()
    {
        SliceRecord record = SliceBench.Ordinary();
        byte[] encoded = SliceBench.Codec.Encode(record);
        const string Wrong = "the record is of machine 5, generation 8: it is in the wrong place";
        Assert.Equal($"{Place}: machine 6, generations from 8, byte 1: {Wrong}", Refusal(new StoredSlice(6, 8, encoded)));
        Assert.Equal($"{Place}: machine 5, generations from 12, byte 1: {Wrong}", Refusal(new StoredSlice(5, 12, encoded)));
        Assert.Equal($"{Place}: machine -1, generations from 8, byte 1: {Wrong}", Refusal(new StoredSlice(-1, 8, encoded)));
    }

    /// <summary>Bytes with a right checksum, as only malice or a defect makes them: each is read as a record that encodes to them, or refused.</summary>
    [Fact]
    public void Every_byte_changed_under_a_right_checksum_is_read_as_it_stands_or_refused()
    {
        SliceRecord record = SliceBench.Random(new SplitMix64(5)) with { Machine = 5 };
        for (ulong seed = 0; SliceBench.Codec.Encode(record).Length > 1200; seed++)
        {
            record = SliceBench.Random(new SplitMix64(seed)) with { Machine = 5 };
        }

        byte[] encoded = SliceBench.Codec.Encode(record);
        int read = 0;
        for (int at = 0; at < encoded.Length - Checksum64.SizeBytes; at++)
        {
            foreach (byte change in (ReadOnlySpan<byte>)[0, 1, 2, 4, 8, 16, 32, 64, 128, 255, 127, encoded[at]])
            {
                byte[] changed = [.. encoded];
                changed[at] ^= change;
                read += IsReadAsItStands(record.Stored(Sealed(changed))) ? 1 : 0;
            }
        }

        Assert.InRange(read, encoded.Length, encoded.Length * 12);
    }

    [Fact]
    public void Random_bytes_are_refused_quickly_and_cost_little_memory()
    {
        SplitMix64 random = new(1);
        byte[] head = [1, 5, 8];
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100_000; i++)
        {
            byte[] bytes = new byte[random.Index(120)];
            for (int at = 0; at < bytes.Length; at++)
            {
                bytes[at] = (byte)(random.Index(3) == 0 ? random.Next() : random.Below(20));
            }

            // Half of them get past the checksum, most of these past the head.
            byte[] candidate = random.Index(2) == 0 ? bytes : Sealed([.. head, .. bytes, .. new byte[Checksum64.SizeBytes]]);
            IsReadAsItStands(new StoredSlice(5, 8, candidate));
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000L * 16 * 1024);
    }

    [Theory]
    [InlineData(0, "02", "generations from 8, byte 0: the record's version is 2, this program reads 1")]
    [InlineData(0, "8100", "generations from 8, byte 0: the version is written longer than it needs to be")]
    [InlineData(3, "20", "generations from 8, byte 3: 32 generations more are announced, the record has room for 4")]
    [InlineData(3, "ffffffff0f", "generations from 8, byte 3: 4294967295 generations more are announced")]
    [InlineData(3, "ffffffffffffffffff02", "generations from 8, byte 3: the number of generations is longer than 64 bits")]
    [InlineData(4, "02", "generations 8 to 11, byte 4: the hardware is 2, at most 1 is accepted")]
    [InlineData(5, "01", "generations 8 to 11, byte 5: the chain is 1, at most 0 is accepted")]
    [InlineData(6, "04", "generations 8 to 11, byte 6: draws of 4 substreams are counted, the run has 5")]
    [InlineData(7, "0b", "generations 8 to 11, byte 7: the end of generation 8 is 0, 1 to 9 are accepted")]
    [InlineData(7, "ab", "generations 8 to 11, byte 7: the end of generation 8 is 10, 1 to 9 are accepted")]
    [InlineData(8, "bd", "generations 8 to 11, byte 8: the mask of counts is 0xbd: a bit is set that means nothing")]
    [InlineData(9, "00", "generations 8 to 11, byte 9: a kernel is written that follows from the generation before")]
    [InlineData(9, "04", "generations 8 to 11, byte 9: the kernel before is 4, at most 3 is accepted")]
    [InlineData(10, "00", "generations 8 to 11, byte 10: a count is written that did not change")]
    [InlineData(10, "01", "generations 8 to 11, byte 10: a count becomes 18446744073709551615, at most 2147483647 is accepted")]
    [InlineData(16, "37", "generations 8 to 11, byte 16: the bitmap of substreams names more than 5")]
    [InlineData(23, "ff7f", "generations 8 to 11, byte 25: the decisions takes 16383 bytes, ")]
    public void A_refusal_says_which_byte_and_what_is_wrong(int at, string replacement, string expected)
    {
        SliceRecord record = SliceBench.Ordinary();
        byte[] encoded = SliceBench.Codec.Encode(record);
        byte[] changed = Sealed([.. encoded[..at], .. Convert.FromHexString(replacement), .. encoded[(at + 1)..]]);
        Assert.StartsWith($"{Place}: machine 5, {expected}", Refusal(record, changed));
    }

    // @n is a byte n behind the last generation.
    [Theory]
    [InlineData("0700", "byte @0: a replay needs section 3 (fault decisions), which this program does not read: a later version wrote it")]
    [InlineData("9b01", "byte @0: a replay needs section 77, which this program does not read: a later version wrote it")]
    [InlineData("0200", "byte @0: section 1 (order of deliveries) is marked as one that may be left out")]
    [InlineData("030501aa000000090100", "byte @7: a replay needs section 4 (outside interventions)")]
    [InlineData("030400000000", "byte @2, section 1 (order of deliveries), byte 0: it is written and has nothing in it")]
    [InlineData("030401aa0000", "byte @2, section 1 (order of deliveries), byte 4: the length of the order is missing: nothing is left")]
    [InlineData("030601aa0000000005", "byte @2, section 1 (order of deliveries), byte 5: nothing is expected here, 1 bytes follow")]
    [InlineData("9a010a00", "byte @3: section 77 takes 10 bytes, 1 are left")]
    [InlineData("9a010098010000", "byte @3: section 76 is behind section 77")]
    [InlineData("9a01009a0100", "byte @3: section 77 is behind section 77")]
    [InlineData("d20f00", "byte @0: the tag of a section is 2002, at most 2001 is accepted")]
    [InlineData("0509010001610162000000", "generation 8 has more violations than it counts")]
    [InlineData("050201ff", "byte @2, section 2 (violations), byte 2: the generation of a violation is missing: nothing is left")]
    [InlineData("0504010001ff", "byte @2, section 2 (violations), byte 2: an invariant is not UTF-8")]
    [InlineData("050165", "byte @2, section 2 (violations), byte 0: the number of violations is 101, at most 100 is accepted")]
    [InlineData("05020111", "byte @2, section 2 (violations), byte 1: a violation's generation is -1")]
    public void Sections_that_are_not_understood_are_refused_by_name(string section, string expected)
    {
        SliceRecord record = SliceBench.Ordinary();
        byte[] encoded = SliceBench.Codec.Encode(record);
        byte[] changed = Sealed([.. encoded[..^Checksum64.SizeBytes], .. Convert.FromHexString(section), .. new byte[Checksum64.SizeBytes]]);
        int end = encoded.Length - Checksum64.SizeBytes;
        string counted = Regex.Replace(expected, "@([0-9]+)", match => $"{end + int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)}");
        string refusal = Refusal(record, changed);
        Assert.True(refusal.Contains(counted, StringComparison.Ordinal), $"{refusal}\ninstead of {counted}");
    }

    [Fact]
    public void A_section_that_a_reader_may_pass_over_is_kept()
    {
        SliceRecord record = SliceBench.Ordinary() with { OtherSections = [new SliceSection(3, new byte[] { 1, 2 }), new SliceSection(1000, default)] };
        byte[] encoded = SliceBench.Codec.Encode(record);
        SliceRecord read = SliceBench.Codec.Decode(record.Stored(encoded), Place);
        Assert.Equal([3, 1000], read.OtherSections.Select(section => section.Number));
        Assert.Equal(encoded, SliceBench.Codec.Encode(read));
    }

    /// <summary>Bytes whose last eight are the checksum of the others.</summary>
    private static byte[] Sealed(byte[] bytes)
    {
        int length = bytes.Length - Checksum64.SizeBytes;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(length), Checksum64.Of(bytes.AsSpan(0, length)));
        return bytes;
    }

    private static bool IsReadAsItStands(StoredSlice stored)
    {
        SliceRecord read;
        try
        {
            read = SliceBench.Codec.Decode(stored, Place);
        }
        catch (HistoryDamageException refusal)
        {
            Assert.StartsWith($"{Place}: machine 5, generations ", refusal.Message);
            return false;
        }

        Assert.Equal(stored.Encoded.ToArray(), SliceBench.Codec.Encode(read));
        return true;
    }

    private static string Refusal(SliceRecord record, byte[] encoded) => Refusal(record.Stored(encoded));

    private static string Refusal(StoredSlice stored) => Assert.Throws<HistoryDamageException>(() => SliceBench.Codec.Decode(stored, Place)).Message;
}
