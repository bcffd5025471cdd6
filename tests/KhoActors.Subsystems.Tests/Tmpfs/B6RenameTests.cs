using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>Rows of table B.6 on rename.</summary>
public sealed class B6RenameTests
{
    private const ulong NoReplace = 1;
    private const ulong Exchange = 2;
    private const ulong Whiteout = 4;

    private readonly TmpfsKernel _kernel = new();
    private readonly TmpfsFileSystem _data;

    public B6RenameTests()
    {
        _data = _kernel.Mount("data", "size=1M");
        _kernel.Mount("other");
        _kernel.MakeDirectory("/data/d");
        _kernel.MakeDirectory("/data/e");
        _kernel.Create("/data/f");
        _kernel.Create("/data/g");
    }

    [Theory]
    [InlineData(8UL)]
    [InlineData(NoReplace | Exchange)]
    [InlineData(Exchange | Whiteout)]
    [InlineData(1UL << 40)]
    public void B6_RenameFlags_OtherBitsAndContradictions_EINVAL(ulong flags) =>
        Assert.Equal(-Errno.EINVAL, _kernel.Rename("/data/f", "/data/x", flags));

    [Fact]
    public void B6_RenameFlags_NOREPLACE_TargetExists_EEXIST()
    {
        Assert.Equal(-Errno.EEXIST, _kernel.Rename("/data/f", "/data/g", NoReplace));
        Assert.Equal(-Errno.EEXIST, _kernel.Rename("/data/f", "/data/f", NoReplace));
        Assert.Equal(-Errno.EEXIST, _kernel.Rename("/data/f", "/data/d/..", NoReplace));
        Assert.Equal(0, _kernel.Rename("/data/f", "/data/x", NoReplace));
        Assert.Equal([".", "..", "d", "e", "g", "x"], _kernel.Names("/data"));
    }

    [Fact]
    public void B6_RenameFlags_EXCHANGE_FileAndDirectory_BothKeepTheirPlaceAndLinksMove()
    {
        ulong file = _kernel.Number("/data/d");
        _kernel.Create("/data/e/h");
        _kernel.MakeDirectory("/data/d/sub");
        (ulong sub, ulong inner) = (_kernel.Number("/data/d/sub"), _kernel.Number("/data/e/h"));
        Assert.Equal(0, _kernel.Rename("/data/d/sub", "/data/e/h", Exchange));
        Assert.Equal((inner, sub), (_kernel.Number("/data/d/sub"), _kernel.Number("/data/e/h")));
        Assert.Equal((2U, 3U), (_kernel.Links("/data/d"), _kernel.Links("/data/e")));
        Assert.Equal(file, _kernel.Number("/data/e/h/../../d"));
        Assert.Equal(_kernel.Number("/data/e"), _kernel.Number("/data/e/h/.."));
        Assert.Equal(0, _kernel.Rename("/data/d/sub", "/data/e/h", Exchange));
        Assert.Equal((3U, 2U), (_kernel.Links("/data/d"), _kernel.Links("/data/e")));
        Assert.Equal(_kernel.Number("/data/d"), _kernel.Number("/data/d/sub/.."));
        Assert.Equal(0, _kernel.Rename("/data/d/sub", "/data/e/h", Exchange));
        Assert.Equal(-Errno.ENOENT, _kernel.Rename("/data/f", "/data/x", Exchange));
        Assert.Equal(-Errno.EINVAL, _kernel.Rename("/data/e/h", "/data/e", Exchange));
        Assert.Equal(-Errno.ENOTDIR, _kernel.Rename("/data/d", "/data/f/", Exchange));
        Assert.Equal(0, _kernel.Rename("/data/f", "/data/d/", Exchange));
    }

    [Fact]
    public void B6_RenameFlags_WHITEOUT_LeavesACharacterDevice00()
    {
        _kernel.Write("/data/f", 0, 10);
        Assert.Equal(0, _kernel.Rename("/data/f", "/data/d/f", Whiteout));
        Assert.Equal((0x2000U, 1U), (_kernel.Mode("/data/f"), _kernel.Links("/data/f")));
        Assert.Equal(0UL, _kernel.Stat("/data/f", TmpfsStatField.BlocksDevice).Extra);
        Assert.Equal(10UL, _kernel.Size("/data/d/f"));
        Assert.Equal((120UL, 60UL, 6 * 1024UL), (_kernel.Size("/data"), _kernel.Size("/data/d"), _data.UsedInodeSpaceBytes));
        Assert.Equal(-Errno.EEXIST, _kernel.Rename("/data/f", "/data/g", Whiteout | NoReplace));
    }

    [Fact]
    public void B6_Rename_OtherMount_EXDEV() => Assert.Equal(-Errno.EXDEV, _kernel.Rename("/data/f", "/other/f"));

    [Fact]
    public void B6_Rename_DirectoryIntoItself_EINVAL()
    {
        _kernel.MakeDirectory("/data/d/sub");
        Assert.Equal(-Errno.EINVAL, _kernel.Rename("/data/d", "/data/d/x"));
        Assert.Equal(-Errno.EINVAL, _kernel.Rename("/data/d", "/data/d/sub/x"));
        Assert.Equal(-Errno.ENOTEMPTY, _kernel.Rename("/data/d/sub", "/data/d"));
        Assert.Equal(0, _kernel.Rename("/data/d", "/data/d"));
    }

    [Fact]
    public void B6_Rename_OverANonEmptyDirectory_ENOTEMPTY_OverAnEmptyOne_Replaces()
    {
        _kernel.Create("/data/e/h");
        Assert.Equal(-Errno.ENOTEMPTY, _kernel.Rename("/data/d", "/data/e"));
        _kernel.Unlink("/data/e/h");
        ulong number = _kernel.Number("/data/d");
        Assert.Equal(0, _kernel.Rename("/data/d", "/data/e"));
        Assert.Equal((number, 3U, 2U), (_kernel.Number("/data/e"), _kernel.Links("/data"), _kernel.Links("/data/e")));
        Assert.Equal([".", "..", "e", "f", "g"], _kernel.Names("/data"));
    }

    [Fact]
    public void Rename_OfADirectory_MovesItsLinkAndItsParent()
    {
        _kernel.MakeDirectory("/data/d/sub");
        Assert.Equal(0, _kernel.Rename("/data/d/sub", "/data/e/moved/"));
        Assert.Equal((2U, 3U), (_kernel.Links("/data/d"), _kernel.Links("/data/e")));
        Assert.Equal(_kernel.Number("/data/e"), _kernel.Number("/data/e/moved/.."));
    }

    [Fact]
    public void Rename_FileOverDirectory_EISDIR_DirectoryOverFile_ENOTDIR_Absent_ENOENT_Dots_EBUSY()
    {
        Assert.Equal(-Errno.EISDIR, _kernel.Rename("/data/f", "/data/d"));
        Assert.Equal(-Errno.ENOTDIR, _kernel.Rename("/data/d", "/data/f"));
        Assert.Equal(-Errno.ENOENT, _kernel.Rename("/data/x", "/data/f"));
        Assert.Equal(-Errno.EBUSY, _kernel.Rename("/data/d/..", "/data/x"));
        Assert.Equal(-Errno.EBUSY, _kernel.Rename("/data/d", "/data/e/."));
        Assert.Equal(-Errno.ENOTDIR, _kernel.Rename("/data/f/", "/data/x"));
        Assert.Equal(-Errno.ENOTDIR, _kernel.Rename("/data/f", "/data/x/"));
        Assert.Equal(-Errno.EROFS, _kernel.Rename("/data", "/elsewhere"));
    }

    [Fact]
    public void Rename_OverAnotherNameOfTheSameFile_DoesNothing()
    {
        _kernel.Link("/data/f", "/data/h");
        _kernel.NowTicks += TmpfsKernel.SecondTicks;
        Assert.Equal(0, _kernel.Rename("/data/f", "/data/h"));
        Assert.Equal([".", "..", "d", "e", "f", "g", "h"], _kernel.Names("/data"));
        Assert.Equal(2U, _kernel.Links("/data/f"));
    }

    [Fact]
    public void Rename_OverAFile_FreesIt_UnlessItIsOpen()
    {
        _kernel.Write("/data/g", 0, 8192);
        string open = _kernel.Open("/data/g");
        Assert.Equal(0, _kernel.Rename("/data/f", "/data/g"));
        Assert.Equal((2UL, 1), (_data.UsedBlocks, _data.UnlinkedOpenInodes));
        Assert.Equal(8192UL, _kernel.Size(open));
        _kernel.Close(open);
        Assert.Equal((0UL, 0, 4 * 1024UL), (_data.UsedBlocks, _kernel.PagesInUse, _data.UsedInodeSpaceBytes));
    }

    [Theory]
    [InlineData(0x10UL)]
    [InlineData(0x20UL)]
    public void Rename_OfImmutableOrAppendOnly_EPERM(ulong flag)
    {
        _kernel.SetFlags("/data/f", flag);
        _kernel.SetFlags("/data/d", flag);
        Assert.Equal(-Errno.EPERM, _kernel.Rename("/data/f", "/data/x"));
        Assert.Equal(-Errno.EPERM, _kernel.Rename("/data/g", "/data/f"));
        Assert.Equal(flag == 0x10 ? -Errno.EPERM : 0, _kernel.Rename("/data/g", "/data/d/g"));
        Assert.Equal(-Errno.EPERM, _kernel.Rename("/data/d", "/data/y"));
        Assert.Equal(flag == 0x10 ? -Errno.ENOENT : -Errno.EPERM, _kernel.Rename("/data/d/g", "/data/z"));
    }
}
