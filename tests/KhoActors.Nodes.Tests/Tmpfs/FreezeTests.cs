using KhoActors.Nodes.Tests.Machines;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Nodes.Tests.Tmpfs;

/// <summary>The freeze: what it preserves, whom it blocks, and that every failure of it leaves nothing behind (reference, B.8 to B.11).</summary>
public class FreezeTests
{
    [Fact]
    public void T1_TrackerHasExactlyThePagesOfTheSnapshot()
    {
        TmpfsBench bench = WithTwoMounts();
        SortedSet<(ulong Phys, int Order)> before = bench.Tracked;

        Assert.Equal(0, bench.Freeze());

        SortedSet<(ulong Phys, int Order)> added = bench.Tracked;
        added.ExceptWith(before);
        Assert.All(added, block => Assert.Equal(0, block.Order));
        Assert.All(added, block => Assert.False(bench.Kernel.Early.Scratch.Overlaps(block.Phys, 4096)));
        Assert.All(added, block => Assert.Equal(PageOwner.Client(1), bench.Pages.OwnerOf(block.Phys >> 12)));
        Assert.Contains((bench.AnchorPhys, 0), before);
        Assert.Equal(bench.Memory.ReadUInt64(bench.AnchorPhys + AnchorPage.TotalPagesAt), (ulong)added.Count + 1);
    }

    [Fact]
    public void T9_NothingReachableChangesBetweenFreezeAndJump()
    {
        TmpfsBench bench = WithTwoMounts();
        Assert.Equal(0, bench.Call(TmpfsProtocol.Open, "/a/file").Code);
        Assert.Equal(0, bench.Freeze());
        string before = Content(bench);

        uint[] asked =
        [
            bench.Ask(TmpfsProtocol.Write, "/a/file", 0, 100, 9), bench.Ask(TmpfsProtocol.Unlink, "/b/file"), bench.Ask(TmpfsProtocol.Create, "/a/new", 0x1A4),
            bench.Ask(TmpfsProtocol.MapWrite, "/a/file", 0, 10, 3), bench.Ask(TmpfsProtocol.Truncate, "fd:3", 1), bench.Ask(TmpfsProtocol.ChangeMode, "/a", 0),
        ];
        bench.Read("/a/file");
        FileSystemImage.Of(bench, "/b");
        Assert.Equal(0, bench.Mount("another", string.Empty));
        bench.Put("/another/f", "plain mounts are not frozen");

        Assert.All(asked, correlation => Assert.Null(bench.AnswerTo(correlation)));
        Assert.Equal(before, Content(bench));
    }

    [Fact]
    public void T10_FreezeAndThaw_LeaveTrackerAndContentAsBefore()
    {
        TmpfsBench bench = WithTwoMounts();
        string image = FileSystemImage.Of(bench, "/a");
        State before = State.Of(bench);
        for (int round = 0; round < 3; round++)
        {
            Assert.Equal(0, round == 1 ? bench.Call(TmpfsProtocol.FreezeNow).Code : bench.Freeze());
            Assert.NotEqual(before.Tracked.Count, bench.Tracked.Count);
            Assert.Equal(0, round == 1 ? bench.Call(TmpfsProtocol.ThawNow).Code : bench.Thaw());
            before.AssertSame(bench);
        }

        Assert.Equal(image, FileSystemImage.Of(bench, "/a"));
    }

    [Fact]
    public void TF6_WritersBlockUntilTheThawInOrder_NonBlockingEAGAIN_TF26()
    {
        TmpfsBench bench = WithTwoMounts();
        (ulong, ulong) content = bench.Read("/a/file");
        Assert.Equal(0, bench.Freeze());
        uint first = bench.Ask(TmpfsProtocol.WriteText, "/a/file\0one", 0);
        uint second = bench.Ask(TmpfsProtocol.WriteText, "/a/file\0two", 0);
        uint create = bench.Ask(TmpfsProtocol.Create, "/a/three", 0x1A4);
        uint last = bench.Ask(TmpfsProtocol.WriteText, "/a/file\0three", 10);
        Assert.Equal(-Errno.EAGAIN, bench.Call(TmpfsProtocol.WriteText, "/a/file\0no", d: 1).Code);
        Assert.Equal(-Errno.EAGAIN, bench.Call(TmpfsProtocol.Write, "/a/file", 0, 10, 1, 1).Code);
        Assert.Equal(content, bench.Read("/a/file"));
        Assert.All([first, second, create, last], correlation => Assert.Null(bench.AnswerTo(correlation)));

        Assert.Equal(0, bench.Thaw());

        Assert.Equal([3UL, 3, 5], new[] { first, second, last }.Select(correlation => bench.AnswerTo(correlation)!.Value.Value));
        Assert.Equal(0, bench.AnswerTo(create)!.Value.Code);
        Assert.Equal((ulong)Crc32.Of("two"u8), bench.Read("/a/file", 3).Crc);
        Assert.Equal((ulong)Crc32.Of("three"u8), bench.Call(TmpfsProtocol.Read, "/a/file", 10, 5).Extra);
    }

    [Fact]
    public void TF7_AllocationThatFails_EveryOneOfThem_ENOMEM_T10()
    {
        TmpfsBench bench = WithTwoMounts();
        List<ulong> stock = Exhaust(bench);
        State before = State.Of(bench);
        int failures = 0;
        while (bench.Freeze() is not 0 and var code)
        {
            Assert.Equal(-Errno.ENOMEM, code);
            before.AssertSame(bench);
            bench.Put($"/plain/{failures}", string.Empty);
            failures++;
            bench.Pages.Free(stock[^1], 0, PageOwner.Workload);
            stock.RemoveAt(stock.Count - 1);
        }

        // Two mounts of super, inode, directory page and a map node each; the tracker's tables are there.
        Assert.True(failures >= 8, $"{failures}");
        bench.Jump();
        Assert.Equal(0, bench.Mount("a", "kho=a,kho_must"));
    }

    [Fact]
    public void TF8_JumpBetweenBuildingAndComplete_NothingIncoming()
    {
        int cut = 0;
        for (bool isComplete = false; !isComplete; cut++)
        {
            TmpfsBench bench = WithTwoMounts(seed: (ulong)cut);
            uint freeze = bench.PostMachine(ClientProtocol.Freeze);
            bench.Step((ulong)cut);
            uint state = bench.Memory.ReadUInt32(bench.AnchorPhys + AnchorPage.StateAt);
            isComplete = state == (uint)AnchorState.Complete;
            Assert.Equal(isComplete, bench.MachineAnswer(freeze) is not null || isComplete);
            bench.Jump();
            Assert.Equal(isComplete ? 0 : -Errno.ENOENT, bench.Mount("a", "kho=a,kho_must"));
        }

        Assert.True(cut > 40, $"{cut}");
    }

    [Fact]
    public void TF8_JumpInTheMiddleOfAThaw_NothingIncoming()
    {
        for (int cut = 1; cut < 20; cut++)
        {
            TmpfsBench bench = WithTwoMounts(seed: (ulong)cut);
            Assert.Equal(0, bench.Freeze());
            bench.PostMachine(ClientProtocol.Thaw);
            bench.Step((ulong)cut);
            bench.Jump();
            Assert.Equal(-Errno.ENOENT, bench.Mount("a", "kho=a,kho_must"));
        }
    }

    [Fact]
    public void TF22_63Mounts_ThenENOSPC()
    {
        TmpfsBench bench = new();
        for (int i = 0; i < 63; i++)
        {
            Assert.Equal(0, bench.Mount($"m{i}", $"kho=name-{i}"));
        }

        Assert.Equal(-Errno.ENOSPC, bench.Mount("m63", "kho=name-63"));
        bench.Kexec();
        Assert.Equal(-Errno.ENOSPC, bench.Mount("m63", "kho=name-63"));
        Assert.Equal(0, bench.Mount("m5", "kho=name-5,kho_must"));
        Assert.Equal(-Errno.ENOSPC, bench.Mount("m63", "kho=name-63"));
        Assert.Equal(0, bench.Call(TmpfsProtocol.Unmount, "m5").Code);
        Assert.Equal(0, bench.Mount("m63", "kho=name-63"));
        bench.Kexec();
        Assert.Equal(0, bench.Call(TmpfsProtocol.ListNames, a: 62).Code);
        Assert.Equal(-Errno.ENOENT, bench.Call(TmpfsProtocol.ListNames, a: 63).Code);
    }

    [Fact]
    public void TF24_DataPageInScratch_EINVALOnADebugKernel_T10()
    {
        TmpfsBench bench = new(build: MachineBench.Kernel(MachineBench.Newest) with { KhoDebug = true });
        Assert.Equal(0, bench.Mount("a", "kho=a"));
        ScratchArea scratch = bench.Kernel.Early.Scratch.Areas[^1];
        List<ulong> outside = Exhaust(bench);
        bench.Pages.SetPageblockType(scratch.Phys >> 12, scratch.End >> 12, MigrateType.Unmovable);
        ulong inScratch = bench.Pages.Allocate(0, MigrateType.Cma, PageOwner.Workload);
        bench.Pages.Free(inScratch, 0, PageOwner.Workload);
        bench.Put("/a/f", "this page lies in scratch");
        IEnumerable<int> scratchPfns = Enumerable.Range((int)(scratch.Phys >> 12), (int)(scratch.SizeBytes >> 12));
        Assert.Contains(scratchPfns, pfn => bench.Pages.OwnerOf((ulong)pfn) == PageOwner.Client(1));
        outside.ForEach(page => bench.Pages.Free(page, 0, PageOwner.Workload));
        State before = State.Of(bench);

        Assert.Equal(-Errno.EINVAL, bench.Freeze());

        before.AssertSame(bench);
        Assert.Contains("tmpfs-kho: freeze failed: -EINVAL", bench.TmpfsLines);
    }

    [Fact]
    public void TF25_RootFdtFull_MountENOMEM_AndNothingStays()
    {
        TmpfsBench bench = new();
        int blobs = 0;
        while (bench.Call(ActorId.Kho, new AddSubtree($"blob-{blobs}", 0x100000 + ((ulong)blobs << 12), 4096).ToMessage()).Code == 0)
        {
            blobs++;
        }

        State before = State.Of(bench);
        Assert.Equal(-Errno.ENOMEM, bench.Mount("a", "kho=a"));

        // What lies behind the end of the tree after a node was added and removed again is nobody's.
        (before with { RootFdt = bench.RootFdt }).AssertSame(bench);
        Assert.Equal(0, bench.Call(ActorId.Kho, new AddressRequest(0x100000).ToMessage(KhoProtocol.RemoveSubtree)).Code);
        Assert.Equal(0, bench.Mount("a", "kho=a"));
    }

    [Fact]
    public void FrozenByUserSpace_AKexecTakesItOver_AndGivesItBack()
    {
        TmpfsBench bench = WithTwoMounts();
        Assert.Equal(-Errno.EINVAL, bench.Call(TmpfsProtocol.ThawNow).Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.FreezeNow).Code);
        Assert.Equal(-Errno.EBUSY, bench.Call(TmpfsProtocol.FreezeNow).Code);
        Assert.Equal((0, 0), (bench.Freeze(), bench.Thaw()));
        Assert.Equal(-Errno.EBUSY, bench.Call(TmpfsProtocol.Unmount, "a").Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.ThawNow).Code);
        Assert.Equal(0, bench.Freeze());
        Assert.Equal((-Errno.EBUSY, -Errno.EBUSY), (bench.Call(TmpfsProtocol.FreezeNow).Code, bench.Call(TmpfsProtocol.ThawNow).Code));
        Assert.Equal(-Errno.EBUSY, bench.Freeze());
        bench.Jump();
        Assert.Equal(0, bench.Mount("a", "kho=a,kho_must"));
    }

    [Fact]
    public void B9_UmountRemountMountDiscardWhileFrozen_EBUSY()
    {
        TmpfsBench bench = WithTwoMounts();
        bench.Kexec();
        Assert.Equal(0, bench.Mount("a", "kho=a"));
        Assert.Equal(0, bench.Call(TmpfsProtocol.FreezeNow).Code);
        Assert.Equal(-Errno.EBUSY, bench.Call(TmpfsProtocol.Unmount, "a").Code);
        Assert.Equal(-Errno.EBUSY, bench.Call(TmpfsProtocol.Remount, "a\0size=1M").Code);
        Assert.Equal(-Errno.EBUSY, bench.Mount("b", "kho=b"));
        Assert.Equal(-Errno.EBUSY, bench.Call(TmpfsProtocol.Discard, "b").Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.ThawNow).Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.Unmount, "a").Code);
    }

    [Fact]
    public void A_mount_that_was_to_be_passed_on_can_be_mounted_after_the_thaw()
    {
        TmpfsBench bench = WithTwoMounts();
        string image = FileSystemImage.Of(bench, "/b");
        bench.Kexec();
        State before = State.Of(bench);
        Assert.Equal(0, bench.Freeze());
        Assert.Equal(0, bench.Thaw());
        Assert.Equal(before.Tracked, bench.Tracked);
        Assert.Equal(0UL, bench.Call(TmpfsProtocol.ListNames, a: 1).Extra);
        Assert.Equal(-Errno.EINVAL, bench.Mount("b", "kho=b,nr_blocks=1"));
        Assert.Equal(0, bench.Mount("b", "kho=b,kho_must"));
        Assert.Equal(image, FileSystemImage.Of(bench, "/b"));
        bench.Kexec();
        Assert.Equal((2UL, 1UL), (bench.Call(TmpfsProtocol.ListNames, a: 0).Value, bench.Call(TmpfsProtocol.ListNames, a: 0).Extra));
        Assert.Equal((2UL, 0UL), (bench.Call(TmpfsProtocol.ListNames, a: 1).Value, bench.Call(TmpfsProtocol.ListNames, a: 1).Extra));
        Assert.Equal((0, 0), (bench.Mount("a", "kho=a,kho_must"), bench.Mount("b", "kho=b,kho_must")));
        Assert.Equal(image, FileSystemImage.Of(bench, "/b"));
    }

    [Fact]
    public void T7_StoresBehindTheEndThroughAMapping_AreZeroInTheSnapshot()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("a", "kho=a"));
        bench.Put("/a/f", "short");
        Assert.Equal(0, bench.Call(TmpfsProtocol.MapWrite, "/a/f", 0, 4096, 3).Code);
        bench.Kexec();
        Assert.Equal(0, bench.Mount("a", "kho=a,kho_must"));
        Assert.Equal(0, bench.Call(TmpfsProtocol.Truncate, "/a/f", 4096).Code);
        KernelResult tail = bench.Call(TmpfsProtocol.Read, "/a/f", 5, 4091);
        Assert.Equal((ulong)Crc32.Of(new byte[4091]), tail.Extra);
    }

    [Fact]
    public void Requests_that_come_during_a_freeze_are_answered_in_every_order()
    {
        for (ulong seed = 0; seed < 30; seed++)
        {
            TmpfsBench bench = WithTwoMounts(seed);
            uint freeze = bench.PostMachine(ClientProtocol.Freeze);
            bench.Step(seed * 3);
            uint mount = bench.Ask(TmpfsProtocol.Mount, "c\0kho=c"), unmount = bench.Ask(TmpfsProtocol.Unmount, "b");
            uint write = bench.Ask(TmpfsProtocol.WriteText, "/a/file\0late"), read = bench.Ask(TmpfsProtocol.Read, "/a/file", 0, 10);
            bench.Run();
            Assert.Equal(0, bench.MachineAnswer(freeze)!.Value.Code);
            Assert.Equal((-Errno.EBUSY, -Errno.EBUSY), (bench.AnswerTo(mount)!.Value.Code, bench.AnswerTo(unmount)!.Value.Code));
            Assert.Equal(10UL, bench.AnswerTo(read)!.Value.Value);
            Assert.Null(bench.AnswerTo(write));
            Assert.Equal(0, bench.Thaw());
            Assert.Equal(4UL, bench.AnswerTo(write)!.Value.Value);
        }
    }

    private static TmpfsBench WithTwoMounts(ulong seed = 1)
    {
        TmpfsBench bench = new(seed);
        Assert.Equal(0, bench.Mount("plain", string.Empty));
        foreach (string name in new[] { "a", "b" })
        {
            Assert.Equal(0, bench.Mount(name, $"kho={name}"));
            bench.Create($"/{name}/file");
            Assert.Equal(0, bench.Write($"/{name}/file", 7, 0, 20_000));
        }

        return bench;
    }

    /// <summary>Takes all memory; returns single pages to be given back one by one.</summary>
    private static List<ulong> Exhaust(TmpfsBench bench)
    {
        List<ulong> stock = [];
        for (int i = 0; i < 64; i++)
        {
            stock.Add(bench.Pages.Allocate(0, MigrateType.Unmovable, PageOwner.Workload));
        }

        for (int order = 10; order >= 0; order--)
        {
            while (bench.Pages.Allocate(order, MigrateType.Unmovable, PageOwner.Workload, zero: false) != 0)
            {
            }
        }

        return stock;
    }

    private static string Content(TmpfsBench bench)
    {
        byte[] page = new byte[4096];
        return string.Join('\n', bench.Tracked.Where(block => block.Order == 0).Select(block =>
        {
            bench.Memory.Read(block.Phys, page);
            return $"{block.Phys:x} {Crc32.Of(page):x}";
        }));
    }

    /// <summary>What a freeze that is undone must not have changed: invariant T10.</summary>
    private sealed record State(SortedSet<(ulong Phys, int Order)> Tracked, byte[] RootFdt, int ClientPages, string Anchor)
    {
        public static State Of(TmpfsBench bench) => new(bench.Tracked, bench.RootFdt, CountPages(bench), AnchorOf(bench));

        public void AssertSame(TmpfsBench bench)
        {
            Assert.Equal(Tracked, bench.Tracked);
            Assert.Equal(RootFdt, bench.RootFdt);
            Assert.Equal(ClientPages, CountPages(bench));
            Assert.Equal(Anchor, AnchorOf(bench));
        }

        private static int CountPages(TmpfsBench bench)
        {
            int pages = 0;
            for (ulong pfn = 0; pfn < 0x8000; pfn++)
            {
                pages += bench.Pages.OwnerOf(pfn) == PageOwner.Client(1) ? 1 : 0;
            }

            return pages;
        }

        private static string AnchorOf(TmpfsBench bench)
        {
            byte[] page = new byte[4096];
            bench.Memory.Read(bench.AnchorPhys, page);
            return bench.AnchorPhys == 0 ? string.Empty : Convert.ToHexString(page);
        }
    }
}
