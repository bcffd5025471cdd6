using KhoActors.Nodes.History;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Tests.History;

/// <summary>A slice survives its encoding, in one encoding only, and only what belongs to the run is encoded.</summary>
public class SliceCodecTests
{
    private const string Place = "sqlite:./khoactors.db, run 3";

    [Fact]
    public void Any_record_is_read_back_and_encodes_to_the_same_bytes()
    {
        for (ulong seed = 0; seed < 3000; seed++)
        {
            SliceRecord record = SliceBench.Random(new SplitMix64(seed));
            byte[] encoded = SliceBench.Codec.Encode(record);
            SliceRecord read = SliceBench.Codec.Decode(record.Stored(encoded), Place);
            SliceBench.AssertEqual(record, read, $"seed {seed}");
            Assert.True(encoded.AsSpan().SequenceEqual(SliceBench.Codec.Encode(read)), $"seed {seed}: another encoding");
        }
    }

    /// <summary>Decisions, trail and digest are most of a record; the rest must stay small.</summary>
    [Fact]
    public void An_ordinary_generation_costs_less_than_24_bytes_beside_decisions_trail_and_digest()
    {
        SliceRecord record = SliceBench.Ordinary(machine: 999_999, first: 16);
        int payload = record.Generations.Sum(generation => generation.Decisions.Length + generation.Trail.Length + generation.Digest.Length);
        Assert.InRange((SliceBench.Codec.Encode(record).Length - payload) / (double)record.Generations.Count, 10, 24);
    }

    [Fact]
    public void The_checksum_finds_any_two_flipped_bits()
    {
        byte[] bytes = [.. SliceBench.Codec.Encode(SliceBench.Ordinary(generations: 1)).Take(75)];
        ulong expected = Checksum64.Of(bytes);
        for (int first = 0; first < bytes.Length * 8; first++)
        {
            for (int second = first + 1; second < bytes.Length * 8; second++)
            {
                bytes[first / 8] ^= (byte)(1 << (first % 8));
                bytes[second / 8] ^= (byte)(1 << (second % 8));
                Assert.True(Checksum64.Of(bytes) != expected, $"bits {first} and {second}");
                bytes[first / 8] ^= (byte)(1 << (first % 8));
                bytes[second / 8] ^= (byte)(1 << (second % 8));
            }
        }
    }

    [Fact]
    public void A_record_that_is_not_one_of_the_run_is_refused()
    {
        SliceRecord record = SliceBench.Ordinary();
        GenerationRecord first = record.Generations[0];
        Refused("a slice has a generation", record with { Generations = [] });
        Refused("generations follow each other", record with { Generations = [first, first] });
        Refused("hardware", record with { Hardware = 2 });
        Refused("chain", record with { Chain = 1 });
        Refused("begin with 0", record with { Machine = -1 });
        Refused("no kernel '7.0'", With(record, first with { Report = first.Report with { Kernel = "7.0" } }));
        Refused("has a kernel", With(record, first with { Report = first.Report with { Kernel = "" } }));
        Refused("never recorded", With(record, first with { Report = first.Report with { End = GenerationEnd.Running } }));
        Refused("below 0", With(record, first with { Report = first.Report with { Lost = -1 } }));
        Refused("every substream", With(record, first with { DrawCounters = [1, 2, 3] }));
        Refused("32 bytes", With(record, first with { Digest = new byte[31] }));
        Refused("violations are counted", With(record, first with { Report = first.Report with { Violations = [new Violation("a", 8, "b")] } }));
        Refused("at most 4096", With(record, first with { Report = Violating(first, new Violation("a", 8, new string('x', Violation.DetailBytesMax + 1))) }));
        Refused("at most 4096", With(record, first with { Report = Violating(first, new Violation("a", 8, "\ud800")) }));
        Refused("at most 64", With(record, first with { Report = Violating(first, new Violation(new string('i', 65), 8, "b")) }));
        Refused("ascending", record with { OtherSections = [new SliceSection(2, default)] });
        Refused("ascending", record with { OtherSections = [new SliceSection(9, default), new SliceSection(9, default)] });
        Refused("ascending", record with { OtherSections = [new SliceSection(1001, default)] });
    }

    /// <summary>A client from outside says what it wants; what is kept of it can be stored, and is the same in a replay.</summary>
    [Theory]
    [InlineData("page 0x1 changed")]
    [InlineData("")]
    [InlineData("a lone \ud800 surrogate")]
    [InlineData("\udc00")]
    public void A_short_detail_is_kept_whole(string detail) =>
        Assert.Equal(detail.Replace('\ud800', '\ufffd').Replace('\udc00', '\ufffd'), Violation.Bounded(detail));

    [Theory]
    [InlineData("x")]
    [InlineData("\u00e9")]
    [InlineData("\u20ac")]
    [InlineData("a\U0001F600")]
    public void A_long_detail_is_cut_between_two_characters(string unit)
    {
        string kept = Violation.Bounded(string.Concat(Enumerable.Repeat(unit, 5000)));
        Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(kept), Violation.DetailBytesMax - 3, Violation.DetailBytesMax);
        Assert.DoesNotContain('\ufffd', kept);
        Assert.Equal(kept, Violation.Bounded(kept));
    }

    private static GenerationReport Violating(GenerationRecord generation, Violation violation) =>
        generation.Report with { ViolationCount = 1, Violations = [violation] };

    private static SliceRecord With(SliceRecord record, GenerationRecord first) => record with { Generations = [first, .. record.Generations.Skip(1)] };

    private static void Refused(string why, SliceRecord record) =>
        Assert.Contains(why, Assert.Throws<ArgumentException>(() => SliceBench.Codec.Encode(record)).Message);
}
