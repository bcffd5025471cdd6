using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>Rows of table B.6 on directories, links, symbolic links and the names in paths.</summary>
public sealed class B6NameTests
{
    private readonly TmpfsKernel _kernel = new();
    private readonly TmpfsFileSystem _data;

    public B6NameTests()
    {
        _data = _kernel.Mount("data");
        _kernel.Mount("other");
    }

    [Fact]
    public void B6_DirectorySize_40And20PerEntry_Links_2AndSubdirectories()
    {
        _kernel.MakeDirectory("/data/d");
        Assert.Equal((40UL, 2U), (_kernel.Size("/data/d"), _kernel.Links("/data/d")));
        _kernel.Create("/data/d/f");
        _kernel.MakeDirectory("/data/d/e");
        _kernel.SymbolicLink("t", "/data/d/l");
        Assert.Equal((100UL, 3U), (_kernel.Size("/data/d"), _kernel.Links("/data/d")));
        _kernel.RemoveDirectory("/data/d/e");
        _kernel.Unlink("/data/d/l");
        Assert.Equal((60UL, 2U), (_kernel.Size("/data/d"), _kernel.Links("/data/d")));
        Assert.Equal(3U, _kernel.Links("/data"));
    }

    [Theory]
    [InlineData(255, 0)]
    [InlineData(256, -Errno.ENAMETOOLONG)]
    public void B6_NameLongerThan255_ENAMETOOLONG(int length, int expected)
    {
        string name = "/data/" + new string('n', length);
        Assert.Equal(expected, _kernel.Create(name));
        Assert.Equal(expected, _kernel.Ask(TmpfsProtocol.Stat, name).Code);
        Assert.Equal(expected, _kernel.Unlink(name));
        Assert.Equal(expected, _kernel.MakeDirectory(name));
        Assert.Equal(expected, _kernel.Create(name + "/f"));
    }

    [Fact]
    public void B6_UnlinkOfAnOpenFile_LivesUntilLastClose_NotReachable()
    {
        _kernel.Create("/data/f");
        _kernel.Write("/data/f", 0, 4096, seed: 9);
        ulong number = _kernel.Number("/data/f");
        string first = _kernel.Open("/data/f");
        string second = _kernel.Open("/data/f");
        Assert.Equal(("fd:3", "fd:4"), (first, second));
        Assert.Equal(0, _kernel.Unlink("/data/f"));
        Assert.Equal(-Errno.ENOENT, _kernel.Ask(TmpfsProtocol.Stat, "/data/f").Code);
        Assert.Equal((1, 1UL, 2048UL), (_data.UnlinkedOpenInodes, _data.UsedBlocks, _data.UsedInodeSpaceBytes));
        Assert.Equal(number, _kernel.Number(first));
        Assert.Equal(0U, _kernel.Links(first));
        Assert.Equal(4096UL, _kernel.Write(first, 4096, 4096).Value);
        Assert.Equal(Crc32.Of(TmpfsKernel.Pattern(9, 4096)), _kernel.Ask(TmpfsProtocol.Read, second, 0, 4096).Extra);
        Assert.Equal(-Errno.ENOENT, _kernel.Link(first, "/data/back"));
        Assert.Equal(0, _kernel.Close(first));
        Assert.Equal(2, _kernel.PagesInUse);
        Assert.Equal(0, _kernel.Close(second));
        Assert.Equal((0, 0, 1024UL), (_kernel.PagesInUse, _data.UnlinkedOpenInodes, _data.UsedInodeSpaceBytes));
        Assert.Equal(-Errno.EBADF, _kernel.Close(second));
        Assert.Equal(-Errno.EBADF, _kernel.Write(second, 0, 1).Code);
    }

    [Fact]
    public void B6_UnlinkOfADirectory_EISDIR_RmdirOfAFile_ENOTDIR()
    {
        _kernel.MakeDirectory("/data/d");
        _kernel.Create("/data/f");
        _kernel.SymbolicLink("d", "/data/l");
        Assert.Equal(-Errno.EISDIR, _kernel.Unlink("/data/d"));
        Assert.Equal(-Errno.ENOTDIR, _kernel.RemoveDirectory("/data/f"));
        Assert.Equal(-Errno.ENOTDIR, _kernel.RemoveDirectory("/data/l"));
        Assert.Equal(-Errno.ENOTDIR, _kernel.RemoveDirectory("/data/l/"));
        Assert.Equal(-Errno.EISDIR, _kernel.Unlink("/data/d/"));
        Assert.Equal(-Errno.ENOTDIR, _kernel.Unlink("/data/f/"));
        Assert.Equal(-Errno.ENOENT, _kernel.Unlink("/data/x/"));
        Assert.Equal(-Errno.EISDIR, _kernel.Unlink("/data/."));
        Assert.Equal(-Errno.EINVAL, _kernel.RemoveDirectory("/data/d/."));
        Assert.Equal(-Errno.ENOTEMPTY, _kernel.RemoveDirectory("/data/d/.."));
        Assert.Equal(-Errno.EBUSY, _kernel.RemoveDirectory("/"));
        Assert.Equal(-Errno.EROFS, _kernel.RemoveDirectory("/data"));
    }

    [Fact]
    public void B6_RmdirOfANonEmptyDirectory_ENOTEMPTY()
    {
        _kernel.MakeDirectory("/data/d");
        _kernel.Create("/data/d/f");
        Assert.Equal(-Errno.ENOTEMPTY, _kernel.RemoveDirectory("/data/d"));
        _kernel.Unlink("/data/d/f");
        Assert.Equal(0, _kernel.RemoveDirectory("/data/d"));
    }

    [Fact]
    public void B6_HardLink_CountsAndShares_ToADirectory_EPERM_AcrossMounts_EXDEV()
    {
        _kernel.MakeDirectory("/data/d");
        _kernel.Create("/data/f");
        _kernel.SymbolicLink("f", "/data/l");
        Assert.Equal(0, _kernel.Link("/data/f", "/data/d/g"));
        Assert.Equal(0, _kernel.Link("/data/l", "/data/m"));
        Assert.Equal((2U, 2U), (_kernel.Links("/data/d/g"), _kernel.Links("/data/m")));
        Assert.Equal(_kernel.Number("/data/f"), _kernel.Number("/data/d/g"));
        Assert.Equal(-Errno.EPERM, _kernel.Link("/data/d", "/data/e"));
        Assert.Equal(-Errno.EXDEV, _kernel.Link("/data/f", "/other/f"));
        Assert.Equal(-Errno.EEXIST, _kernel.Link("/data/f", "/data/d"));
        Assert.Equal(-Errno.ENOENT, _kernel.Link("/data/x", "/data/y"));
        Assert.Equal(-Errno.ENOENT, _kernel.Link("/data/f", "/data/y/"));
        string open = _kernel.Open("/data/f");
        Assert.Equal(0, _kernel.Link(open, "/data/h"));
        Assert.Equal(3U, _kernel.Links("/data/f"));
    }

    [Fact]
    public void B6_SymlinkTarget_LengthAndNulAbove4096_ENAMETOOLONG_LongOnesTakeABlock()
    {
        Assert.Equal(-Errno.ENAMETOOLONG, _kernel.SymbolicLink(new string('t', 4096), "/data/l"));
        Assert.Equal(-Errno.ENOENT, _kernel.SymbolicLink("", "/data/l"));
        Assert.Equal(0, _kernel.SymbolicLink(new string('t', 4095), "/data/l"));
        Assert.Equal(4095UL, _kernel.Size("/data/l"));
        Assert.Equal(4095UL, _kernel.Ask(TmpfsProtocol.ReadLink, "/data/l").Value);
        Assert.Equal(new string('t', 4095), _kernel.Text);
        TmpfsInode inode = _kernel.Inode("/data/l", out _);
        byte[] page = new byte[4096];
        _kernel.Memory.Read(inode.Pages[0].Phys, page);
        Assert.Equal((byte)'t', page[4094]);
        Assert.Equal(0, page[4095]);
        Assert.Equal(0xA1FFU, _kernel.Mode("/data/l"));
        Assert.Equal(-Errno.EINVAL, _kernel.Ask(TmpfsProtocol.ReadLink, "/data").Code);
    }

    [Fact]
    public void B6_LongSymlink_WithoutABlock_ENOSPC_LeavesNothing()
    {
        TmpfsFileSystem full = _kernel.Mount("full", "nr_blocks=1");
        Assert.Equal(0, _kernel.SymbolicLink(new string('t', 128), "/full/l"));
        Assert.Equal(-Errno.ENOSPC, _kernel.SymbolicLink(new string('t', 128), "/full/m"));
        Assert.Equal(0, _kernel.SymbolicLink(new string('t', 127), "/full/n"));
        Assert.Equal((3, 1UL, 3072UL), (full.Inodes.Count, full.UsedBlocks, full.UsedInodeSpaceBytes));
        _kernel.PagesLeft = 0;
        Assert.Equal(-Errno.ENOMEM, _kernel.SymbolicLink(new string('t', 128), "/data/m"));
        Assert.Equal((1, 0UL, 1024UL), (_data.Inodes.Count, _data.UsedBlocks, _data.UsedInodeSpaceBytes));
    }

    [Fact]
    public void Paths_FollowLinks_Dots_AndLeaveTheMount()
    {
        _kernel.MakeDirectory("/data/d");
        _kernel.Create("/data/d/f");
        _kernel.Create("/other/o");
        _kernel.SymbolicLink("d", "/data/rel");
        _kernel.SymbolicLink("/data/d", "/data/abs");
        _kernel.SymbolicLink("../../other", "/data/d/up");
        _kernel.SymbolicLink("rel/f", "/data/file");
        ulong file = _kernel.Number("/data/d/f");
        foreach (string path in new[]
        {
            "/data/rel/f", "/data/abs/f", "//data///d/./f", "/data/d/../d/f", "/data/d/../../data/d/f", "data/d/f", "/../data/rel/../d/f",
            "/data/d/up/../data/d/f",
        })
        {
            Assert.Equal(file, _kernel.Number(path));
        }

        Assert.Equal(0, _kernel.Write("/data/file", 0, 3).Code);
        Assert.Equal(3UL, _kernel.Size("/data/d/f"));
        Assert.Equal(_kernel.Number("/other/o"), _kernel.Number("/data/d/up/o"));
        Assert.Equal(0xA1FFU, _kernel.Mode("/data/rel"));
        Assert.Equal(0x41EDU, _kernel.Mode("/data/rel/"));
        Assert.Equal(-Errno.EXDEV, _kernel.Rename("/data/d/f", "/data/d/up/f"));
        Assert.Equal(0, _kernel.Create("/data/d/up/new"));
        Assert.Equal(0UL, _kernel.Size("/other/new"));
    }

    [Fact]
    public void Paths_ENOTDIR_ENOENT_ELOOP_ENAMETOOLONG_EEXIST()
    {
        _kernel.Create("/data/f");
        _kernel.MakeDirectory("/data/d");
        _kernel.SymbolicLink("loop", "/data/loop");
        _kernel.SymbolicLink("gone", "/data/dangling");
        for (int i = 0; i < 41; i++)
        {
            _kernel.SymbolicLink(i == 0 ? "f" : $"l{i - 1}", $"/data/l{i}");
        }

        Assert.Equal(0, _kernel.Ask(TmpfsProtocol.Read, "/data/l39", 0, 1).Code);
        Assert.Equal(-Errno.ELOOP, _kernel.Ask(TmpfsProtocol.Read, "/data/l40", 0, 1).Code);
        Assert.Equal(-Errno.ELOOP, _kernel.Create("/data/loop/x"));
        Assert.Equal(-Errno.ENOTDIR, _kernel.Create("/data/f/x"));
        Assert.Equal(-Errno.ENOTDIR, _kernel.Ask(TmpfsProtocol.Stat, "/data/f/").Code);
        Assert.Equal(-Errno.ENOENT, _kernel.Create("/data/x/y"));
        Assert.Equal(-Errno.ENOENT, _kernel.Ask(TmpfsProtocol.Stat, "").Code);
        Assert.Equal(-Errno.ENOENT, _kernel.Ask(TmpfsProtocol.Stat, null).Code);
        Assert.Equal(-Errno.ENOENT, _kernel.Ask(TmpfsProtocol.Read, "/data/dangling", 0, 1).Code);
        Assert.Equal(-Errno.EEXIST, _kernel.Create("/data/dangling"));
        Assert.Equal(-Errno.EEXIST, _kernel.MakeDirectory("/data/."));
        Assert.Equal(-Errno.EEXIST, _kernel.MakeDirectory("/"));
        Assert.Equal(-Errno.EEXIST, _kernel.MakeDirectory("/data"));
        Assert.Equal(-Errno.EROFS, _kernel.MakeDirectory("/elsewhere"));
        Assert.Equal(-Errno.EISDIR, _kernel.Create("/data/x/"));
        Assert.Equal(-Errno.ENOENT, _kernel.SymbolicLink("t", "/data/x/"));
        Assert.Equal(0, _kernel.MakeDirectory("/data/x/"));
        Assert.Equal(0, _kernel.Ask(TmpfsProtocol.Stat, "/data/d" + new string('/', 4095 - 7)).Code);
        Assert.Equal(-Errno.ENAMETOOLONG, _kernel.Ask(TmpfsProtocol.Stat, "/data/d" + new string('/', 4096 - 7)).Code);
        Assert.Equal(-Errno.EOPNOTSUPP, _kernel.Ask(TmpfsProtocol.Stat, "/").Code);
    }

    [Fact]
    public void Mknod_KeepsDeviceNumbers_OfDevicesOnly_AndRefusesOtherTypes()
    {
        Assert.Equal(0, _kernel.MakeNode("/data/c", 0x21B6, 0x12345678));
        Assert.Equal(0, _kernel.MakeNode("/data/b", 0x61B6, 0xFFFFFFFF));
        Assert.Equal(0, _kernel.MakeNode("/data/p", 0x11B6, 7));
        Assert.Equal(0, _kernel.MakeNode("/data/s", 0xC1B6, 7));
        Assert.Equal(0, _kernel.MakeNode("/data/r", 0x1A4, 7));
        Assert.Equal(0x12345678UL << 32, _kernel.Stat("/data/c", TmpfsStatField.BlocksDevice).Extra);
        Assert.Equal(0xFFFFFFFFUL << 32, _kernel.Stat("/data/b", TmpfsStatField.BlocksDevice).Extra);
        Assert.Equal(0UL, _kernel.Stat("/data/p", TmpfsStatField.BlocksDevice).Extra);
        Assert.Equal(0x81A4U, _kernel.Mode("/data/r"));
        Assert.Equal(-Errno.EPERM, _kernel.MakeNode("/data/x", 0x41ED));
        Assert.Equal(-Errno.EINVAL, _kernel.MakeNode("/data/x", 0xA1FF));
        Assert.Equal(-Errno.ENXIO, _kernel.Write("/data/c", 0, 1).Code);
        Assert.Equal(-Errno.ENXIO, _kernel.Ask(TmpfsProtocol.Open, "/data/s").Code);
        Assert.Equal(0, _kernel.Ask(TmpfsProtocol.Open, "/data/p").Code);
        List<byte> types = [];
        foreach (TmpfsDirectoryEntry entry in _data.Root.Entries)
        {
            types.Add(entry.Inode.EntryType);
        }

        Assert.Equal<byte>([3, 4, 5, 6, 1], types);
    }

    [Fact]
    public void Readdir_DotsFirst_CreationOrder_PositionsSurviveRemovals()
    {
        foreach (string name in new[] { "z", "y", "x", "w" })
        {
            _kernel.Create("/data/" + name);
        }

        Assert.Equal([".", "..", "z", "y", "x", "w"], _kernel.Names("/data"));
        KernelResult second = _kernel.Ask(TmpfsProtocol.ReadDirectory, "/data", 2);
        Assert.Equal("z", _kernel.Text);
        Assert.Equal((1UL << 56) | 2, second.Extra);
        _kernel.Unlink("/data/z");
        _kernel.Unlink("/data/y");
        _kernel.Ask(TmpfsProtocol.ReadDirectory, "/data", second.Value);
        Assert.Equal("x", _kernel.Text);
        Assert.Equal(-Errno.ENOTDIR, _kernel.Ask(TmpfsProtocol.ReadDirectory, "/data/x", 0).Code);
        Assert.Equal(0UL, _kernel.Ask(TmpfsProtocol.ReadDirectory, "/data", ulong.MaxValue).Extra);
        _kernel.MakeDirectory("/data/d");
        string open = _kernel.Open("/data/d");
        _kernel.RemoveDirectory("/data/d");
        Assert.Equal(-Errno.ENOENT, _kernel.Ask(TmpfsProtocol.ReadDirectory, open, 0).Code);
    }

    [Fact]
    public void A_directory_of_10000_names_of_255_bytes_is_filled_searched_and_emptied()
    {
        TmpfsFileSystem big = _kernel.Mount("big", "nr_inodes=0");
        for (int i = 0; i < 10_000; i++)
        {
            Assert.Equal(0, _kernel.Create("/big/" + i.ToString("d255")));
        }

        Assert.Equal(-Errno.EEXIST, _kernel.Create("/big/" + 9_999.ToString("d255")));
        Assert.Equal(40UL + (20 * 10_000), _kernel.Size("/big"));
        Assert.Equal(10_002, _kernel.Names("/big").Count);
        for (int i = 0; i < 10_000; i++)
        {
            Assert.Equal(0, _kernel.Unlink("/big/" + (i * 7 % 10_000).ToString("d255")));
        }

        Assert.Equal((1, 40UL), (big.Inodes.Count, _kernel.Size("/big")));
    }
}
