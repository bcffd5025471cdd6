using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>Rows of table B.6 on content: writes, holes, truncate, fallocate, mappings.</summary>
public sealed class B6ContentTests
{
    private const ulong KeepSize = 1;
    private const ulong PunchHole = 3;
    private const ulong MaxOffset = long.MaxValue;

    private readonly TmpfsKernel _kernel = new();
    private readonly TmpfsFileSystem _data;

    public B6ContentTests()
    {
        _data = _kernel.Mount("data", "nr_blocks=8");
        _kernel.Create("/data/f");
    }

    [Fact]
    public void B6_OutOfBlocks_WriteReturnsTheBytesSoFar_OrENOSPC()
    {
        Assert.Equal(new KernelResult(0, 8 << 12), _kernel.Write("/data/f", 0, 1 << 20));
        Assert.Equal((ulong)(8 << 12), _kernel.Size("/data/f"));
        Assert.Equal(-Errno.ENOSPC, _kernel.Write("/data/f", 8 << 12, 1).Code);
        Assert.Equal(new KernelResult(0, 6), _kernel.WriteText("/data/f", (8 << 12) - 6, "0123456789"));
        Assert.Equal(-Errno.ENOSPC, _kernel.Write("/data/f", 1 << 20, 1).Code);
        Assert.Equal((ulong)(8 << 12), _kernel.Size("/data/f"));
    }

    [Fact]
    public void B6_OutOfBlocks_PageFaultOnAMapping_SIGBUS()
    {
        _kernel.Truncate("/data/f", 20 << 12);
        Assert.Equal(new KernelResult(-Errno.EFAULT, 8 << 12), _kernel.MapWrite("/data/f", 0, 9 << 12));
        Assert.Equal(new KernelResult(-Errno.EFAULT, 0), _kernel.MapWrite("/data/f", 20 << 12, 1));
        Assert.Equal(8UL, _data.UsedBlocks);
    }

    [Fact]
    public void OutOfMemory_AsOutOfBlocks_ButENOMEM()
    {
        _kernel.PagesLeft = 2;
        Assert.Equal(new KernelResult(0, 8192 - 100), _kernel.Write("/data/f", 100, 20_000));
        Assert.Equal(-Errno.ENOMEM, _kernel.Write("/data/f", 8192, 1).Code);
        Assert.Equal(-Errno.EFAULT, _kernel.MapWrite("/data/f", 8192, 1).Code);
        Assert.Equal(2UL, _data.UsedBlocks);
    }

    [Theory]
    [InlineData(0UL, 4096)]
    [InlineData(5UL, 3)]
    [InlineData(4096UL, 8192)]
    [InlineData(4095UL, 2)]
    [InlineData(1UL, 12_000)]
    public void Writes_of_a_pattern_are_the_pattern_wherever_they_start(ulong offset, int bytes)
    {
        Assert.Equal(new KernelResult(0, (ulong)bytes), _kernel.Write("/data/f", offset, (ulong)bytes, seed: 77));
        byte[] expected = TmpfsKernel.Pattern(77, (int)offset + bytes);
        expected.AsSpan(0, (int)offset).Clear();
        Assert.Equal(expected, _kernel.Content("/data/f"));
    }

    [Fact]
    public void B6_TruncateDown_FreesWholePages_ZeroesTheTail()
    {
        _kernel.Write("/data/f", 0, 4 << 12, seed: 3);
        Assert.Equal(0, _kernel.Truncate("/data/f", 5000));
        Assert.Equal((5000UL, 16UL, 2), (_kernel.Size("/data/f"), _kernel.Sectors("/data/f"), _kernel.PagesInUse));
        Assert.Equal(0, _kernel.Truncate("/data/f", 9000));
        byte[] expected = TmpfsKernel.Pattern(3, 9000);
        expected.AsSpan(5000).Clear();
        Assert.Equal(expected, _kernel.Content("/data/f"));
    }

    [Fact]
    public void B6_TruncateUp_SparseZeros_NoBlocks()
    {
        Assert.Equal(0, _kernel.Truncate("/data/f", 1UL << 40));
        Assert.Equal((1UL << 40, 0UL), (_kernel.Size("/data/f"), _kernel.Sectors("/data/f")));
        Assert.Equal(new KernelResult(0, 4096, Crc32.Of(new byte[4096])), _kernel.Ask(TmpfsProtocol.Read, "/data/f", 1UL << 39, 4096));
        Assert.Equal(0, _kernel.Truncate("/data/f", MaxOffset));
        Assert.Equal(-Errno.EINVAL, _kernel.Truncate("/data/f", MaxOffset + 1));
        Assert.Equal(-Errno.EISDIR, _kernel.Truncate("/data", 0));
    }

    [Fact]
    public void A_terabyte_with_three_pages()
    {
        foreach (ulong offset in new[] { 0UL, 1UL << 39, (1UL << 40) - 1 })
        {
            Assert.Equal(1UL, _kernel.WriteText("/data/f", offset, "x").Value);
        }

        Assert.Equal((1UL << 40, 24UL), (_kernel.Size("/data/f"), _kernel.Sectors("/data/f")));
        Assert.Equal(1UL << 39, _kernel.Seek("/data/f", 4096, data: true).Value);
        Assert.Equal((1UL << 39) + 4096, _kernel.Seek("/data/f", 1UL << 39, data: false).Value);
        Assert.Equal((1UL << 40) - 4096, _kernel.Seek("/data/f", (1UL << 39) + 4096, data: true).Value);
        Assert.Equal(new KernelResult(0, 1, Crc32.Of("x"u8)), _kernel.Ask(TmpfsProtocol.Read, "/data/f", (1UL << 40) - 1, 100));
    }

    [Fact]
    public void B6_Holes_SeekDataAndSeekHole_NegativeOrBeyondTheEnd_ENXIO()
    {
        _kernel.Write("/data/f", 8192, 5000);
        _kernel.Truncate("/data/f", 30_000);
        Assert.Equal(8192UL, _kernel.Seek("/data/f", 0, data: true).Value);
        Assert.Equal(0UL, _kernel.Seek("/data/f", 0, data: false).Value);
        Assert.Equal(9000UL, _kernel.Seek("/data/f", 9000, data: true).Value);
        Assert.Equal(16384UL, _kernel.Seek("/data/f", 9000, data: false).Value);
        Assert.Equal(-Errno.ENXIO, _kernel.Seek("/data/f", 16384, data: true).Code);
        Assert.Equal(-Errno.ENXIO, _kernel.Seek("/data/f", 30_000, data: false).Code);
        Assert.Equal(-Errno.ENXIO, _kernel.Seek("/data/f", ulong.MaxValue, data: true).Code);
        Assert.Equal(-Errno.EINVAL, _kernel.Ask(TmpfsProtocol.Seek, "/data/f", 0, 2).Code);
        _kernel.Truncate("/data/f", 10_000);
        Assert.Equal(10_000UL, _kernel.Seek("/data/f", 8192, data: false).Value);
        _kernel.Allocate("/data/f", 0, 0, 4096);
        Assert.Equal(0UL, _kernel.Seek("/data/f", 0, data: false).Value);
        Assert.Equal(8192UL, _kernel.Seek("/data/f", 0, data: true).Value);
    }

    [Theory]
    [InlineData(2UL)]
    [InlineData(8UL)]
    [InlineData(0x10UL)]
    [InlineData(0x20UL)]
    [InlineData(0x40UL)]
    [InlineData(1UL << 32)]
    public void B6_Fallocate_OtherModes_EOPNOTSUPP(ulong mode) => Assert.Equal(-Errno.EOPNOTSUPP, _kernel.Allocate("/data/f", mode, 0, 4096));

    [Fact]
    public void B6_Fallocate_ReservesPagesThatReadAsZero_KeepSizeKeepsTheSize()
    {
        Assert.Equal(0, _kernel.Allocate("/data/f", 0, 100, 8000));
        Assert.Equal((8100UL, 16UL), (_kernel.Size("/data/f"), _kernel.Sectors("/data/f")));
        Assert.Equal(new byte[8100], _kernel.Content("/data/f"));
        Assert.Equal(0, _kernel.Allocate("/data/f", KeepSize, 8192, 4096));
        Assert.Equal((8100UL, 24UL), (_kernel.Size("/data/f"), _kernel.Sectors("/data/f")));
        Assert.False(_kernel.Inode("/data/f", out _).Pages[0].IsUpToDate);
        _kernel.Write("/data/f", 10, 20, seed: 5);
        byte[] expected = new byte[8100];
        TmpfsKernel.Pattern(5, 30).AsSpan(10).CopyTo(expected.AsSpan(10));
        Assert.Equal(expected, _kernel.Content("/data/f"));
        Assert.Equal(0, _kernel.Truncate("/data/f", 8100));
        Assert.Equal(16UL, _kernel.Sectors("/data/f"));
    }

    [Fact]
    public void B6_Fallocate_PunchHole_FreesWholePagesAndZeroesParts()
    {
        _kernel.Write("/data/f", 0, 5 << 12, seed: 8);
        Assert.Equal(0, _kernel.Allocate("/data/f", PunchHole, 4000, (3 << 12) + 200));
        Assert.Equal((5UL << 12, 16UL), (_kernel.Size("/data/f"), _kernel.Sectors("/data/f")));
        Assert.Equal(0, _kernel.Allocate("/data/f", PunchHole, 100, 50));
        byte[] expected = TmpfsKernel.Pattern(8, 5 << 12);
        expected.AsSpan(4000, (3 << 12) + 200).Clear();
        expected.AsSpan(100, 50).Clear();
        Assert.Equal(expected, _kernel.Content("/data/f"));
    }

    [Fact]
    public void B6_Fallocate_MorePagesThanTheLimit_ENOSPC_PartialFailureIsUndone()
    {
        _kernel.Write("/data/f", 4096, 4096);
        Assert.Equal(-Errno.ENOSPC, _kernel.Allocate("/data/f", 0, 0, 9 << 12));
        _kernel.Create("/data/g");
        _kernel.Write("/data/g", 0, 3 << 12);
        Assert.Equal(-Errno.ENOSPC, _kernel.Allocate("/data/f", 0, 0, 8 << 12));
        Assert.Equal((8192UL, 8UL, 4UL, 4), (_kernel.Size("/data/f"), _kernel.Sectors("/data/f"), _data.UsedBlocks, _kernel.PagesInUse));
        _kernel.PagesLeft = 1;
        Assert.Equal(-Errno.ENOMEM, _kernel.Allocate("/data/f", 0, 0, 4 << 12));
        Assert.Equal((4UL, 4, 1L), (_data.UsedBlocks, _kernel.PagesInUse, _kernel.PagesLeft));
    }

    [Fact]
    public void Offsets_reach_to_2_to_the_63()
    {
        Assert.Equal(-Errno.EINVAL, _kernel.Write("/data/f", MaxOffset, 1).Code);
        Assert.Equal(-Errno.EINVAL, _kernel.Write("/data/f", MaxOffset + 1, 1).Code);
        Assert.Equal(-Errno.EINVAL, _kernel.Write("/data/f", 0, ulong.MaxValue).Code);
        Assert.Equal(1UL, _kernel.Write("/data/f", MaxOffset - 1, 1).Value);
        Assert.Equal(MaxOffset, _kernel.Size("/data/f"));
        Assert.Equal(0UL, _kernel.Write("/data/f", 5, 0).Value);
        Assert.Equal(-Errno.EINVAL, _kernel.Allocate("/data/f", 0, MaxOffset + 1, 1));
        Assert.Equal(-Errno.EINVAL, _kernel.Allocate("/data/f", 0, 0, 0));
        Assert.Equal(-Errno.EFBIG, _kernel.Allocate("/data/f", 0, MaxOffset, 1));
        Assert.Equal(0, _kernel.Allocate("/data/f", PunchHole, MaxOffset - 10, 10));
        Assert.Equal(-Errno.EINVAL, _kernel.Ask(TmpfsProtocol.Read, "/data/f", MaxOffset, 1).Code);
        Assert.Equal(new KernelResult(0, 1, Crc32.Of([0])), _kernel.Ask(TmpfsProtocol.Read, "/data/f", MaxOffset - 1, 1));
        Assert.Equal(-Errno.EINVAL, _kernel.Ask(TmpfsProtocol.Read, "/data/f", 0, (1 << 20) + 1).Code);
    }

    [Fact]
    public void MapWrite_StoresBehindTheEnd_WhereNobodyReadsIt()
    {
        _kernel.Write("/data/f", 0, 100, seed: 1);
        Assert.Equal(new KernelResult(0, 4096), _kernel.MapWrite("/data/f", 0, 4096, seed: 6));
        TmpfsInode inode = _kernel.Inode("/data/f", out _);
        byte[] page = new byte[4096];
        _kernel.Memory.Read(inode.Pages[0].Phys, page);
        Assert.Equal(TmpfsKernel.Pattern(6, 4096), page);
        Assert.True(inode.HasBytesBehindEnd);
        Assert.Equal(TmpfsKernel.Pattern(6, 100), _kernel.Content("/data/f"));
        Assert.Equal(-Errno.EFAULT, _kernel.MapWrite("/data/f", 4095, 2).Code);

        Assert.Equal(0, _kernel.Truncate("/data/f", 200));
        byte[] expected = TmpfsKernel.Pattern(6, 200);
        expected.AsSpan(100).Clear();
        Assert.Equal(expected, _kernel.Content("/data/f"));
    }

    [Fact]
    public void ZeroBehindEnd_ClearsWhatAMappingLeft()
    {
        _kernel.Write("/data/f", 0, 100);
        _kernel.MapWrite("/data/f", 50, 200);
        TmpfsInode inode = _kernel.Inode("/data/f", out TmpfsFileSystem fileSystem);
        fileSystem.ZeroBehindEnd(inode);
        byte[] tail = new byte[4096 - 100];
        _kernel.Memory.Read(inode.Pages[0].Phys + 100, tail);
        Assert.Equal(new byte[tail.Length], tail);
    }

    [Fact]
    public void A_write_through_a_file_that_is_no_file()
    {
        _kernel.MakeDirectory("/data/d");
        Assert.Equal(-Errno.EISDIR, _kernel.Write("/data/d", 0, 1).Code);
        Assert.Equal(-Errno.EISDIR, _kernel.Ask(TmpfsProtocol.Read, "/data/d", 0, 1).Code);
        Assert.Equal(-Errno.EBADF, _kernel.Write(_kernel.Open("/data/d"), 0, 1).Code);
        Assert.Equal(-Errno.EINVAL, _kernel.Truncate("fd:3", 0));
        Assert.Equal(-Errno.EBADF, _kernel.Truncate("fd:9", 0));
        Assert.Equal(-Errno.EBADF, _kernel.Write("fd:x", 0, 1).Code);
        Assert.Equal(-Errno.EINVAL, _kernel.Create("fd:3"));
    }
}
