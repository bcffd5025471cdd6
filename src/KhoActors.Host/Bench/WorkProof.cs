using System.Globalization;

namespace KhoActors.Host.Bench;

/// <summary>What a workload left behind, and whether it was the reference's in every repetition.</summary>
/// <param name="Text">What it left: for a tracker entries, checksum and metadata pages.</param>
/// <param name="Verified">Whether it was always what the reference has.</param>
public sealed record WorkProof(string Text, bool Verified)
{
    /// <summary>The proof of a tracker workload.</summary>
    /// <param name="count">Entries that the walk found.</param>
    /// <param name="checksum">Sum of address and order of each.</param>
    /// <param name="pages">Metadata pages, the root included.</param>
    /// <param name="verified">Whether they are the reference's.</param>
    /// <returns>The proof.</returns>
    public static WorkProof OfTree(long count, ulong checksum, int pages, bool verified) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{count} entries, sum 0x{checksum:x}, {pages} pages"), verified);
}
