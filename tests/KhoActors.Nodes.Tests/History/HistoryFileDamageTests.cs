using System.Buffers.Binary;
using KhoActors.Nodes.History;

namespace KhoActors.Nodes.Tests.History;

/// <summary>No damage to a file goes unseen, and costs no more than the part that it is in.</summary>
public sealed class HistoryFileDamageTests : IDisposable
{
    private const int HeadBytes = 33;
    private const int EndBytes = 40;
    private readonly HistoryFileBench _bench = new();
    private readonly byte[] _bytes;
    private readonly List<(int Start, int End)> _parts = [];
    private readonly string[] _slices = [.. HistoryFileBench.Stored.Select(HistoryFileBench.Text)];

    public HistoryFileDamageTests()
    {
        _bytes = _bench.WriteShort();
        for (int start = 8; start < _bytes.Length; start = _parts[^1].End)
        {
            _parts.Add((start, start + HeadBytes + BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(start + 13))));
        }

        Assert.Equal(5, _parts.Count);
    }

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void Each_flipped_byte_is_found_and_named_and_the_other_parts_stay_readable()
    {
        for (int at = 0; at < _bytes.Length; at++)
        {
            byte[] damaged = [.. _bytes];
            damaged[at] ^= (byte)(1 << (at % 8));
            (IReadOnlyList<string> slices, IReadOnlyList<string> damage) = _bench.Read(damaged);
            int part = _parts.FindIndex(part => at >= part.Start && at < part.End);
            string expected = part < 0 ? "no history file, or damaged" : part == 0 || at - _parts[part].Start < HeadBytes ? $"part {part}" : NameOf(part);
            Assert.True(damage.Count > 0 && damage[0].Contains(expected, StringComparison.Ordinal), $"byte {at}: {string.Join('\n', damage)}\ninstead of {expected}");
            Assert.All(damage, message => Assert.StartsWith(_bench.Path, message));

            // Without the run nothing can be made of its records.
            Assert.Equal(part <= 0 ? [] : _slices.Where((_, i) => i + 1 != part), slices);
        }
    }

    [Fact]
    public void Each_truncation_is_found_and_what_is_whole_stays_readable()
    {
        for (int length = 0; length < _bytes.Length; length++)
        {
            (IReadOnlyList<string> slices, IReadOnlyList<string> damage) = _bench.Read(_bytes[..length]);
            Assert.True(damage.Count > 0, $"length {length}");
            Assert.Equal(_slices.Where((_, i) => _parts[i + 1].End <= length), slices);
            if (length >= _parts[0].End)
            {
                Assert.Contains($"cut short at byte {length}: the end is missing", damage[^1]);
            }
        }
    }

    [Fact]
    public void Nobody_to_be_told_means_that_reading_ends_at_the_damage()
    {
        byte[] damaged = [.. _bytes];
        damaged[_parts[2].End - 1] ^= 1;
        File.WriteAllBytes(_bench.Path, damaged);
        using HistoryFile file = HistoryFile.Open(_bench.Path);
        List<int> read = [];
        HistoryDamageException damage = Assert.Throws<HistoryDamageException>(() => read.AddRange(file.ReadSlices().Select(slice => slice.FirstGeneration)));
        Assert.Contains("part 2, machine 5, generations from 4: damaged, the checksum of bytes ", damage.Message);
    }

    [Fact]
    public void A_part_that_is_missing_twice_there_or_moved_is_found()
    {
        byte[] Part(int i) => _bytes[_parts[i].Start.._parts[i].End];
        byte[] Joined(params int[] parts) => [.. _bytes[..8], .. parts.SelectMany(Part)];
        void Found(byte[] bytes, params string[] expected)
        {
            IReadOnlyList<string> damage = _bench.Read(bytes).Damage;
            Assert.Equal(expected.Length, damage.Count);
            Assert.All(expected, text => Assert.Contains(damage, message => message.Contains(text, StringComparison.Ordinal)));
        }

        Assert.Empty(_bench.Read(Joined(0, 1, 2, 3, 4)).Damage);
        Found(Joined(0, 1, 3, 4), "part 3, machine 700, generations from 0 is where part 2 should be");
        Found(Joined(0, 1, 2, 2, 3, 4), "part 2, machine 5, generations from 4 is where part 3 should be", "out of order");
        Found(Joined(0, 2, 1, 3, 4), "is where part 1 should be", "is where part 3 should be", "out of order", "is where part 2 should be");
        Found([.. _bytes, 0], $"1 bytes follow the end at byte {_bytes.Length}");
        Found(Joined(4), "the head of part 0, the run, is damaged");
    }

    /// <summary>Each part has its right checksum: only the hash of the whole knows.</summary>
    [Fact]
    public void A_part_replaced_by_another_with_a_right_checksum_is_found()
    {
        string second = Path.Combine(_bench.Folder, "second.khist");
        RunFacts facts = HistoryFileBench.Run.Facts with { ResolvedScenario = "{}" };
        HistoryFile.Write(second, HistoryFileBench.Run with { Number = 4, Facts = facts }, HistoryFileBench.Stored);
        byte[] mixed = [.. File.ReadAllBytes(second).AsSpan(0, _parts[0].End), .. _bytes.AsSpan(_parts[0].End)];
        (IReadOnlyList<string> slices, IReadOnlyList<string> damage) = _bench.Read(mixed);
        Assert.Equal(_slices, slices);
        Assert.EndsWith($"the SHA-256 of the first {_bytes.Length - EndBytes - HeadBytes} bytes does not match, though each part's checksum does", Assert.Single(damage));
    }

    [Fact]
    public void Bytes_by_chance_never_do_worse_than_being_refused()
    {
        SplitMix64 random = new(1);
        for (int i = 0; i < 3000; i++)
        {
            byte[] bytes = [.. _bytes];
            int from = random.Index(2) == 0 ? _parts[0].End : 0;
            for (int flips = 1 + random.Index(40); flips > 0; flips--)
            {
                bytes[from + random.Index(bytes.Length - from)] = (byte)random.Next();
            }

            (IReadOnlyList<string> slices, IReadOnlyList<string> damage) = _bench.Read(random.Index(3) == 0 ? bytes[random.Index(bytes.Length)..] : bytes);
            Assert.True(damage.Count is > 0 and < 20, $"round {i}: {damage.Count} messages");
            Assert.All(slices, slice => Assert.Contains(slice, _slices));
        }
    }

    private static string NameOf(int part) => part switch
    {
        4 => "part 4, the end: damaged",
        3 => "part 3, machine 700, generations from 0: damaged",
        _ => $"part {part}, machine 5, generations from {(part - 1) * 4}: damaged",
    };
}
