using System.Text;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Poc;

namespace KhoActors.Subsystems.Tests.Tmpfs.Poc;

/// <summary>The regression list of the proof of concept: what each action loses or breaks, L1 to L10.</summary>
public class PocLossTests
{
    private const uint CharacterDevice = 0x21A4, BlockDevice = 0x61A4, Fifo = 0x11A4, Socket = 0xC1A4;

    [Fact]
    public void L1_Rename_OldNameInTheNextKernel()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/old");

        Assert.Equal(0, user.Rename("m/old", "m/new"));
        user.Holds("m/new", "content");
        user.Kexec();

        user.Holds("m/old", "content");
        Assert.Equal(-Errno.ENOENT, user.Stat("m/new").Code);
    }

    [Fact]
    public void L1_RenameOverAFile_TheTargetsEntryIsGone()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/source", "source");
        user.File("m/target", "target");

        Assert.Equal(0, user.Rename("m/source", "m/target"));
        user.Kexec();

        Assert.Equal([".", "source"], user.Names("m"));
        user.Holds("m/source", "source");
        Assert.Equal(-Errno.ENOENT, user.Stat("m/target").Code);
    }

    [Fact]
    public void L2_HardLink_SecondNameMissingAndDataUnreachableWithoutTheFirst()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/first");
        Assert.Equal(0, user.Link("m/first", "m/second"));
        ulong page = user.Page("m/first");
        Assert.Equal(2U, user.Links("m/second"));

        user.Kexec();
        Assert.Equal([".", "first"], user.Names("m"));
        Assert.Equal(-Errno.ENOENT, user.Stat("m/second").Code);

        user = PocUser.Mounted();
        user.File("m/first");
        Assert.Equal(0, user.Link("m/first", "m/second"));
        Assert.Equal(0, user.Unlink("m/first"));
        user.Holds("m/second", "content");
        user.Kexec();

        Assert.Equal(["."], user.Names("m"));
        Assert.Equal(PageOwner.Client(1), user.Machine.Pages.OwnerOf(PageGeometry.PfnOf(page)));
        user.Kexec();
        Assert.Equal(PageOwner.Client(1), user.Machine.Pages.OwnerOf(PageGeometry.PfnOf(page)));
    }

    [Fact]
    public void L3_SymbolicLink_MissingAndItsInodeAnOrphan()
    {
        PocUser user = PocUser.Mounted();
        Assert.Equal(0, user.SymbolicLink("somewhere", "m/link"));
        ulong number = user.Number("m/link");
        Assert.Equal(0xA1FFU, user.Mirror("m/link").Mode);

        user.Kexec();

        Assert.Equal(-Errno.ENOENT, user.Stat("m/link").Code);
        Assert.Equal(["."], user.Names("m"));
        Assert.Equal(0xA1FFUL, user.Machine.Memory.ReadUInt64(number - PocAddresses.FixedBase) & 0xFFFF);
        Assert.NotEqual(number, Created(user, "m/fresh"));
    }

    [Theory]
    [InlineData(CharacterDevice, 3)]
    [InlineData(BlockDevice, 4)]
    [InlineData(Fifo, 5)]
    [InlineData(Socket, 6)]
    public void L4_DeviceFifoSocket_LookupIsRefusedAndItsSlotIsFreeTwice(uint mode, byte type)
    {
        PocUser user = PocUser.Mounted();
        Assert.Equal(0, user.MakeNode("m/node", mode));
        ulong slot = user.Number("m/node");
        user.Kexec();

        Assert.Contains(user.List("m"), entry => (entry.Name, entry.Type) == ("node", type));
        Assert.Equal(-Errno.EOPNOTSUPP, user.Stat("m/node").Code);
        Assert.Equal(-Errno.EOPNOTSUPP, user.Create("m/node"));

        Assert.Equal(slot, Created(user, "m/one"));
        Assert.Equal(slot, Created(user, "m/two"));
        Assert.Equal(4, user.Write("m/one", "lost"));
        Assert.Equal(3, user.Write("m/two", "won"));
        user.Kexec();
        Assert.Equal(user.Number("m/one"), user.Number("m/two"));
        user.Holds("m/one", "wont");
    }

    [Fact]
    public void L5_AttributesAndTruncation_AreNotMirrored()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/file", new string('x', 5000));
        KernelResult modified = user.Stat("m/file", TmpfsStatField.ModifyTime), created = user.Stat("m/file", TmpfsStatField.BirthTime);

        Assert.Equal(0, user.Ask(TmpfsProtocol.ChangeMode, "m/file", 0x1FF).Code);
        Assert.Equal(0, user.Ask(TmpfsProtocol.ChangeOwner, "m/file", 0, (7UL << 32) | 8).Code);
        Assert.Equal(0, user.Ask(TmpfsProtocol.ChangeTimes, "m/file", 1, 2).Code);
        Assert.Equal(0, user.Truncate("m/file", 10));
        Assert.Equal(0, user.Create("m/up"));
        Assert.Equal(0, user.Truncate("m/up", 1 << 20));
        Assert.NotEqual(modified, user.Stat("m/file", TmpfsStatField.ModifyTime));
        user.Kexec();

        Assert.Equal(0x81A4U, user.Mode("m/file"));
        Assert.Equal((0U, 0U), user.Owner("m/file"));
        Assert.Equal((created.Value, created.Extra), user.Stat("m/file", TmpfsStatField.ModifyTime) is var time ? (time.Value, time.Extra) : default);
        Assert.Equal(0UL, user.Size("m/up"));

        // The second page went, the tail of the first is zero, and the size is the largest end.
        KernelResult read = user.Read("m/file");
        Assert.Equal(5000UL, read.Value);
        Assert.Equal(PocUser.Crc([.. Enumerable.Repeat((byte)'x', 10), .. new byte[4990]]), read.Extra);
    }

    [Fact]
    public void L6_WriteAfterActivation_BlockEntryPointsAtMemoryThatTheNextKernelUses()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/before", "before");
        Assert.Equal(0, user.Create("m/after"));

        Assert.Equal(0, user.Activate());
        Assert.Equal(6, user.Write("m/before", "BEFORE"));
        Assert.Equal(5, user.Write("m/after", "after"));
        ulong page = user.Page("m/after");
        Assert.True(user.IsTracked(user.Page("m/before")));
        Assert.False(user.IsTracked(page));
        user.Kexec();

        user.Holds("m/before", "BEFORE");
        Assert.Equal(5UL, user.Size("m/after"));
        Assert.Equal(page, user.Page("m/after"));
        Assert.Equal(PageOwner.Free, user.Machine.Pages.OwnerOf(PageGeometry.PfnOf(page)));
        KernelResult read = user.Read("m/after");
        Assert.Equal((0, 5UL, (ulong)PocUser.Crc([0xAA, 0xAA, 0xAA, 0xAA, 0xAA])), (read.Code, read.Value, read.Extra));
        Assert.Throws<PageOwnershipException>(() => user.Write("m/after", "again"));
    }

    [Fact]
    public void L7_UnlinkOfPlainFiles_DirectoryLinkCountWrapsBelowZero()
    {
        PocUser user = PocUser.Mounted();
        Assert.Equal(0, user.MakeDirectory("m/dir"));
        for (int i = 0; i < 3; i++)
        {
            user.File($"m/dir/{i}");
            Assert.Equal(0, user.Unlink($"m/dir/{i}"));
        }

        Assert.Equal(2U, user.Links("m/dir"));
        Assert.Equal(uint.MaxValue, user.Mirror("m/dir").LinkCount);
        user.Kexec();
        Assert.Equal(uint.MaxValue, user.Links("m/dir"));
    }

    [Fact]
    public void L8_The62ndEntry_IsAcceptedAndLies80BytesBehindTheInode()
    {
        PocUser user = PocUser.Mounted();
        for (int i = 1; i <= 61; i++)
        {
            Assert.Equal(0, user.Create($"m/{new string('n', 250)}{i}"));
        }

        Assert.Equal(-Errno.ENOSPC, user.Create("m/63rd"));
        PocInode root = user.Mirror("m");
        Assert.Equal(62UL * 264, root.Size);
        Assert.Equal(Encoding.Latin1.GetBytes(new string('n', 69)), user.Machine.Bytes(root.Phys + 16384, 69));
        user.Kexec();
        Assert.Equal(62, user.List("m").Count);
        Assert.Equal(0, user.Stat($"m/{new string('n', 250)}61").Code);
    }

    [Fact]
    public void L9_AMigratedPage_TheBlockEntryNamesTheOldPlace()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/file");
        ulong old = user.Page("m/file");

        Assert.Equal(0, user.Ask(TmpfsProtocol.MigratePage, "m/file", 0).Code);
        user.Holds("m/file", "content");
        Assert.Equal(old, user.Page("m/file"));
        user.Kexec();

        Assert.Equal(old, user.Page("m/file"));
        Assert.Equal(PocUser.Crc([0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA]), user.Read("m/file").Extra);
    }

    [Fact]
    public void L9_APageInScratch_NoKexec()
    {
        PocUser user = WithAPageInScratch(new PocUser());
        SortedSet<(ulong, int)> before = user.Machine.Tracked;

        Assert.Equal(-Errno.EINVAL, user.Freeze());
        Assert.Equal(before, user.Machine.Tracked);
        Assert.Null(user.Machine.Published(PocTree.SubtreeName));

        // By hand it becomes active, as in 2024, and the loader refuses.
        Assert.Equal(0, user.Activate());
        Assert.Equal(-Errno.EINVAL, user.Freeze());
        Assert.NotNull(user.Machine.Published(PocTree.SubtreeName));
    }

    [Fact]
    public void L9_APageInScratch_AKernelThatChecksFoliosDoesNotBecomeActive()
    {
        PocUser user = WithAPageInScratch(new PocUser(debug: true));
        SortedSet<(ulong, int)> before = user.Machine.Tracked;

        Assert.Equal(-Errno.EINVAL, user.Activate());

        Assert.Equal(before, user.Machine.Tracked);
        Assert.Null(user.Machine.Published(PocTree.SubtreeName));
    }

    [Fact]
    public void L10_AFrameNumberAboveTheNumberOfPages_SetsABitInForeignMemory()
    {
        // 128 MiB below a hole that ends at 4 GiB, 16 MiB above it.
        PocUser user = new(ram: [(1, PocMachine.RamEndPfn), (0x100000, 0x101000)]);
        Assert.Equal(0, user.Mount());
        Assert.Equal(0, user.Create("m/file"));
        FillMemoryBelow(user.Machine, 0x100000);

        Assert.Throws<PageOwnershipException>(() => user.Write("m/file", "high"));
    }

    /// <summary>Takes all free memory below a page.</summary>
    private static void FillMemoryBelow(PocMachine machine, ulong pfn)
    {
        for (int order = 10; order >= 0; order--)
        {
            while (machine.Pages.Allocate(order, MigrateType.Movable, PageOwner.Kernel) is var phys && phys != 0)
            {
                if (PageGeometry.PfnOf(phys) >= pfn)
                {
                    machine.Pages.Free(phys, order, PageOwner.Kernel);
                    break;
                }
            }
        }
    }

    /// <summary>Only scratch is left for movable pages while a file is written.</summary>
    private static PocUser WithAPageInScratch(PocUser user)
    {
        PocUser.Mounted(user);
        Assert.Equal(0, user.Create("m/file"));
        List<ulong> taken = [];
        while (user.Machine.Pages.Allocate(0, MigrateType.Unmovable, PageOwner.Kernel) is var phys && phys != 0)
        {
            taken.Add(phys);
        }

        Assert.Equal(4, user.Write("m/file", "here"));
        Assert.True(user.Machine.Kernel.OverlapsScratch(user.Page("m/file"), 1));
        taken.ForEach(phys => user.Machine.Pages.Free(phys, 0, PageOwner.Kernel));
        return user;
    }

    private static ulong Created(PocUser user, string path)
    {
        Assert.Equal(0, user.Create(path));
        return user.Number(path);
    }
}
