using System.Text;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Poc;

namespace KhoActors.Subsystems.Tests.Tmpfs.Poc;

/// <summary>The switch <c>active</c>, the kexec and the next kernel's boot, rule by rule.</summary>
public class PocHandOverTests
{
    [Fact]
    public void Activation_ListsAndPreservesPagesSlabAndMounts()
    {
        PocUser user = PocUser.Mounted(options: "kho=test,size=1m,nr_inodes=100,uid=5,gid=6,mode=700");
        user.File("m/file");
        SortedSet<(ulong Pfn, int Order)> before = user.Machine.Tracked;

        Assert.Equal(0, user.Activate());

        byte[] tree = user.Tree();
        Assert.Equal(0, PocTreeReader.FindTmpfs(tree, out int tmpfs));
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
        PocUser user = PocUser.Mounted();
        user.File("m/file");
        SortedSet<(ulong, int)> before = user.Machine.Tracked;
        FillTracker(user);
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
        PocUser user = PocUser.Mounted();
        user.File("m/file", new string('x', 3 * 4096));
        SortedSet<(ulong, int)> before = user.Machine.Tracked;
        FillTracker(user);
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
        PocUser user = PocUser.Mounted(new PocUser(khoEnabled: false));
        user.File("m/file");

        Assert.Equal(-Errno.ENOMEM, user.Activate());
        Assert.Equal(0, user.Freeze());
        user.Holds("m/file", "content");
    }

    [Fact]
    public void Kexec_ActivatesWhenNobodyDid_AndAGivenUpOneTakesThatBack()
    {
        PocUser user = PocUser.Mounted();
        Assert.Equal(0, user.Freeze());
        Assert.NotNull(user.Machine.Published(PocTree.SubtreeName));
        Assert.Equal(0, user.Create("m/file"));
        Assert.Equal(0, user.Ask(ClientProtocol.Thaw).Code);
        Assert.Null(user.Machine.Published(PocTree.SubtreeName));

        Assert.Equal(0, user.Activate());
        Assert.Equal(0, user.Freeze());
        Assert.Equal(0, user.Ask(ClientProtocol.Thaw).Code);
        Assert.NotNull(user.Machine.Published(PocTree.SubtreeName));
    }

    [Fact]
    public void Activation_GoesOnBehindOthers_AndSystemCallsGoOnMeanwhile()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/file");
        user.Machine.CallPartly(ClientProtocol.Plain(TmpfsProtocol.Actor, TmpfsProtocol.FreezeNow), 3);

        Assert.Equal(3, user.Write("m/file", "now"));
        Assert.Equal(0, user.Deactivate());
        Assert.Null(user.Machine.Published(PocTree.SubtreeName));
    }

    [Fact]
    public void Boot_IncompatibleNode_NothingIsClaimedAndMountsAreEmpty()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/file");
        ulong page = user.Page("m/file");
        Assert.Equal(0, user.Activate());
        Damage(user, "tmpfs-kho-v1");

        user.Kexec(null);
        Assert.Contains("tmpfs: kho: the node is not 'tmpfs-kho-v1', what was handed over is left alone: -22", user.Machine.Lines);
        Assert.Equal(PageOwner.Memblock, user.Machine.Pages.OwnerOf(PageGeometry.PfnOf(page)));
        Assert.Equal(0, user.Mount());
        Assert.Empty(user.MirrorNames("m").Except(["."]));
        user.Kexec(null);
        Assert.Equal(PageOwner.Free, user.Machine.Pages.OwnerOf(PageGeometry.PfnOf(page)));
    }

    [Theory]
    [InlineData("kho-v1", "the tree is not 'kho-v1'")]
    [InlineData("simple-slab-v1", "the slab cannot be read")]
    [InlineData("slabsize", "the slab cannot be read")]
    [InlineData("first-free", "the slab cannot be read")]
    public void Boot_OtherDamage_LeavesMountsEmpty(string text, string line)
    {
        PocUser user = PocUser.Mounted();
        user.File("m/file");
        Assert.Equal(0, user.Activate());
        Damage(user, text);

        user.Kexec(null);
        Assert.Contains($"tmpfs: kho: {line}, what was handed over is left alone: -22", user.Machine.Lines);
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
        PocUser user = PocUser.Mounted();
        Assert.Equal(0, user.Activate());
        Damage(user, text);
        user.Kexec(null);

        Assert.Equal(-Errno.EINVAL, user.Mount());
    }

    [Fact]
    public void WithoutNokaslr_TheNextKernelFollowsAddressesToOtherMemory()
    {
        PocUser user = PocUser.Mounted(new PocUser(commandLine: "kho=on"));
        user.File("m/file");
        Assert.NotEqual(PocAddresses.FixedBase, user.Number("m") & ~0x3FFFFFFFUL);
        user.Kexec(null);

        SimulatedOopsException oops = Assert.Throws<SimulatedOopsException>(() => user.Mount());
        Assert.StartsWith("BUG: unable to handle page fault for address: ffff", oops.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TF6_WriteDuringFreeze_IsNotHeldUp()
    {
        PocUser user = PocUser.Mounted();
        user.File("m/file");
        Assert.Equal(0, user.Freeze());

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

    /// <summary>Damages the first character of a string or of a property's name in the published tree.</summary>
    private static void Damage(PocUser user, string text)
    {
        int at = user.Tree().AsSpan().IndexOf(Encoding.Latin1.GetBytes(text + "\0"));
        Assert.NotEqual(-1, at);
        user.Machine.Memory.Write(user.Machine.Published(PocTree.SubtreeName)!.Value.Phys + (ulong)at, "X"u8);
    }
}
