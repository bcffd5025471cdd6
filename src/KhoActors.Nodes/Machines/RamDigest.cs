using System.Numerics;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Machines;

/// <summary>
/// Appends the whole content of RAM to a digest: every background run and every non-zero word of every written page, in address order.
/// Written pages that equal their background are left out, as in a snapshot: hibernation must not change a digest.
/// </summary>
internal static class RamDigest
{
    private const int WordsPerMask = 64;

    /// <summary>Appends RAM.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="digest">Receives it.</param>
    public static void Append(PhysicalMemory memory, DigestChain digest)
    {
        foreach (MemoryExtent extent in memory.Background)
        {
            digest.Append(((ulong)extent.Kind << 56) | extent.StartPfn);
            digest.Append(extent.EndPfn);
            digest.Append(extent.Pattern.Seed);
            digest.Append(extent.Pattern.FirstPageIndex);
        }

        foreach (ulong pfn in memory.WrittenPfns())
        {
            ReadOnlySpan<ulong> words = memory.WrittenPage(pfn)!;
            if (!Equals(words, memory.BackgroundOf(pfn), pfn))
            {
                digest.Append(pfn);
                AppendPage(words, digest);
            }
        }
    }

    private static bool Equals(ReadOnlySpan<ulong> words, in MemoryExtent background, ulong pfn)
    {
        int word = 0;
        while (word < words.Length && words[word] == background.WordAt(pfn, word))
        {
            word++;
        }

        return word == words.Length;
    }

    private static void AppendPage(ReadOnlySpan<ulong> words, DigestChain digest)
    {
        while (!words.IsEmpty)
        {
            ReadOnlySpan<ulong> part = words[..WordsPerMask];
            words = words[WordsPerMask..];
            if (!part.ContainsAnyExcept(0UL))
            {
                digest.Append(0);
                continue;
            }

            ulong mask = 0;
            for (int i = 0; i < part.Length; i++)
            {
                mask |= part[i] != 0 ? 1UL << i : 0;
            }

            digest.Append(mask);
            for (; mask != 0; mask &= mask - 1)
            {
                digest.Append(part[BitOperations.TrailingZeroCount(mask)]);
            }
        }
    }
}
