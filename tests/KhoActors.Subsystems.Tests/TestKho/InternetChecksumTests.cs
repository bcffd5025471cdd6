using System.Buffers.Binary;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.TestKho;

namespace KhoActors.Subsystems.Tests.TestKho;

/// <summary>The checksum against the plain definition: word after word, end-around carry after each, folded at the end of each folio.</summary>
public sealed class InternetChecksumTests
{
    [Theory]
    [InlineData(new ulong[0], 0u)]
    [InlineData(new ulong[] { 1, 2 }, 3u)]
    [InlineData(new ulong[] { 0xFFFF_FFFF }, 0xFFFF_FFFFu)]
    [InlineData(new ulong[] { 0xFFFF_FFFF, 1 }, 1u)]
    [InlineData(new ulong[] { ulong.MaxValue }, 0xFFFF_FFFFu)]
    [InlineData(new ulong[] { ulong.MaxValue, ulong.MaxValue }, 0xFFFF_FFFFu)]
    [InlineData(new ulong[] { 0x0000_0001_0000_0000 }, 1u)]
    [InlineData(new ulong[] { 0xFFFF_FFFF_0000_0000, 0x0000_0001_0000_0002 }, 3u)]
    public void The_words_of_a_page_are_added_with_end_around_carry(ulong[] words, uint expected)
    {
        PhysicalMemory memory = new();
        for (int i = 0; i < words.Length; i++)
        {
            memory.WriteUInt64(0x5000 + ((ulong)i * 8), words[i]);
        }

        Assert.Equal(expected, ChecksumOf(memory, (5, 1)));
    }

    [Fact]
    public void Zero_memory_sums_to_zero_and_poison_does_not()
    {
        PhysicalMemory memory = new();
        memory.Poison(9, 3);

        Assert.Equal(0u, ChecksumOf(memory, (1, 8)));
        Assert.Equal(Plain(memory, (9, 3)), ChecksumOf(memory, (9, 3)));
    }

    [Fact]
    public void Any_mixture_of_backgrounds_and_written_pages_gives_the_plain_sum_and_stays_as_it_is()
    {
        for (ulong seed = 0; seed < 300; seed++)
        {
            SplitMix64 draws = new(seed);
            PhysicalMemory memory = new();
            for (ulong i = draws.Below(12); i > 0; i--)
            {
                ulong pfn = draws.Below(64), pages = 1 + draws.Below(20);
                switch (draws.Below(4))
                {
                    case 0:
                        memory.Fill(pfn, pages, new PagePattern(draws.Next(), draws.Next()));
                        break;
                    case 1:
                        memory.Poison(pfn, pages);
                        break;
                    case 2:
                        memory.Zero(pfn, pages);
                        break;
                    default:
                        memory.WriteUInt64((pfn << 12) + (8 * draws.Below(512)), draws.Below(2) == 0 ? ulong.MaxValue : draws.Next());
                        break;
                }
            }

            (ulong, ulong)[] folios = [(draws.Below(64), 1 + draws.Below(30)), (draws.Below(64), draws.Below(4)), (draws.Below(64), 1 + draws.Below(40))];
            int written = memory.WrittenPages;

            Assert.True(Plain(memory, folios) == ChecksumOf(memory, folios), $"seed {seed}");
            Assert.Equal(written, memory.WrittenPages);
        }
    }

    private static uint ChecksumOf(PhysicalMemory memory, params (ulong Pfn, ulong Pages)[] folios)
    {
        InternetChecksum checksum = new();
        foreach ((ulong pfn, ulong pages) in folios)
        {
            checksum.Add(memory, pfn, pages);
        }

        return checksum.Value;
    }

    private static uint Plain(PhysicalMemory memory, params (ulong Pfn, ulong Pages)[] folios)
    {
        uint running = 0;
        foreach ((ulong pfn, ulong pages) in folios)
        {
            byte[] bytes = new byte[pages << 12];
            memory.Read(pfn << 12, bytes);
            ulong sum = running;
            for (int i = 0; i < bytes.Length; i += 8)
            {
                ulong word = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(i));
                sum += word;
                sum += sum < word ? 1UL : 0;
            }

            uint low = (uint)sum, high = (uint)(sum >> 32);
            running = low + high;
            running += running < high ? 1U : 0;
        }

        return running;
    }
}
