using System.Text;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Poc;

namespace KhoActors.Subsystems.Tests.Tmpfs.Poc;

/// <summary>The second half of the regression list of the proof of concept: L11 to L20.</summary>
public class PocLaterLossTests
{
    [Fact]
    public void L11_AllocatedButNotWritten_StaleContentIsVisible()
    {
        PocUser user = PocUser.Mounted();
        Assert.Equal(0, user.Create("m/file"));
        Assert.Equal(1, user.Write("m/file", "x", 8192));
        Assert.Equal(0, user.Allocate("m/file", 1, 0, 4096));
        byte[] stale = user.Machine.Bytes(user.Page("m/file"), 16);
        Assert.All(stale, value => Assert.Equal(0xAA, value));
        Assert.Equal(PocUser.Crc(new byte[16]), user.Read("m/file", 16).Extra);
        user.Kexec();

        Assert.Equal(PocUser.Crc(stale), user.Read("m/file", 16).Extra);
    }

    [Fact]
    public void L12_TwoMountsOfOneName_TheNextKernelMountsTheNewestFirst()
    {
        PocUser user = PocUser.Mounted();
        Assert.Equal(0, user.Mount(point: "n"));
        user.File("m/file", "older");
        user.File("n/file", "newer");
        user.Kexec();

        Assert.Equal(0, user.Mount(point: "n"));
        user.Holds("m/file", "newer");
        user.Holds("n/file", "older");
    }

    [Fact]
    public void L13_AMountRefusedOnce_TheRetryIsEmpty()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/file");
        Assert.Equal(0, user.Activate());
        DamageSuper(user, "flags");
        user.Kexec(null);

        Assert.Equal(-Errno.EINVAL, user.Mount());
        Assert.Equal(0, user.Mount());
        Assert.Empty(user.Names("m").Except([".", ".."]));
    }

    [Fact]
    public void L14_NotMountedInTheNextKernel_MemoryIsHandedOnForEverAndNothingNamesIt()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/file");
        ulong page = user.Page("m/file"), slot = user.Mirror("m").Phys;
        user.Kexec(null);
        Assert.Equal(PageOwner.Client(1), user.Machine.Pages.OwnerOf(PageGeometry.PfnOf(page)));

        for (int generation = 0; generation < 3; generation++)
        {
            user.Kexec(null);
            Assert.Equal(PageOwner.Client(1), user.Machine.Pages.OwnerOf(PageGeometry.PfnOf(page)));
            Assert.Equal(PageOwner.Client(1), user.Machine.Pages.OwnerOf(PageGeometry.PfnOf(slot)));
        }

        Assert.Equal(0, user.Mount());
        Assert.Empty(user.Names("m").Except([".", ".."]));
    }

    [Fact]
    public void L15_AFileTruncatedBeforeItWasRead_ItsDataComesBack()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/unread");
        user.File("m/read");
        user.Kexec();
        user.Holds("m/read", "content");

        Assert.Equal(0, user.Truncate("m/unread", 0));
        Assert.Equal(0, user.Truncate("m/read", 0));
        Assert.Equal(0UL, user.Size("m/unread"));
        Assert.NotEqual(0UL, user.Page("m/unread"));
        Assert.Equal(0UL, user.Page("m/read"));
        user.Kexec();

        user.Holds("m/unread", "content");
        user.Holds("m/read", "\0\0\0\0\0\0\0");
    }

    [Fact]
    public void L16_ReadingAtTheLimit_LosesThePage()
    {
        PocUser user = PocUser.Mounted(options: "kho=test,size=8k");
        user.File("m/a", new string('a', 8192));
        user.Kexec("kho=test,size=1m");
        Assert.Equal((2UL, 2UL), user.StatFileSystem(0) is var blocks ? (blocks.Value, blocks.Extra) : default);
        Assert.Equal(0, user.Create("m/new"));
        Assert.Equal(4096, user.Write("m/new", new string('n', 4096)));
        ulong lost = user.Page("m/a", 1);

        KernelResult read = user.Read("m/a");
        Assert.Equal((0, 4096UL), (read.Code, read.Value));
        Assert.Equal(0UL, user.Page("m/a", 1));
        Assert.Equal(PageOwner.Free, user.Machine.Pages.OwnerOf(PageGeometry.PfnOf(lost)));
        Assert.Equal(PocUser.Crc([.. Enumerable.Repeat((byte)'a', 4096), .. new byte[4096]]), user.Read("m/a").Extra);

        user.Kexec();
        Assert.Equal(4096, user.Write("m/new", new string('n', 4096)));
        Assert.Equal(4096, user.Write("m/new", new string('n', 4096), 4096));
        Assert.Equal(-Errno.ENOSPC, user.Read("m/a").Code);
        Assert.Equal(0UL, user.Page("m/a"));
    }

    [Fact]
    public void L17_InodeLimit_NotEnforcedAndYetCredited()
    {
        PocUser user = PocUser.Mounted(options: "kho=test,nr_inodes=3");
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(0, user.Create($"m/{i}"));
        }

        Assert.Equal((3UL, 3UL), Inodes(user));
        Assert.Equal(0, user.Unlink("m/0"));
        Assert.Equal(0, user.Unlink("m/1"));
        Assert.Equal((3UL, 5UL), Inodes(user));
        user.Kexec();
        Assert.Equal((3UL, 5UL), Inodes(user));
        Assert.Equal(8 + 1, user.List("m").Count);
    }

    [Fact]
    public void L18_ChangeTime_IsNotRestored()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/file");
        KernelResult birth = user.Stat("m/file", TmpfsStatField.BirthTime), access = user.Stat("m/file", TmpfsStatField.AccessTime);
        user.Kexec();

        Assert.Equal(birth, user.Stat("m/file", TmpfsStatField.BirthTime));
        Assert.Equal(access, user.Stat("m/file", TmpfsStatField.AccessTime));
        Assert.Equal((0UL, 0UL), user.Stat("m/file", TmpfsStatField.ChangeTime) is var time ? (time.Value, time.Extra) : default);
        Assert.NotEqual(0L, user.Mirror("m/file").ChangeTime.Seconds);
    }

    [Fact]
    public void L19_ExtendedAttributes_AreNotThereAndTakeNoSpace()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/file");
        Assert.Equal(0, user.Ask(TmpfsProtocol.SetExtendedAttribute, "m/file\0trusted.note", 100).Code);
        byte[] slot = user.Machine.Bytes(user.Mirror("m/file").Phys, PocInode.SizeBytes);
        Assert.Equal(0, user.Ask(TmpfsProtocol.SetExtendedAttribute, "m/file\0trusted.other", 100).Code);

        Assert.Equal(slot, user.Machine.Bytes(user.Mirror("m/file").Phys, PocInode.SizeBytes));
        user.Kexec();
        user.Holds("m/file", "content");
        Assert.Equal(slot, user.Machine.Bytes(user.Mirror("m/file").Phys, PocInode.SizeBytes));
    }

    [Fact]
    public void L20_OwnerOptions_TheRestoredRootHasTheMountersIds()
    {
        PocUser user = new();
        Assert.Equal(0, user.Mount("kho=test,uid=1000,gid=100,mode=700", uid: 5, gid: 6));
        Assert.Equal((1000U, 100U), user.Owner("m"));
        user.Kexec("kho=test,uid=2,gid=3,mode=755");

        Assert.Equal((5U, 6U), user.Owner("m"));
        Assert.Equal(0x41C0U, user.Mode("m"));
    }

    /// <summary>Damages a property's name in the published tree: it is missing then.</summary>
    private static void DamageSuper(PocUser user, string property)
    {
        byte[] tree = user.Tree();
        int at = tree.AsSpan().LastIndexOf(Encoding.Latin1.GetBytes(property + "\0"));
        (ulong phys, _) = user.Machine.Published(PocTree.SubtreeName)!.Value;
        user.Machine.Memory.Write(phys + (ulong)at, "x"u8);
    }

    private static (ulong Total, ulong Free) Inodes(PocUser user) => user.StatFileSystem(1) is var inodes ? (inodes.Value, inodes.Extra) : default;
}
