using System.Numerics;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Machines;

/// <summary>Appends the whole content of RAM to a digest: every background run and every non-zero word of every written page, in address order.</summary>
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
            digest.Append(pfn);
            AppendPage(memory.WrittenPage(pfn)!, digest);
        }
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
