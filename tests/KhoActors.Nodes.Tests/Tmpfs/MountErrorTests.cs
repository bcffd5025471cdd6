using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Nodes.Tests.Tmpfs;

/// <summary>Each way in which a mount by name is refused (reference, B.9), and damage seen from user space (B.11).</summary>
public class MountErrorTests
{
    private const ulong FirstSuperAt = AnchorPage.SlotsAt + AnchorPage.SlotSuperAt;

    [Theory]
    [InlineData(TmpfsMounter.Unprivileged)]
    [InlineData(TmpfsMounter.OtherUserNamespace)]
    public void B9_NoPrivilege_EPERM(TmpfsMounter mounter) => Assert.Equal(-Errno.EPERM, new TmpfsBench().Mount("a", "kho=a", mounter));

    [Theory]
    [InlineData("kho=")]
    [InlineData("kho=a/b")]
    [InlineData("kho=a b")]
    [InlineData("kho=\u00e4")]
    [InlineData("kho=012345678901234567890123456789012345678901234567")]
    [InlineData("kho_must")]
    public void B9_NameEmptyTooLongOrIllegal_EINVAL(string options)
    {
        TmpfsBench bench = new();
        Assert.Equal(-Errno.EINVAL, bench.Mount("a", options));
        Assert.Equal(0, bench.Mount("a", "kho=01234567890123456789012345678901234567890123456"));
        Assert.Equal(0, bench.Mount("b", "kho=A-b.c_D"));
    }

    [Fact]
    public void B9_KhoDisabled_EOPNOTSUPP()
    {
        TmpfsBench bench = new(commandLine: "kho=off");
        Assert.Equal(-Errno.EOPNOTSUPP, bench.Mount("a", "kho=a"));
        Assert.Equal(0, bench.Mount("a", "size=1M"));
        bench.Put("/a/f", "plain tmpfs works");
        Assert.Equal((0, 0), (bench.Freeze(), bench.Thaw()));
    }

    [Fact]
    public void B9_NameAlreadyLive_EBUSY()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("a", "kho=a"));
        Assert.Equal(-Errno.EBUSY, bench.Mount("b", "kho=a"));
        Assert.Equal(-Errno.EBUSY, bench.Mount("a", "kho=b"));
    }

    [Fact]
    public void B9_KhoMustAndNameUnknown_ENOENT() => Assert.Equal(-Errno.ENOENT, new TmpfsBench().Mount("a", "kho=a,kho_must"));

    [Fact]
    public void B9_NoMemory_ENOMEM()
    {
        TmpfsBench bench = new();
        for (int order = 10; order >= 0; order--)
        {
            while (bench.Pages.Allocate(order, MigrateType.Movable, PageOwner.Workload, zero: false) != 0)
            {
            }
        }

        Assert.Equal(-Errno.ENOMEM, bench.Mount("a", "kho=a"));
        Assert.Equal(0, bench.Mount("b", string.Empty));
    }

    [Fact]
    public void B9_RestoreOfAFolioFails_EIO_UntilDiscarded()
    {
        TmpfsBench bench = WithTwoMounts();
        bench.Kexec();
        ulong lost = LastDataPage(bench);
        uint mount = bench.Ask(TmpfsProtocol.Mount, "a\0kho=a");
        bench.Step(2);
        Assert.Equal(0, bench.Call(ActorId.Kho, new AddressRequest(lost).ToMessage(KhoProtocol.RestoreFolio)).Code);
        Assert.Equal(-Errno.EIO, bench.AnswerTo(mount)!.Value.Code);
        Assert.Equal(-Errno.EIO, bench.Mount("a", "kho=a"));
        Assert.Equal(3UL, bench.Call(TmpfsProtocol.ListNames).Value);
        int client = ClientPages(bench);

        Assert.Equal(0, bench.Call(TmpfsProtocol.Discard, "a").Code);

        Assert.True(ClientPages(bench) < client - 20);
        Assert.Equal(-Errno.ENOENT, bench.Call(TmpfsProtocol.Discard, "a").Code);
        Assert.Equal((0, 0), (bench.Mount("a", "kho=a"), bench.Mount("b", "kho=b,kho_must")));
    }

    [Fact]
    public void Broken_mounts_are_not_passed_on()
    {
        TmpfsBench bench = WithTwoMounts();
        bench.Kexec();
        ulong lost = LastDataPage(bench);
        bench.Ask(TmpfsProtocol.Mount, "a\0kho=a");
        bench.Step(2);
        Assert.Equal(0, bench.Call(ActorId.Kho, new AddressRequest(lost).ToMessage(KhoProtocol.RestoreFolio)).Code);
        bench.Kexec();
        Assert.Equal(-Errno.ENOENT, bench.Mount("a", "kho=a,kho_must"));
        Assert.Equal(0, bench.Mount("b", "kho=b,kho_must"));
    }

    [Fact]
    public void Discard_FreesThePagesOfAWaitingMount()
    {
        TmpfsBench bench = WithTwoMounts();
        bench.Kexec();
        ulong free = bench.Pages.FreePages;
        Assert.Equal(-Errno.ENOENT, bench.Call(TmpfsProtocol.Discard, "nobody").Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.Discard, "a").Code);
        Assert.Equal(free + 25 + 4, bench.Pages.FreePages);
        Assert.Equal(-Errno.ENOENT, bench.Mount("a", "kho=a,kho_must"));
        Assert.Equal(0, bench.Mount("b", "kho=b,kho_must"));
    }

    [Fact]
    public void TF9_BitOfTheAnchor_EUCLEANForEveryName()
    {
        TmpfsBench bench = WithTwoMounts();
        Assert.Equal(0, bench.Freeze());
        ulong anchor = bench.AnchorPhys;
        bench.Jump(damage: memory => Flip(memory, anchor + AnchorPage.SlotsAt + 0x400));
        foreach (string options in new[] { "kho=a", "kho=a,kho_must", "kho=b", "kho=other" })
        {
            Assert.Equal(-Errno.EUCLEAN, bench.Mount("m", options));
        }

        Assert.Contains("tmpfs-kho: the incoming anchor is damaged (crc32)", bench.TmpfsLines);
        Assert.Equal(0, bench.Mount("m", string.Empty));
        bench.Kexec();
        Assert.Equal(0, bench.Mount("m", "kho=a"));
    }

    [Theory]
    [InlineData(0x60UL)]
    [InlineData(0xFF0UL)]
    public void TF9_BitOfASuperPage_EUCLEANForThatNameOnly_AndItIsNotPassedOn(ulong offset)
    {
        TmpfsBench bench = WithTwoMounts();
        Assert.Equal(0, bench.Freeze());
        ulong super = bench.Memory.ReadUInt64(bench.AnchorPhys + FirstSuperAt);
        bench.Jump(damage: memory => Flip(memory, super + offset));
        Assert.Equal(-Errno.EUCLEAN, bench.Mount("a", "kho=a"));
        Assert.Equal(-Errno.EUCLEAN, bench.Mount("a", "kho=a,kho_must"));
        Assert.Equal(0, bench.Mount("b", "kho=b,kho_must"));
        bench.Kexec();
        Assert.Equal(-Errno.ENOENT, bench.Mount("a", "kho=a,kho_must"));
        Assert.Equal(0, bench.Mount("b", "kho=b,kho_must"));
    }

    [Fact]
    public void TF9_DiscardOfADamagedMount_LetsTheNameBeUsedAgain()
    {
        TmpfsBench bench = WithTwoMounts();
        Assert.Equal(0, bench.Freeze());
        ulong super = bench.Memory.ReadUInt64(bench.AnchorPhys + FirstSuperAt);
        bench.Jump(damage: memory => Flip(memory, super + 0x100));
        Assert.Equal(0, bench.Call(TmpfsProtocol.Discard, "a").Code);
        Assert.Equal(0, bench.Mount("a", "kho=a"));
        Assert.Equal(PageOwner.Memblock, bench.Pages.OwnerOf(super >> 12));
    }

    [Fact]
    public void TF10_BitOfADataPage_IsSeenByComparisonOnly()
    {
        TmpfsBench bench = WithTwoMounts();
        (ulong, ulong) before = bench.Read("/a/file");
        Assert.Equal(0, bench.Freeze());
        ulong data = DataPages(bench, bench.AnchorPhys).Max();
        bench.Jump(damage: memory => Flip(memory, data + 100));
        Assert.Equal(0, bench.Mount("a", "kho=a,kho_must"));
        Assert.NotEqual(before, bench.Read("/a/file"));
    }

    [Fact]
    public void TF11_PageThatTheTrackerDoesNotHave_EUCLEAN()
    {
        TmpfsBench bench = WithTwoMounts();
        Assert.Equal(0, bench.Freeze());
        ulong data = DataPages(bench, bench.AnchorPhys).Max();
        Assert.Equal(0, bench.Call(ActorId.Kho, new FolioRequest(data >> 12, 0).ToMessage(KhoProtocol.UnpreserveFolio)).Code);
        bench.Jump();
        Assert.Equal(-Errno.EUCLEAN, bench.Mount("a", "kho=a"));
        Assert.Equal(0, bench.Mount("b", "kho=b,kho_must"));
    }

    [Fact]
    public void TF12_TwoMountsThatClaimOnePage_TheSecondIsRefused_T2()
    {
        TmpfsBench bench = WithTwoMounts();
        Assert.Equal(0, bench.Freeze());
        ulong anchor = bench.AnchorPhys, node = NodeOf(bench, anchor, 0), other = NodeOf(bench, anchor, 1);
        bench.Jump(damage: memory => memory.WriteUInt64(other + 8, memory.ReadUInt64(node + 8)));
        Assert.Equal(0, bench.Mount("a", "kho=a"));
        Assert.Equal(-Errno.EUCLEAN, bench.Mount("b", "kho=b"));
    }

    [Fact]
    public void An_anchor_that_lies_where_nothing_was_preserved_is_damage()
    {
        foreach (ulong phys in new ulong[] { 0, 0x1000, 0x1001, 1UL << 40, ulong.MaxValue - 4095 })
        {
            TmpfsBench bench = new();
            Assert.Equal(0, bench.Call(ActorId.Kho, new AddSubtree(AnchorPage.SubtreeName, phys, 4096).ToMessage()).Code);
            bench.Jump();
            Assert.Equal(-Errno.EUCLEAN, bench.Mount("a", "kho=a"));
        }
    }

    private static TmpfsBench WithTwoMounts()
    {
        TmpfsBench bench = new();
        foreach (string name in new[] { "a", "b" })
        {
            Assert.Equal(0, bench.Mount(name, $"kho={name}"));
            bench.Create($"/{name}/file");
            Assert.Equal(0, bench.Write($"/{name}/file", 7, 0, 100_000));
        }

        return bench;
    }

    private static void Flip(PhysicalMemory memory, ulong phys) => memory.WriteUInt64(phys & ~7UL, memory.ReadUInt64(phys & ~7UL) ^ 0x100);

    /// <summary>The map node of the file of a mount: the inode page's second record.</summary>
    private static ulong NodeOf(TmpfsBench bench, ulong anchor, int slot)
    {
        ulong super = bench.Memory.ReadUInt64(anchor + FirstSuperAt + ((ulong)slot * AnchorPage.SlotBytes));
        return bench.Memory.ReadUInt64(bench.Memory.ReadUInt64(super + SuperPage.InodeMapAt) + 256 + 0x68);
    }

    private static ulong[] DataPages(TmpfsBench bench, ulong anchor)
    {
        ulong node = NodeOf(bench, anchor, 0);
        return [.. Enumerable.Range(0, 25).Select(i => bench.Memory.ReadUInt64(node + ((ulong)i * 8)) & ~0xFFFUL)];
    }

    private static ulong LastDataPage(TmpfsBench bench)
    {
        Assert.Equal(0, bench.Kernel.Kho.Retrieve(AnchorPage.SubtreeName, out ulong anchor, out _));
        return DataPages(bench, anchor)[^1];
    }

    private static int ClientPages(TmpfsBench bench) =>
        Enumerable.Range(0, 0x8000).Count(pfn => bench.Pages.OwnerOf((ulong)pfn) == PageOwner.Client(1));
}
