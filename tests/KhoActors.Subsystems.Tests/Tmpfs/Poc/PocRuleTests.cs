using System.Text;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Poc;

namespace KhoActors.Subsystems.Tests.Tmpfs.Poc;

/// <summary>What the proof of concept does while it runs, rule by rule.</summary>
public class PocRuleTests
{
    [Theory]
    [InlineData("kho=test", TmpfsMounter.None, 0)]
    [InlineData("kho=test", TmpfsMounter.Unprivileged, -Errno.EINVAL)]
    [InlineData("kho=test", TmpfsMounter.OtherUserNamespace, -Errno.EINVAL)]
    [InlineData("size=4k", TmpfsMounter.Unprivileged, 0)]
    [InlineData("kho=", TmpfsMounter.None, -Errno.EINVAL)]
    [InlineData("kho", TmpfsMounter.None, -Errno.EINVAL)]
    [InlineData("kho=test,kho_must", TmpfsMounter.None, -Errno.EINVAL)]
    [InlineData("kho=a/b \u00FF;", TmpfsMounter.None, 0)]
    public void Mount_NameAndPrivilege(string options, TmpfsMounter mounter, int result) =>
        Assert.Equal(result, new PocUser().Mount(options, mounter: mounter));

    [Fact]
    public void Mount_AnyNameHoweverLong_ComesOver()
    {
        string name = new('n', 5000);
        PocUser user = PocUser.Mounted(options: $"kho={name}");
        user.File("m/file");
        user.Kexec($"kho={name}");
        user.Holds("m/file", "content");
    }

    [Fact]
    public void Mount_WithoutAName_IsPlainTmpfsAndHandsNothingOver()
    {
        PocUser user = PocUser.Mounted(options: "size=1m");
        Assert.Equal(0, user.Create($"m/{new string('n', 255)}"));
        Assert.Equal(1, user.Write($"m/{new string('n', 255)}", "x", 2036 * 4096));
        Assert.Equal(0, user.Activate());

        Assert.Equal(0, PocTreeReader.FindTmpfs(user.Tree(), out int tmpfs));
        Assert.Empty(PocTreeReader.ReadMem(user.Tree(), tmpfs));
        Assert.Empty(PocTreeReader.ReadNames(user.Tree(), tmpfs));
    }

    [Fact]
    public void Create_EveryInodeHasAKhoInodeWhoseAddressIsItsNumber()
    {
        PocUser user = new();
        Assert.Equal(0, user.Mount("kho=test,mode=750", uid: 3, gid: 4));
        Assert.Equal(0, user.Create("m/file", 0x1B0, uid: 7, gid: 8));
        Assert.Equal(0, user.MakeDirectory("m/dir"));

        PocInode root = user.Mirror("m"), file = user.Mirror("m/file"), dir = user.Mirror("m/dir");
        Assert.Equal((0x41E8U, 3U, 4U, 3U, 3 * 264UL), (root.Mode, root.Uid, root.Gid, root.LinkCount, root.Size));
        Assert.Equal((0x81B0U, 7U, 8U, 1U, 0UL, 0UL), (file.Mode, file.Uid, file.Gid, file.LinkCount, file.Size, file.Blocks));
        Assert.Equal((0x41EDU, 2U, 264UL), (dir.Mode, dir.LinkCount, dir.Size));
        Assert.Equal(file.BirthTime, file.ChangeTime);
        Assert.Equal(new PocEntry(user.Number("m"), 2, "."), user.MirrorDirectory("m")[0]);
        Assert.Equal(new PocEntry(user.Number("m/file"), 1, "file"), user.MirrorDirectory("m")[1]);
        Assert.Equal(new PocEntry(user.Number("m/dir"), 2, "dir"), user.MirrorDirectory("m")[2]);
        Assert.Equal(0UL, (user.Number("m/file") - PocAddresses.FixedBase) % 131072);
        Assert.True(root.ChangeTime.Nanoseconds > root.BirthTime.Nanoseconds);
        Assert.Equal(root.ChangeTime, root.ModifyTime);
    }

    [Fact]
    public void Create_InheritedFlagsAreInBothFields()
    {
        PocUser user = PocUser.Mounted();
        Assert.Equal(0, user.MakeDirectory("m/dir"));
        Assert.Equal(0, user.Ask(TmpfsProtocol.SetFlags, "m/dir", 0xC0).Code);
        Assert.Equal(0, user.Create("m/dir/file"));

        Assert.Equal((0U, 0U), (user.Mirror("m/dir").FsFlags, user.Mirror("m/dir").Flags));
        Assert.Equal((0xC0U, 2U), (user.Mirror("m/dir/file").FsFlags, user.Mirror("m/dir/file").Flags));
    }

    [Fact]
    public void Create_NameOf255Bytes_IsTooLongForFilesDirectoriesAndNodesOnly()
    {
        PocUser user = PocUser.Mounted();
        string name = $"m/{new string('n', 255)}";

        Assert.Equal(-Errno.ENAMETOOLONG, user.Create(name));
        Assert.Equal(-Errno.ENAMETOOLONG, user.MakeDirectory(name));
        Assert.Equal(-Errno.ENAMETOOLONG, user.MakeNode(name, 0x11A4));
        Assert.Equal(0, user.Create(name[..^1]));
        Assert.Equal(0, user.SymbolicLink("x", name));
        Assert.Equal(0, user.Unlink(name));
        Assert.Equal(0, user.Link(name[..^1], name));
    }

    [Fact]
    public void Write_BehindPage2036_IsTooBig()
    {
        PocUser user = PocUser.Mounted();
        Assert.Equal(0, user.Create("m/file"));

        Assert.Equal(-Errno.EFBIG, user.Write("m/file", "x", 8339456));
        Assert.Equal(-Errno.EFBIG, user.Allocate("m/file", 0, 8339456, 1));
        Assert.Equal(0UL, user.Mirror("m/file").Size);
        Assert.Equal(10, user.Write("m/file", new string('x', 20), 8339446));
        Assert.Equal(8339456UL, user.Mirror("m/file").Size);
        Assert.NotEqual(0UL, user.Page("m/file", 2035));
        Assert.Equal(0, user.Truncate("m/file", 1UL << 40));
    }

    [Fact]
    public void Write_PageInTheBitmapAndInItsEntry_TruncatePunchAndUnlinkTakeItOut()
    {
        PocUser user = PocUser.Mounted();
        Assert.Equal(0, user.Create("m/file"));
        Assert.Equal(5 * 4096, user.WritePattern("m/file", 5 * 4096));
        Assert.Equal([.. Enumerable.Range(0, 5).Select(i => user.Page("m/file", (ulong)i))], DataPages(user));

        Assert.Equal(0, user.Allocate("m/file", 3, 4096 + 1, 8192 - 1));
        Assert.Equal(0, user.Truncate("m/file", 3 * 4096 + 1));
        ulong[] left = [user.Page("m/file"), user.Page("m/file", 1), user.Page("m/file", 3)];
        Assert.DoesNotContain(0UL, left);
        Assert.Equal((0UL, 0UL), (user.Page("m/file", 2), user.Page("m/file", 4)));
        Assert.Equal(left, DataPages(user));

        ulong slot = user.Mirror("m/file").Phys;
        Assert.Equal(0, user.Unlink("m/file"));
        Assert.Empty(DataPages(user));
        Assert.Equal([.. new byte[16376]], user.Machine.Bytes(slot + 8, 16376));
    }

    [Fact]
    public void Mount_InTheNextKernel_OtherNamesAreFreshAndOptionsAreOverridden()
    {
        PocUser user = PocUser.Mounted(options: "kho=test,size=1m,nr_inodes=50,mode=711,ro");
        Assert.Equal(0, user.Remount("rw"));
        user.File("m/file");
        Assert.Equal(0, user.Remount("ro"));
        user.Kexec("kho=test,size=4k,nr_inodes=1,mode=777,rw");

        KernelResult blocks = user.StatFileSystem(0);
        Assert.Equal((256UL, 256UL), (blocks.Value, blocks.Extra));
        Assert.Equal(50UL, user.StatFileSystem(1).Value);
        Assert.Equal(0x41C9U, user.Mode("m"));
        Assert.Equal(-Errno.EROFS, user.Create("m/new"));
        user.Holds("m/file", "content");
        Assert.Equal(255UL, user.StatFileSystem(0).Extra);
        Assert.Equal(0, user.Mount("kho=Test", "n"));
        Assert.Equal(-Errno.ENOENT, user.Stat("n/file").Code);
    }

    [Fact]
    public void Lookup_InARestoredMount_MakesInodesAndPagesWhenAskedFor()
    {
        PocUser user = PocUser.Mounted();
        Assert.Equal(0, user.MakeDirectory("m/a"));
        Assert.Equal(0, user.MakeDirectory("m/a/b"));
        user.File("m/a/b/file", new string('x', 5000));
        ulong number = user.Number("m/a/b/file");
        KernelResult modified = user.Stat("m/a/b/file", TmpfsStatField.ModifyTime);
        user.Kexec();

        Assert.Equal(number, user.Number("m/a/b/file"));
        Assert.Equal(0UL, user.Stat("m/a/b/file", TmpfsStatField.BlocksDevice).Value);
        Assert.Equal(PocUser.Crc(new string('x', 10)), user.Read("m/a/b/file", 10).Extra);
        Assert.Equal(8UL, user.Stat("m/a/b/file", TmpfsStatField.BlocksDevice).Value);
        Assert.Equal(1, user.Write("m/a/b/file", "y", 4096));
        Assert.Equal(PocUser.Crc("y" + new string('x', 903)), user.Read("m/a/b/file", 4096, 4096).Extra);
        Assert.NotEqual(0UL, modified.Value);
        Assert.Equal(-Errno.ENOENT, user.Stat("m/a/x").Code);
        Assert.Equal(-Errno.EEXIST, user.Create("m/a/b"));
        Assert.Equal(-Errno.ENOTEMPTY, user.RemoveDirectory("m/a"));
        Assert.Equal(0, user.Unlink("m/a/b/file"));
        Assert.Equal(0, user.RemoveDirectory("m/a/b"));
        Assert.Equal(0, user.RemoveDirectory("m/a"));
        Assert.Equal(["."], user.Names("m"));
        Assert.Empty(DataPages(user));
    }

    [Fact]
    public void ReadDirectory_OfADirectoryThatWasHandedOver_ListsTheArray()
    {
        PocUser user = PocUser.Mounted();
        Assert.Equal(0, user.MakeDirectory("m/dir"));
        user.File("m/file");
        Assert.Equal([".", "..", "dir", "file"], user.Names("m"));
        ulong mask = (1UL << 56) - 1;
        ulong root = user.Number("m") & mask, dir = user.Number("m/dir") & mask, file = user.Number("m/file") & mask;
        user.Kexec();

        Assert.Equal([(264UL, root, (byte)2, "."), (528UL, dir, (byte)2, "dir"), (792UL, file, (byte)1, "file")], user.List("m"));
        Assert.Equal(0, user.MakeDirectory("m/new"));
        Assert.Equal(0, user.Create("m/dir/x"));
        Assert.Equal(0, user.Unlink("m/file"));
        Assert.Equal([".", "dir", "new"], user.Names("m"));
        Assert.Equal([".", "x"], user.Names("m/dir"));
        Assert.Equal([".", ".."], user.Names("m/new"));
    }

    [Fact]
    public void Whiteout_IsRecordedLikeANode_BehindTheNameThatItHides()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/old");
        Assert.Equal(0, user.Rename("m/old", "m/new", 4));

        Assert.Equal([".", "old", "old"], user.MirrorNames("m"));
        user.Kexec();
        user.Holds("m/old", "content");
    }

    [Fact]
    public void Unmount_GivesBackWhatIsInMemory_AndLosesTrackOfTheRest()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/seen");
        user.File("m/unseen");
        ulong seen = user.Page("m/seen"), unseen = user.Page("m/unseen");
        user.Kexec();
        user.Holds("m/seen", "content");
        Assert.Equal(0, user.Unmount());

        Assert.Equal([unseen], DataPages(user));
        Assert.Equal(PageOwner.Free, user.Machine.Pages.OwnerOf(PageGeometry.PfnOf(seen)));
        Assert.Equal(PageOwner.Client(1), user.Machine.Pages.OwnerOf(PageGeometry.PfnOf(unseen)));
    }

    [Fact]
    public void ListNames_LiveMountsThenWhatWaits()
    {
        PocUser user = PocUser.Mounted(options: "kho=one");
        Assert.Equal(0, user.Mount("kho=two", "n"));
        user.Kexec("kho=one");

        Message first = user.Machine.CallMessage(new Message(MessageKind.Of(TmpfsProtocol.Actor, TmpfsProtocol.ListNames)));
        Message second = user.Machine.CallMessage(new Message(MessageKind.Of(TmpfsProtocol.Actor, TmpfsProtocol.ListNames), 1));
        Assert.Equal(("one", 1UL), (first.Text, KernelResult.From(first).Value));
        Assert.Equal(("two", 2UL), (second.Text, KernelResult.From(second).Value));
        Assert.Equal(-Errno.ENOENT, user.Ask(TmpfsProtocol.ListNames, null, 2).Code);
        Assert.Equal(-Errno.EOPNOTSUPP, user.Ask(TmpfsProtocol.Discard, "two").Code);
    }

    [Fact]
    public void TF2_NamesOfEveryKind_OnlyWhatWasCreatedUnderItsNameComesOver()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/renamed");
        user.File("m/linked");
        Assert.Equal(0, user.Rename("m/renamed", "m/moved"));
        Assert.Equal(0, user.Link("m/linked", "m/link"));
        Assert.Equal(0, user.SymbolicLink("linked", "m/symbolic"));
        Assert.Equal(0, user.MakeNode("m/device", 0x21A4));
        Assert.Equal(0, user.MakeNode("m/fifo", 0x11A4));
        user.Kexec();

        Assert.Equal([".", "renamed", "linked", "device", "fifo"], user.Names("m"));
        Assert.Equal(-Errno.EOPNOTSUPP, user.Stat("m/device").Code);
        Assert.Equal(-Errno.EOPNOTSUPP, user.Stat("m/fifo").Code);
    }

    private static ulong[] DataPages(PocUser user)
    {
        Assert.Equal(0, user.Activate());
        byte[] tree = user.Tree();
        Assert.Equal(0, user.Deactivate());
        Assert.Equal(0, PocTreeReader.FindTmpfs(tree, out int tmpfs));
        return [.. PocTreeReader.ReadMem(tree, tmpfs).Select(range => range.Phys)];
    }
}
