using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>Rows of table B.6 on options, limits, remount and statfs.</summary>
public sealed class B6MountTests
{
    private const ulong HalfOfRam = TmpfsKernel.RamPages / 2;
    private readonly TmpfsKernel _kernel = new();

    [Theory]
    [InlineData("size=1", 1UL)]
    [InlineData("size=4096", 1UL)]
    [InlineData("size=4097", 2UL)]
    [InlineData("size=3k", 1UL)]
    [InlineData("size=5K", 2UL)]
    [InlineData("size=1M", 256UL)]
    [InlineData("size=2g", 524288UL)]
    [InlineData("size=0x2000", 2UL)]
    [InlineData("size=0", 0UL)]
    [InlineData("size=25%", TmpfsKernel.RamPages / 4)]
    [InlineData("size=100%", TmpfsKernel.RamPages)]
    [InlineData("size=1%", 164UL)]
    [InlineData("", HalfOfRam)]
    [InlineData("size=1M,size=2M", 512UL)]
    public void B6_Size_BytesSuffixPercentRoundedUpZeroUnlimitedDefaultHalf(string options, ulong blocks) =>
        Assert.Equal(blocks, _kernel.Mount("data", options).MaxBlocks);

    [Theory]
    [InlineData("nr_blocks=7", 7UL)]
    [InlineData("nr_blocks=2k", 2048UL)]
    [InlineData("nr_blocks=0", 0UL)]
    [InlineData("size=1M,nr_blocks=3", 3UL)]
    [InlineData("nr_blocks=3,size=1M", 256UL)]
    public void B6_NrBlocks_SameInPages(string options, ulong blocks) => Assert.Equal(blocks, _kernel.Mount("data", options).MaxBlocks);

    [Theory]
    [InlineData("nr_inodes=10", 10UL)]
    [InlineData("nr_inodes=1k", 1024UL)]
    [InlineData("nr_inodes=0", 0UL)]
    [InlineData("", HalfOfRam)]
    public void B6_NrInodes_LimitZeroUnlimitedDefaultHalfOfThePages(string options, ulong inodes) =>
        Assert.Equal(inodes, _kernel.Mount("data", options).MaxInodes);

    [Theory]
    [InlineData("", 0x43FFU, 1000U, 100U)]
    [InlineData("mode=700", 0x41C0U, 1000U, 100U)]
    [InlineData("mode=107755,uid=5,gid=6", 0x4FEDU, 5U, 6U)]
    [InlineData("uid=0x10,gid=010", 0x43FFU, 16U, 8U)]
    public void B6_Mode_OctalMasked_UidGid_DefaultToTheMounter(string options, uint mode, uint uid, uint gid)
    {
        TmpfsInode root = _kernel.Mount("data", options, uid: 1000, gid: 100).Root;
        Assert.Equal((mode, uid, gid, 2U), (root.Mode, root.Uid, root.Gid, root.LinkCount));
        Assert.Equal((1UL, 40UL), (_kernel.Number("/data"), _kernel.Size("/data")));
    }

    [Fact]
    public void B6_Mode_DoesNotActOnRemount()
    {
        TmpfsFileSystem mounted = _kernel.Mount("data", "mode=755,uid=1,gid=2");
        Assert.Equal(0, TmpfsKernel.Remount(mounted, "mode=700,uid=3,gid=4"));
        Assert.Equal((0x41EDU, 1U, 2U), (mounted.Root.Mode, mounted.Root.Uid, mounted.Root.Gid));
        Assert.Equal(0x1EDU, mounted.Mode);
    }

    [Theory]
    [InlineData("size")]
    [InlineData("size=")]
    [InlineData("size=x")]
    [InlineData("size=-1")]
    [InlineData("size=1Mx")]
    [InlineData("size=10%%")]
    [InlineData("size=K")]
    [InlineData("nr_blocks=0x8000000000000000")]
    [InlineData("nr_blocks=50%")]
    [InlineData("nr_inodes=0xffffffffffffffff")]
    [InlineData("mode=8")]
    [InlineData("mode=")]
    [InlineData("mode=0x1ff")]
    [InlineData("uid=4294967295")]
    [InlineData("gid=4294967296")]
    [InlineData("uid=-1")]
    [InlineData("gid=root")]
    [InlineData("kho")]
    [InlineData("kho=")]
    [InlineData("kho_must=1")]
    [InlineData("noswap=1")]
    [InlineData("huge=always")]
    [InlineData("mpol=local")]
    [InlineData("nonsense")]
    [InlineData("SIZE=1M")]
    public void B6_BadOptionValue_EINVAL(string options) =>
        Assert.Equal(-Errno.EINVAL, TmpfsOptionParser.Parse(options, TmpfsMounter.None, 1000, bareSuffix: false, out _));

    [Fact]
    public void Options_are_parted_by_commas_and_a_comma_in_front_of_a_digit_belongs_to_the_value()
    {
        const string text = ",,kho=a-b.c,=skipped,ro,rw,ro,kho_must,inode64,huge=never,uid=+7,";
        Assert.Equal(0, TmpfsOptionParser.Parse(text, TmpfsMounter.None, 1000, bareSuffix: false, out TmpfsMountOptions options));
        Assert.Equal(new TmpfsMountOptions { KhoName = "a-b.c", KhoMust = true, ReadOnly = true, Uid = 7 }, options);
        Assert.Equal(0, TmpfsOptionParser.Parse("kho=a,1", TmpfsMounter.ReadOnly, 1000, bareSuffix: false, out options));
        Assert.Equal(new TmpfsMountOptions { KhoName = "a,1", ReadOnly = true }, options);
        Assert.Equal(0, TmpfsOptionParser.Parse("size=K", TmpfsMounter.None, 1000, bareSuffix: true, out _));
    }

    [Theory]
    [InlineData("size=3", "size=8k", "", 0)]
    [InlineData("", "size=4k", "", -Errno.EINVAL)]
    [InlineData("", "size=8k", "", 0)]
    [InlineData("", "size=0", "", 0)]
    [InlineData("size=0", "size=1M", "", -Errno.EINVAL)]
    [InlineData("size=0", "size=0", "", 0)]
    [InlineData("", "nr_inodes=2", "", -Errno.EINVAL)]
    [InlineData("", "nr_inodes=3", "", 0)]
    [InlineData("nr_inodes=0", "nr_inodes=100", "", -Errno.EINVAL)]
    [InlineData("", "nr_inodes=0", "", 0)]
    [InlineData("", "noswap", "", -Errno.EINVAL)]
    [InlineData("noswap", "", "", -Errno.EINVAL)]
    [InlineData("noswap", "noswap,size=1M", "", 0)]
    [InlineData("kho=x", "", "", 0)]
    [InlineData("kho=x", "noswap", "", 0)]
    [InlineData("kho=x", "kho=x", "", 0)]
    [InlineData("kho=x", "kho=y", "", -Errno.EINVAL)]
    [InlineData("", "kho=x", "", -Errno.EINVAL)]
    public void B6_Remount_LimitBelowUse_LimitingUnlimited_ChangingSwap_EINVAL(string mount, string remount, string two, int expected)
    {
        bool small = mount == "size=3";
        TmpfsFileSystem mounted = _kernel.Mount("data", small ? "size=12k" : mount + two);
        Assert.Equal(0, _kernel.Create("/data/a"));
        Assert.Equal(0, _kernel.Create("/data/b"));
        Assert.Equal(8192UL, _kernel.Write("/data/a", 0, 8192).Value);
        (ulong blocks, ulong inodes) = (mounted.MaxBlocks, mounted.MaxInodes);

        Assert.Equal(expected, TmpfsKernel.Remount(mounted, remount));
        if (expected != 0)
        {
            Assert.Equal((blocks, inodes), (mounted.MaxBlocks, mounted.MaxInodes));
        }
    }

    [Fact]
    public void B6_Remount_ReadOnly_StopsEveryChange_EROFS()
    {
        TmpfsFileSystem mounted = _kernel.Mount("data");
        _kernel.Create("/data/f");
        _kernel.MakeDirectory("/data/d");
        _kernel.SymbolicLink("f", "/data/l");
        Assert.Equal(0, TmpfsKernel.Remount(mounted, "ro"));

        int[] results =
        [
            _kernel.Create("/data/x"), _kernel.MakeDirectory("/data/x"), _kernel.MakeNode("/data/x", 0x1000), _kernel.Link("/data/f", "/data/x"),
            _kernel.SymbolicLink("t", "/data/x"), _kernel.Unlink("/data/f"), _kernel.Unlink("/data/absent"), _kernel.RemoveDirectory("/data/d"),
            _kernel.Rename("/data/f", "/data/x"), _kernel.Write("/data/f", 0, 1).Code, _kernel.Truncate("/data/f", 1),
            _kernel.Allocate("/data/f", 0, 0, 1), _kernel.MapWrite("/data/f", 0, 1).Code, _kernel.SetFlags("/data/f", 0),
            _kernel.Ask(TmpfsProtocol.ChangeMode, "/data/f", 0).Code, _kernel.Ask(TmpfsProtocol.ChangeOwner, "/data/f", b: 0).Code,
            _kernel.Ask(TmpfsProtocol.ChangeTimes, "/data/f", 0, 0).Code, _kernel.Ask(TmpfsProtocol.SetExtendedAttribute, "/data/f\0user.a", 1).Code,
        ];
        Assert.All(results, result => Assert.Equal(-Errno.EROFS, result));
        Assert.Equal(-Errno.EEXIST, _kernel.Create("/data/f"));
        Assert.Equal(0, _kernel.Ask(TmpfsProtocol.Read, "/data/f", 0, 1).Code);
        Assert.Equal(0, TmpfsKernel.Remount(mounted, ""));
        Assert.Equal(0, _kernel.Create("/data/x"));
    }

    [Fact]
    public void Remount_ReadOnly_WithAFileOpenForWritingOrUnlinkedAndOpen_EBUSY()
    {
        TmpfsFileSystem mounted = _kernel.Mount("data");
        _kernel.Create("/data/f");
        _kernel.MakeDirectory("/data/d");
        string file = _kernel.Open("/data/f");
        Assert.Equal(-Errno.EBUSY, TmpfsKernel.Remount(mounted, "ro"));
        _kernel.Close(file);
        string directory = _kernel.Open("/data/d");
        Assert.Equal(0, TmpfsKernel.Remount(mounted, "ro"));
        Assert.Equal(0, TmpfsKernel.Remount(mounted, "rw"));
        _kernel.RemoveDirectory("/data/d");
        Assert.Equal(-Errno.EBUSY, TmpfsKernel.Remount(mounted, "ro"));
        _kernel.Close(directory);
        Assert.Equal(0, TmpfsKernel.Remount(mounted, "ro"));
    }

    [Theory]
    [InlineData(TmpfsMounter.None, 0)]
    [InlineData(TmpfsMounter.Unprivileged, -Errno.EINVAL)]
    [InlineData(TmpfsMounter.OtherUserNamespace, -Errno.EINVAL)]
    public void B6_NoSwap_NeedsPrivilege(TmpfsMounter mounter, int expected) =>
        Assert.Equal(expected, TmpfsOptionParser.Parse("noswap", mounter, 1000, bareSuffix: false, out _));

    [Fact]
    public void B6_BlockAccounting_FilesAndLongSymbolicLinksOnly()
    {
        TmpfsFileSystem mounted = _kernel.Mount("data", "size=1M");
        _kernel.MakeDirectory("/data/d");
        _kernel.Create("/data/f");
        _kernel.MakeNode("/data/n", 0x1000);
        Assert.Equal(0, _kernel.SymbolicLink(new string('t', 127), "/data/short"));
        Assert.Equal((0UL, 0), (mounted.UsedBlocks, _kernel.PagesInUse));
        Assert.Equal(0, _kernel.SymbolicLink(new string('t', 128), "/data/long"));
        Assert.Equal((1UL, 8UL, 0UL), (mounted.UsedBlocks, _kernel.Sectors("/data/long"), _kernel.Sectors("/data/short")));
        _kernel.Write("/data/f", (5 << 12) + 17, 1);
        Assert.Equal((2UL, 2), (mounted.UsedBlocks, _kernel.PagesInUse));
        Assert.Equal(8UL, _kernel.Sectors("/data/f"));
        _kernel.Unlink("/data/long");
        _kernel.Unlink("/data/f");
        Assert.Equal((0UL, 0), (mounted.UsedBlocks, _kernel.PagesInUse));
    }

    [Fact]
    public void B6_InodeAccounting_1024ForEachInodeAndExtraLink_AttributesToo()
    {
        TmpfsFileSystem mounted = _kernel.Mount("data", "nr_inodes=10");
        Assert.Equal(1024UL, mounted.UsedInodeSpaceBytes);
        _kernel.Create("/data/f");
        _kernel.MakeDirectory("/data/d");
        _kernel.Link("/data/f", "/data/d/g");
        Assert.Equal(4096UL, mounted.UsedInodeSpaceBytes);
        Assert.Equal(0, _kernel.Ask(TmpfsProtocol.SetExtendedAttribute, "/data/f\0user.ab", 100).Code);
        Assert.Equal(4096UL + 40 + 7 + 100, mounted.UsedInodeSpaceBytes);
        Assert.Equal(0, _kernel.Ask(TmpfsProtocol.SetExtendedAttribute, "/data/f\0user.ab", 10).Code);
        Assert.Equal(4096UL + 40 + 7 + 10, mounted.UsedInodeSpaceBytes);
        Assert.Equal((10UL, 5UL), (_kernel.Ask(TmpfsProtocol.StatFileSystem, "/data", 1).Value, _kernel.Ask(TmpfsProtocol.StatFileSystem, "data", 1).Extra));
        _kernel.Unlink("/data/f");
        Assert.Equal(3072UL + 57, mounted.UsedInodeSpaceBytes);
        _kernel.Unlink("/data/d/g");
        Assert.Equal(2048UL, mounted.UsedInodeSpaceBytes);
    }

    [Fact]
    public void B6_OutOfInodes_CreateMkdirMknodSymlinkLink_ENOSPC()
    {
        TmpfsFileSystem mounted = _kernel.Mount("data", "nr_inodes=2");
        Assert.Equal(0, _kernel.Create("/data/f"));
        int[] results =
        [
            _kernel.Create("/data/x"), _kernel.MakeDirectory("/data/x"), _kernel.MakeNode("/data/x", 0x2000), _kernel.SymbolicLink("t", "/data/x"),
            _kernel.Link("/data/f", "/data/x"), _kernel.Rename("/data/f", "/data/x", 4),
        ];
        Assert.All(results, result => Assert.Equal(-Errno.ENOSPC, result));
        Assert.Equal([".", "..", "f"], _kernel.Names("/data"));
        Assert.Equal(2048UL, mounted.UsedInodeSpaceBytes);
    }

    [Fact]
    public void B6_Statfs_TypeBlockSizeNameLength_ZeroTotalsWhenUnlimited()
    {
        _kernel.Mount("data", "nr_blocks=5,nr_inodes=10");
        _kernel.Mount("all", "size=0,nr_inodes=0");
        _kernel.Create("/data/f");
        _kernel.Write("/data/f", 0, 4097);
        Assert.Equal(new KernelResult(0, 5, 3), _kernel.Ask(TmpfsProtocol.StatFileSystem, "/data", 0));
        Assert.Equal(new KernelResult(0, 10, 8), _kernel.Ask(TmpfsProtocol.StatFileSystem, "/data/f", 1));
        Assert.Equal(new KernelResult(0, 0x01021994, 255), _kernel.Ask(TmpfsProtocol.StatFileSystem, "/data", 2));
        _kernel.Create("/all/f");
        _kernel.Write("/all/f", 0, 1);
        Assert.Equal(default, _kernel.Ask(TmpfsProtocol.StatFileSystem, "/all", 0));
        Assert.Equal(default, _kernel.Ask(TmpfsProtocol.StatFileSystem, "/all", 1));
        Assert.Equal(-Errno.EINVAL, _kernel.Ask(TmpfsProtocol.StatFileSystem, "/all", 3).Code);
        Assert.Equal(-Errno.ENOENT, _kernel.Ask(TmpfsProtocol.StatFileSystem, "/none", 0).Code);
    }

    [Fact]
    public void B6_Umount_EverythingIsLost()
    {
        TmpfsFileSystem mounted = _kernel.Mount("data");
        _kernel.Create("/data/f");
        _kernel.Write("/data/f", 0, 100_000);
        _kernel.SymbolicLink(new string('t', 200), "/data/l");
        Assert.Equal(26, _kernel.PagesInUse);
        _kernel.Mounts.Remove("data");
        mounted.Unmount();
        Assert.Equal(0, _kernel.PagesInUse);
        Assert.Equal(-Errno.ENOENT, _kernel.Ask(TmpfsProtocol.Stat, "/data/f").Code);
        _kernel.Mount("data");
        Assert.Equal(-Errno.ENOENT, _kernel.Ask(TmpfsProtocol.Stat, "/data/f").Code);
    }

    [Fact]
    public void B6_Swap_NothingOfThisFileSystemIsEverSwapped()
    {
        TmpfsFileSystem mounted = _kernel.Mount("data");
        _kernel.Create("/data/f");
        _kernel.Write("/data/f", 0, 8192);
        TmpfsPages pages = mounted.FindInode(2)!.Pages;
        Assert.Equal(2, pages.Count);
        Assert.All([pages[0], pages[1]], page => Assert.True(page.IsUpToDate && page.Phys != 0));
    }
}
