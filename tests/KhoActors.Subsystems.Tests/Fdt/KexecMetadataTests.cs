using KhoActors.Subsystems.Kho;

namespace KhoActors.Subsystems.Tests.Fdt;

/// <summary>The 73-byte structure and the kernel's four ways to refuse it.</summary>
public sealed class KexecMetadataTests
{
    [Fact]
    public void The_structure_is_packed_and_little_endian()
    {
        var page = new byte[4096];
        KexecMetadata.Write(page, "7.1.0", 0x01020304);
        Assert.Equal(FdtBytes.Parse("01 00 00 00 37 2e 31 2e 30 00"), page[..10]);
        Assert.False(page.AsSpan(10, 59).ContainsAnyExcept((byte)0));
        Assert.Equal(new byte[] { 4, 3, 2, 1, 0 }, page[69..74]);
    }

    [Theory]
    [InlineData("6.19.0-rc4-next-20260107", 1u)]
    [InlineData("", 0u)]
    [InlineData("7.1.0", uint.MaxValue)]
    public void What_is_written_is_read(string release, uint count)
    {
        var page = new byte[4096];
        KexecMetadata.Write(page, release, count);
        Assert.Equal(KexecMetadataReading.Read, KexecMetadata.TryRead(page, 73, out var metadata));
        Assert.Equal(new KexecMetadata(1, release, count), metadata);
    }

    [Fact]
    public void A_release_is_cut_to_64_characters()
    {
        var page = new byte[4096];
        KexecMetadata.Write(page, new string('r', 70), 1);
        Assert.Equal(0, page[68]);
        KexecMetadata.TryRead(page, 73, out var metadata);
        Assert.Equal(new string('r', 64), metadata.PreviousRelease);
    }

    [Fact]
    public void A_release_without_NUL_does_not_run_into_the_count()
    {
        var page = new byte[4096];
        page.AsSpan(0, 73).Fill((byte)'x');
        "\u0001\0\0\0"u8.CopyTo(page);
        KexecMetadata.TryRead(page, 73, out var metadata);
        Assert.Equal(new string('x', 64), metadata.PreviousRelease);
    }

    [Theory]
    [InlineData(3, 1, KexecMetadataReading.TooSmall)]
    [InlineData(0, 1, KexecMetadataReading.TooSmall)]
    [InlineData(73, 0, KexecMetadataReading.VersionUnsupported)]
    [InlineData(4, 2, KexecMetadataReading.VersionUnsupported)]
    [InlineData(72, 1, KexecMetadataReading.TooSmallForVersion)]
    [InlineData(4, 1, KexecMetadataReading.TooSmallForVersion)]
    [InlineData(ulong.MaxValue, 1, KexecMetadataReading.Read)]
    public void Size_is_checked_before_version_and_then_again(ulong sizeBytes, byte version, KexecMetadataReading expected)
    {
        var page = new byte[4096];
        KexecMetadata.Write(page, "7.1.0", 1);
        page[0] = version;
        Assert.Equal(expected, KexecMetadata.TryRead(page, sizeBytes, out var metadata));
        Assert.Equal(expected == KexecMetadataReading.VersionUnsupported ? version : metadata.Version, metadata.Version);
    }
}
