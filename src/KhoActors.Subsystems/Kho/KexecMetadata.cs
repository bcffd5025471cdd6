using System.Buffers.Binary;
using System.Text;

namespace KhoActors.Subsystems.Kho;

/// <summary>How reading an incoming metadata blob ended, in the order in which the kernel checks.</summary>
public enum KexecMetadataReading
{
    /// <summary>Read: the line <c>KHO: exec from: release (count n)</c>.</summary>
    Read,

    /// <summary>Fewer than 4 bytes: <c>KHO: kexec-metadata blob too small (n bytes)</c>.</summary>
    TooSmall,

    /// <summary>Another version: <c>KHO: kexec-metadata version v not supported (expected 1)</c>.</summary>
    VersionUnsupported,

    /// <summary>Version 1 but fewer than 73 bytes: <c>KHO: kexec-metadata blob too small for v1 (n &lt; 73)</c>.</summary>
    TooSmallForVersion,
}

/// <summary>
/// The sub-blob <c>kexec-metadata</c>: which kernel handed over, and how many hand-overs there were (include/linux/kho/abi/kexec_metadata.h,
/// kho-v3 on). A packed structure of 73 bytes, little-endian, not an FDT.
/// </summary>
/// <param name="Version">The structure's version.</param>
/// <param name="PreviousRelease">Release of the kernel that wrote it (uname -r), at most 64 characters.</param>
/// <param name="KexecCount">Hand-overs since the last cold boot; wraps.</param>
public readonly record struct KexecMetadata(uint Version, string PreviousRelease, uint KexecCount)
{
    /// <summary>Name of the sub-tree in the root FDT.</summary>
    public const string SubtreeName = "kexec-metadata";

    /// <summary>Bytes of the structure; also the blob-size.</summary>
    public const int SizeBytes = ReleaseOffset + ReleaseBytes + sizeof(uint);

    /// <summary>The version that is written and understood.</summary>
    public const uint CurrentVersion = 1;

    private const int ReleaseOffset = sizeof(uint);

    // __NEW_UTS_LEN and a NUL.
    private const int ReleaseBytes = 65;

    private const int CountOffset = ReleaseOffset + ReleaseBytes;

    /// <summary>Writes the structure at the start of a zeroed page.</summary>
    /// <param name="page">At least 73 bytes.</param>
    /// <param name="release">The running kernel's release, cut to 64 characters.</param>
    /// <param name="kexecCount">The incoming count plus one, wrapping; after a cold boot 1.</param>
    /// <exception cref="ArgumentException">The span is too short.</exception>
    public static void Write(Span<byte> page, string release, uint kexecCount)
    {
        if (page.Length < SizeBytes)
        {
            throw new ArgumentException("The structure takes 73 bytes.", nameof(page));
        }

        BinaryPrimitives.WriteUInt32LittleEndian(page, CurrentVersion);
        var text = page.Slice(ReleaseOffset, ReleaseBytes);
        text.Clear();
        Encoding.Latin1.GetBytes(release.AsSpan(0, Math.Min(release.Length, ReleaseBytes - 1)), text);
        BinaryPrimitives.WriteUInt32LittleEndian(page[CountOffset..], kexecCount);
    }

    /// <summary>Reads the structure as the next kernel does. The content is hostile.</summary>
    /// <param name="page">Memory from the blob's address on; at least 73 bytes, whatever the claimed size.</param>
    /// <param name="sizeBytes">The blob-size of the root FDT.</param>
    /// <param name="metadata">What was read; with <see cref="KexecMetadataReading.VersionUnsupported"/> only the version.</param>
    /// <returns>How it ended; all but <see cref="KexecMetadataReading.Read"/> leave the kernel's count at 0.</returns>
    /// <exception cref="ArgumentException">The span is too short.</exception>
    public static KexecMetadataReading TryRead(ReadOnlySpan<byte> page, ulong sizeBytes, out KexecMetadata metadata)
    {
        if (page.Length < SizeBytes)
        {
            throw new ArgumentException("The structure takes 73 bytes.", nameof(page));
        }

        metadata = default;
        if (sizeBytes < sizeof(uint))
        {
            return KexecMetadataReading.TooSmall;
        }

        var version = BinaryPrimitives.ReadUInt32LittleEndian(page);
        metadata = new KexecMetadata(version, "", 0);
        if (version != CurrentVersion)
        {
            return KexecMetadataReading.VersionUnsupported;
        }

        if (sizeBytes < SizeBytes)
        {
            return KexecMetadataReading.TooSmallForVersion;
        }

        var text = page.Slice(ReleaseOffset, ReleaseBytes - 1);
        var end = text.IndexOf((byte)0);
        metadata = new KexecMetadata(
            version,
            Encoding.Latin1.GetString(end < 0 ? text : text[..end]),
            BinaryPrimitives.ReadUInt32LittleEndian(page[CountOffset..]));
        return KexecMetadataReading.Read;
    }
}
