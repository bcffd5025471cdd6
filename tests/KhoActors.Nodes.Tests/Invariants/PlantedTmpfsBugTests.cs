using KhoActors.Nodes.Invariants;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Nodes.Tests.Invariants;

/// <summary>tmpfs with one bug each: every invariant T1 to T14 is proved by a bug that it catches (reference B.10).</summary>
public class PlantedTmpfsBugTests
{
    private const ulong Directory = 2, File = 3;

    // A super page, a page of inodes, two directories, a file of three pages and its map.
    private const int PageCount = 8;

    private static readonly string[][] Script =
    [
        [
            "tmpfs mount /data kho=data,size=1m,nr_inodes=64 = 0", "tmpfs mkdir /data/dir = 0", "tmpfs create /data/dir/file = 0",
            "tmpfs write /data/dir/file 0 10000 seed 5 = 10000", "tmpfs link /data/dir/file /data/again = 0", "tmpfs symlink dir/file /data/link = 0",
            "tmpfs truncate /data/dir/file 9000 = 0", "tmpfs truncate /data/dir/file 10000 = 0", "tmpfs create /data/gone = 0", "tmpfs unlink /data/gone = 0",
            "tmpfs rename /data/again /data/dir/renamed = 0", "tmpfs freeze = 0", "tmpfs thaw = 0",
        ],
        [
            "tmpfs mount /data kho=data,size=4k", "tmpfs mount /data kho=data", "tmpfs read /data/link 0 10000", "tmpfs readlink /data/link",
            "tmpfs readdir /data/dir 2", "tmpfs stat /data/dir/file mode",
        ],
        ["log 6 carried on"],
    ];

    [Fact]
    public void The_real_tmpfs_breaks_nothing() => Assert.Empty(ClientMachine.Found(null, Script));

    [Fact]
    public void The_bench_itself_breaks_nothing() => Assert.Empty(Found(new NoBug()));

    [Fact]
    public void T1_A_page_that_is_not_preserved_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsPagesPreserved, Found(new SkipsOne(KhoProtocol.PreserveFolio, PageCount + 3)));

    [Fact]
    public void T1_A_page_that_is_preserved_and_leads_nowhere_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsPagesPreserved, Found(new PreservesMore()));

    [Fact]
    public void T2_A_page_in_two_places_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsOneOwner, Found(new AfterFreeze(bytes => bytes.EnterTwice(File, 0, 1))));

    [Theory]
    [InlineData(0x08, 1UL << 32)]
    [InlineData(0x00, 8)]
    public void T3_A_file_with_another_link_count_or_number_is_caught(int offset, ulong added) =>
        Assert.Contains(InvariantCatalog.TmpfsTree, Found(new AfterFreeze(bytes => bytes.AddToInode(File, offset, added))));

    [Fact]
    public void T4_A_directory_with_another_parent_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsTree, Found(new AfterFreeze(bytes => bytes.AddToInode(Directory, 0x70, 1))));

    [Theory]
    [InlineData(0x58)]
    [InlineData(0x60)]
    [InlineData(0x70)]
    [InlineData(0x78)]
    public void T5_A_sum_that_does_not_add_up_is_caught(int offset) =>
        Assert.Contains(InvariantCatalog.TmpfsSums, Found(new AfterFreeze(bytes => bytes.AddToSuper(offset, 1))));

    [Fact]
    public void T5_Pages_that_the_anchor_does_not_count_are_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsSums, Found(new AfterFreeze(bytes => bytes.AddToAnchor(0x38, 1))));

    [Fact]
    public void T6_A_write_of_other_bytes_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsContent, Found(new Hears(TmpfsProtocol.Write, message => message with { C = message.C + 1 })));

    [Fact]
    public void T6_A_truncate_that_keeps_old_data_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsContent, Found(new Hears(TmpfsProtocol.Truncate, message => message with { A = 10000 })));

    [Fact]
    public void T6_A_rename_to_another_name_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsContent, Found(new Hears(TmpfsProtocol.Rename, message => message with { Text = message.Text + "X" })));

    [Fact]
    public void T6_An_entry_that_stays_when_it_is_removed_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsContent, Found(new Hears(TmpfsProtocol.Unlink, message => message with { Text = "/data/link" })));

    [Theory]
    [InlineData(0x08, 1)]
    [InlineData(0x10, 1)]
    [InlineData(0x10, 1UL << 32)]
    [InlineData(0x58, 0x40UL << 32)]
    public void T6_A_stored_attribute_that_differs_is_caught(int offset, ulong added) =>
        Assert.Contains(InvariantCatalog.TmpfsContent, Found(new AfterFreeze(bytes => bytes.AddToInode(File, offset, added))));

    [Fact]
    public void T6_A_page_with_other_bytes_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsContent, Found(new AfterFreeze((bytes, memory) => Flip(memory, bytes.PageOf(File, 1)))));

    [Fact]
    public void T6_What_is_read_wrongly_in_the_next_kernel_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsContent, Found(new Says(TmpfsProtocol.Read, message => message with { C = message.C ^ 1 })));

    [Fact]
    public void T6_A_name_that_is_lost_at_the_restore_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsContent, Found(new Says(TmpfsProtocol.ReadLink, message => new KernelResult(-2).ToReply(Unreplied(message)))));

    [Fact]
    public void T6_A_file_system_that_nobody_mounts_and_that_is_not_carried_on_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsContent, Found(new DropsUnmounted()));

    [Fact]
    public void T7_A_tail_that_is_not_zeroed_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsTail, Found(new AfterFreeze((bytes, memory) => Flip(memory, bytes.PageOf(File, 2) + bytes.SizeOf(File) - 8192))));

    [Fact]
    public void T8_A_complete_anchor_with_a_wrong_checksum_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsChecksums, Found(new AfterFreeze(bytes => bytes.FlipAnchorChecksum())));

    [Fact]
    public void T9_A_page_that_changes_behind_the_freeze_is_caught() =>
        Assert.Contains(
            InvariantCatalog.TmpfsFrozen,
            ClientMachine.Found(BuggyActor.Of(TmpfsActor.Client, new WritesWhenTakenOver()), [.. Script[0], "tmpfs freeze"], ["log 6 carried on"]));

    [Fact]
    public void T10_A_page_that_stays_preserved_at_the_thaw_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsThaw, Found(new SkipsOne(KhoProtocol.UnpreserveFolio, 3)));

    [Fact]
    public void T11_A_refused_mount_that_restores_a_page_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsMountRetry, Found(new RestoresBeforeRefusal()));

    [Fact]
    public void T11_A_second_attempt_that_fails_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsMountRetry, Found(new FailsSecondMount()));

    [Fact]
    public void T12_A_page_that_is_restored_twice_is_caught() =>
        Assert.Contains(InvariantCatalog.TmpfsClaim, Found(new RestoresTwice()));

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void T13_A_generation_that_is_off_by_one_is_caught(int error) =>
        Assert.Contains(InvariantCatalog.TmpfsGeneration, Found(new AfterFreeze(bytes => bytes.AddToAnchor(0x30, unchecked((ulong)error)))));

    [Theory]
    [InlineData(0x48)]
    [InlineData(0x50)]
    public void T14_A_limit_below_use_is_caught(int offset) =>
        Assert.Contains(InvariantCatalog.TmpfsLimits, Found(new AfterFreeze(bytes => bytes.PutSuper(offset, 1))));

    private static IReadOnlyList<string> Found(ClientBug bug) => ClientMachine.Found(BuggyActor.Of(TmpfsActor.Client, bug), Script);

    private static void Flip(PhysicalMemory memory, ulong phys)
    {
        Span<byte> one = stackalloc byte[1];
        memory.Read(phys, one);
        one[0] ^= 0x10;
        memory.Write(phys, one);
    }

    private static MessageKind Unreplied(in Message reply) => new((ushort)(reply.Kind.Value & ~MessageKind.ReplyBit));

    private static bool IsRequest(in Message message, byte number) => message.Kind == MessageKind.Of(TmpfsProtocol.Actor, number);

    private static bool IsAnswer(in Message message, byte number) => message.Kind == MessageKind.Of(TmpfsProtocol.Actor, number).Reply;

    private sealed class NoBug : ClientBug;

    /// <summary>Believes that one request of a kind was carried out.</summary>
    private sealed class SkipsOne(ushort kind, int which) : ClientBug
    {
        private int _count;

        public override bool Sending(ref Message message, in Departure departure, Outbox outbox) => message.Kind.Value != kind || ++_count != which;

        public override KernelResult? AnswerInstead(in Delivery notSent) => default(KernelResult);
    }

    private sealed class PreservesMore : ClientBug
    {
        public override Delivery? Receiving(in Delivery delivery, Outbox outbox)
        {
            if (IsRequest(delivery.Message, ClientProtocol.Freeze))
            {
                ulong page = Kernel.AllocateZeroedPage();
                outbox.Send(ActorId.Kho, new FolioRequest(PageGeometry.PfnOf(page), 0).ToMessage(KhoProtocol.PreserveFolio), OwnCorrelation);
            }

            return delivery;
        }
    }

    /// <summary>Damages the hand-over when the freeze of the first kexec is about to be answered.</summary>
    private sealed class AfterFreeze(Action<TmpfsHandOverBytes, PhysicalMemory> damage) : ClientBug
    {
        private ulong _anchor;
        private bool _isDone;

        public AfterFreeze(Action<TmpfsHandOverBytes> damage)
            : this((bytes, _) => damage(bytes))
        {
        }

        public override bool Sending(ref Message message, in Departure departure, Outbox outbox)
        {
            if (message.Kind.Value == KhoProtocol.AddSubtree)
            {
                _anchor = message.A;
            }
            else if (IsAnswer(message, ClientProtocol.Freeze) && !_isDone)
            {
                _isDone = true;
                damage(new TmpfsHandOverBytes(Kernel.Memory.Memory, _anchor), Kernel.Memory.Memory);
            }

            return true;
        }
    }

    /// <summary>Understands a request as another one.</summary>
    private sealed class Hears(byte request, Func<Message, Message> change) : ClientBug
    {
        public override Delivery? Receiving(in Delivery delivery, Outbox outbox) =>
            IsRequest(delivery.Message, request) ? delivery with { Message = change(delivery.Message) } : delivery;
    }

    /// <summary>Answers a request otherwise.</summary>
    private sealed class Says(byte request, Func<Message, Message> change) : ClientBug
    {
        public override bool Sending(ref Message message, in Departure departure, Outbox outbox)
        {
            message = IsAnswer(message, request) ? change(message) : message;
            return true;
        }
    }

    /// <summary>Drops what nobody mounted, though nobody asked for that.</summary>
    private sealed class DropsUnmounted : ClientBug
    {
        public override Delivery? Inserting(in Delivery delivery) =>
            IsRequest(delivery.Message, ClientProtocol.Freeze)
                ? new Delivery(delivery.From, delivery.To, OwnCorrelation, new Message(MessageKind.Of(TmpfsProtocol.Actor, TmpfsProtocol.CarryPolicy), 1))
                : null;
    }

    private sealed class WritesWhenTakenOver : ClientBug
    {
        private ulong _anchor;
        private bool _isDone;

        public override Delivery? Receiving(in Delivery delivery, Outbox outbox)
        {
            if (IsRequest(delivery.Message, ClientProtocol.Freeze) && !_isDone)
            {
                TmpfsHandOverBytes bytes = new(Kernel.Memory.Memory, _anchor);
                Flip(Kernel.Memory.Memory, bytes.PageOf(File, 0));
                _isDone = true;
            }

            return delivery;
        }

        public override bool Sending(ref Message message, in Departure departure, Outbox outbox)
        {
            _anchor = message.Kind.Value == KhoProtocol.AddSubtree ? message.A : _anchor;
            return true;
        }
    }

    private sealed class RestoresBeforeRefusal : ClientBug
    {
        private ulong _incoming;

        public override Delivery? Receiving(in Delivery delivery, Outbox outbox)
        {
            if (delivery.Message.Kind.Value == (KhoProtocol.RetrieveSubtree | MessageKind.ReplyBit))
            {
                _incoming = KernelResult.From(delivery.Message).Value;
            }

            return delivery;
        }

        public override bool Sending(ref Message message, in Departure departure, Outbox outbox)
        {
            if (IsAnswer(message, TmpfsProtocol.Mount) && KernelResult.From(message).Code == -Subsystems.Errno.EINVAL)
            {
                ulong super = new TmpfsHandOverBytes(Kernel.Memory.Memory, _incoming).Super;
                outbox.Send(ActorId.Kho, new AddressRequest(super).ToMessage(KhoProtocol.RestoreFolio), OwnCorrelation);

                // The refusal leaves behind the restore.
                outbox.SendAfter(20_000, departure.Delivery.To, message, departure.Delivery.Correlation);
                return false;
            }

            return true;
        }
    }

    private sealed class FailsSecondMount : ClientBug
    {
        public override bool Sending(ref Message message, in Departure departure, Outbox outbox)
        {
            bool wasRefused = Kernel.Log.Lines.Any(static line => line.Text.Contains("below use", StringComparison.Ordinal));
            if (wasRefused && IsAnswer(message, TmpfsProtocol.Mount) && KernelResult.From(message).Code == 0)
            {
                message = new KernelResult(-Subsystems.Errno.EUCLEAN).ToReply(Unreplied(message));
            }

            return true;
        }
    }

    private sealed class RestoresTwice : ClientBug
    {
        private bool _isDone;

        public override bool Sending(ref Message message, in Departure departure, Outbox outbox)
        {
            if (message.Kind.Value == KhoProtocol.RestoreFolio && !_isDone)
            {
                _isDone = true;
                outbox.SendAfter(1, ActorId.Kho, message, OwnCorrelation);
            }

            return true;
        }
    }
}
