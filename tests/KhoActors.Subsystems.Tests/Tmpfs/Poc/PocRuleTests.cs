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
        PocUser user = PocLossTests.Mounted(options: $"kho={name}");
        user.File("m/file");
        user.Kexec($"kho={name}");
        user.Holds("m/file", "content");
    }

    [Fact]
    public void Mount_WithoutAName_IsPlainTmpfsAndHandsNothingOver()
    {
        PocUser user = PocLossTests.Mounted(options: "size=1m");
        Assert.Equal(0, user.Create($"m/{new string('n', 255)}"));
        Assert.Equal(1, user.Write($"m/{new string('n', 255)}", "x", 2036 * 4096));
        Assert.Equal(0, user.Activate());

        Assert.Equal(1, PocTreeReader.FindTmpfs(user.Tree(), out int tmpfs));
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
        PocUser user = PocLossTests.Mounted();
        Assert.Equal(0, user.MakeDirectory("m/dir"));
        Assert.Equal(0, user.Ask(TmpfsProtocol.SetFlags, "m/dir", 0xC0).Code);
        Assert.Equal(0, user.Create("m/dir/file"));

        Assert.Equal((0U, 0U), (user.Mirror("m/dir").FsFlags, user.Mirror("m/dir").Flags));
        Assert.Equal((0xC0U, 2U), (user.Mirror("m/dir/file").FsFlags, user.Mirror("m/dir/file").Flags));
    }

    [Fact]
    public void Create_NameOf255Bytes_IsTooLongForFilesDirectoriesAndNodesOnly()
    {
        PocUser user = PocLossTests.Mounted();
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
        PocUser user = PocLossTests.Mounted();
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
        PocUser user = PocLossTests.Mounted();
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
    public void Activation_ListsAndPreservesPagesSlabAndMounts()
    {
        PocUser user = PocLossTests.Mounted(options: "kho=test,size=1m,nr_inodes=100,uid=5,gid=6,mode=700");
        user.File("m/file");
        SortedSet<(ulong Pfn, int Order)> before = user.Machine.Tracked;

        Assert.Equal(0, user.Activate());

        byte[] tree = user.Tree();
        Assert.Equal(1, PocTreeReader.FindTmpfs(tree, out int tmpfs));
        Assert.Equal([new PocRange(user.Page("m/file"), 4096)], PocTreeReader.ReadMem(tree, tmpfs));
        Assert.Equal(0, PocTreeReader.ReadSlab(tree, tmpfs, out List<PocRange> blocks, out ulong firstFree));
        Assert.Equal([new PocRange(user.Mirror("m").Phys, 2 << 20)], blocks);
        Assert.Equal(user.Number("m/file") + 131072, firstFree);
        (string name, int node) = Assert.Single(PocTreeReader.ReadNames(tree, tmpfs));
        Assert.Equal(new PocSuper("test", 5, 6, 0x1C0, 256, 100, 102400, 0x70810000, user.Number("m")), PocTreeReader.ReadSuper(tree, node, name));

        (ulong phys, _) = user.Machine.Published(PocTree.SubtreeName)!.Value;
        (ulong, int)[] added = [(user.Page("m/file") >> 12, 0), (blocks[0].Phys >> 12, 9), (phys >> 12, 0)];
        Assert.Equal(before.Union(added).Order(), user.Machine.Tracked);
    }

    [Fact]
    public void Activation_Twice_ChangesNothing_AndAbortTakesItAllBack()
    {
        PocUser user = PocLossTests.Mounted();
        user.File("m/file");
        FillTracker(user);
        SortedSet<(ulong, int)> before = user.Machine.Tracked;
        ulong free = user.Machine.Pages.FreePages;

        Assert.Equal(0, user.Activate());
        byte[] tree = user.Tree();
        user.File("m/later");
        Assert.Equal(0, user.Activate());
        Assert.Equal(tree, user.Tree());

        Assert.Equal(0, user.Deactivate());
        Assert.Equal(0, user.Deactivate());
        Assert.Equal(before, user.Machine.Tracked);
        Assert.Null(user.Machine.Published(PocTree.SubtreeName));
        Assert.Equal(free - 1, user.Machine.Pages.FreePages);
        user.Holds("m/later", "content");
    }

    [Theory]
    [InlineData(KhoProtocol.AllocPreserve, 0)]
    [InlineData(KhoProtocol.PreserveFolio, 0)]
    [InlineData(KhoProtocol.PreserveFolio, 2)]
    [InlineData(KhoProtocol.PreserveFolio, 3)]
    [InlineData(KhoProtocol.AddSubtree, 0)]
    public void Activation_AnyFailure_IsEinvalAndLeavesNothing(ushort kind, int successes)
    {
        PocUser user = PocLossTests.Mounted();
        user.File("m/file", new string('x', 3 * 4096));
        FillTracker(user);
        SortedSet<(ulong, int)> before = user.Machine.Tracked;
        ulong free = user.Machine.Pages.FreePages;
        user.Machine.KhoFault = message => message.Kind.Value == kind && successes-- == 0 ? -Errno.ENOMEM : 0;

        Assert.Equal(-Errno.EINVAL, user.Activate());

        Assert.Equal(before, user.Machine.Tracked);
        Assert.Equal(free, user.Machine.Pages.FreePages);
        Assert.Null(user.Machine.Published(PocTree.SubtreeName));
        Assert.Equal(0, user.Activate());
    }

    [Fact]
    public void Activation_WithoutKho_IsEnomem_AndAKexecHandsNothingOver()
    {
        PocUser user = PocLossTests.Mounted(new PocUser(khoEnabled: false));
        user.File("m/file");

        Assert.Equal(-Errno.ENOMEM, user.Activate());
        Assert.Equal(0, PocLossTests.Freeze(user));
        user.Holds("m/file", "content");
    }

    [Fact]
    public void Kexec_ActivatesWhenNobodyDid_AndAGivenUpOneTakesThatBack()
    {
        PocUser user = PocLossTests.Mounted();
        Assert.Equal(0, PocLossTests.Freeze(user));
        Assert.NotNull(user.Machine.Published(PocTree.SubtreeName));
        Assert.Equal(0, user.Create("m/file"));
        Assert.Equal(0, user.Ask(ClientProtocol.Thaw).Code);
        Assert.Null(user.Machine.Published(PocTree.SubtreeName));

        Assert.Equal(0, user.Activate());
        Assert.Equal(0, PocLossTests.Freeze(user));
        Assert.Equal(0, user.Ask(ClientProtocol.Thaw).Code);
        Assert.NotNull(user.Machine.Published(PocTree.SubtreeName));
    }

    [Fact]
    public void Activation_GoesOnBehindOthers_AndSystemCallsGoOnMeanwhile()
    {
        PocUser user = PocLossTests.Mounted();
        user.File("m/file");
        user.Machine.CallPartly(ClientProtocol.Plain(TmpfsProtocol.Actor, TmpfsProtocol.FreezeNow), 3);

        Assert.Equal(3, user.Write("m/file", "now"));
        Assert.Equal(0, user.Deactivate());
        Assert.Null(user.Machine.Published(PocTree.SubtreeName));
    }

    [Fact]
    public void Boot_IncompatibleNode_NothingIsClaimedAndMountsAreEmpty()
    {
        PocUser user = PocLossTests.Mounted();
        user.File("m/file");
        ulong page = user.Page("m/file");
        Assert.Equal(0, user.Activate());
        Damage(user, "tmpfs-kho-v1");

        Assert.Equal(-Errno.EINVAL, user.Machine.Kexec().Code);
        Assert.Contains("tmpfs: kho: the node is not 'tmpfs-kho-v1', what was handed over is left alone", user.Machine.Lines);
        Assert.Equal(PageOwner.Memblock, user.Machine.Pages.OwnerOf(PageGeometry.PfnOf(page)));
        Assert.Equal(0, user.Mount());
        Assert.Empty(user.MirrorNames("m").Except(["."]));
        user.Kexec(null);
        Assert.Equal(PageOwner.Free, user.Machine.Pages.OwnerOf(PageGeometry.PfnOf(page)));
    }

    [Theory]
    [InlineData("kho-v1", 0)]
    [InlineData("simple-slab-v1", -Errno.EINVAL)]
    [InlineData("slabsize", -Errno.EINVAL)]
    [InlineData("first-free", -Errno.EINVAL)]
    public void Boot_OtherDamage_LeavesMountsEmpty(string text, int result)
    {
        PocUser user = PocLossTests.Mounted();
        user.File("m/file");
        Assert.Equal(0, user.Activate());
        Damage(user, text);

        Assert.Equal(result, user.Machine.Kexec().Code);
        Assert.Equal(0, user.Mount());
        Assert.Equal(-Errno.ENOENT, user.Stat("m/file").Code);
    }

    [Theory]
    [InlineData("uid")]
    [InlineData("max-blocks")]
    [InlineData("root")]
    [InlineData("tmpfs-kho-super-v1")]
    public void Mount_DamagedSuper_IsEinval(string text)
    {
        PocUser user = PocLossTests.Mounted();
        Assert.Equal(0, user.Activate());
        Damage(user, text);
        user.Kexec(null);

        Assert.Equal(-Errno.EINVAL, user.Mount());
    }

    [Fact]
    public void Mount_InTheNextKernel_OtherNamesAreFreshAndOptionsAreOverridden()
    {
        PocUser user = PocLossTests.Mounted(options: "kho=test,size=1m,nr_inodes=50,mode=711,ro");
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
        PocUser user = PocLossTests.Mounted();
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
        PocUser user = PocLossTests.Mounted();
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
        PocUser user = PocLossTests.Mounted();
        user.File("m/old");
        Assert.Equal(0, user.Rename("m/old", "m/new", 4));

        Assert.Equal([".", "old", "old"], user.MirrorNames("m"));
        user.Kexec();
        user.Holds("m/old", "content");
    }

    [Fact]
    public void Unmount_GivesBackWhatIsInMemory_AndLosesTrackOfTheRest()
    {
        PocUser user = PocLossTests.Mounted();
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
    public void WithoutNokaslr_TheNextKernelFollowsAddressesToOtherMemory()
    {
        PocUser user = PocLossTests.Mounted(new PocUser(commandLine: "kho=on"));
        user.File("m/file");
        Assert.NotEqual(PocAddresses.FixedBase, user.Number("m") & ~0x3FFFFFFFUL);
        user.Kexec(null);

        SimulatedOopsException oops = Assert.Throws<SimulatedOopsException>(() => user.Mount());
        Assert.StartsWith("BUG: unable to handle page fault for address: ffff", oops.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ListNames_LiveMountsThenWhatWaits()
    {
        PocUser user = PocLossTests.Mounted(options: "kho=one");
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
        PocUser user = PocLossTests.Mounted();
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

    [Fact]
    public void TF6_WriteDuringFreeze_IsNotHeldUp()
    {
        PocUser user = PocLossTests.Mounted();
        user.File("m/file");
        Assert.Equal(0, PocLossTests.Freeze(user));

        Assert.Equal(3, user.Write("m/file", "new"));
        Assert.Equal(0, user.Create("m/fresh"));
        Assert.Equal(0, user.Machine.Jump().Code);
        Assert.Equal(0, user.Mount());
        user.Holds("m/file", "newtent");
    }

    /// <summary>The tracker keeps the pages that it took for an activation.</summary>
    private static void FillTracker(PocUser user)
    {
        Assert.Equal(0, user.Activate());
        Assert.Equal(0, user.Deactivate());
    }

    private static ulong[] DataPages(PocUser user)
    {
        Assert.Equal(0, user.Activate());
        byte[] tree = user.Tree();
        Assert.Equal(0, user.Deactivate());
        Assert.Equal(1, PocTreeReader.FindTmpfs(tree, out int tmpfs));
        return [.. PocTreeReader.ReadMem(tree, tmpfs).Select(range => range.Phys)];
    }

    /// <summary>Damages the first character of a string or of a property's name in the published tree.</summary>
    private static void Damage(PocUser user, string text)
    {
        int at = user.Tree().AsSpan().IndexOf(Encoding.Latin1.GetBytes(text + "\0"));
        Assert.NotEqual(-1, at);
        user.Machine.Memory.Write(user.Machine.Published(PocTree.SubtreeName)!.Value.Phys + (ulong)at, "X"u8);
    }
}
