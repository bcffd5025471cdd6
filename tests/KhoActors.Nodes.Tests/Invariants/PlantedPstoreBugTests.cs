using KhoActors.Nodes.Invariants;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Nodes.Tests.Invariants;

/// <summary>pstore with one bug each: every invariant P1 to P12 is proved by a bug that it catches (reference A.9).</summary>
public class PlantedPstoreBugTests
{
    private const int SizeAt = 8, TimeAt = 16, ReasonAt = 32, PartAt = 36, DataAt = 44;

    private static readonly string[][] Script =
    [
        ["log 6 first words", "oops"],
        [
            "pstore mount", "pstore list", "pstore read dmesg-kho-0", "rmmod pstore", "modprobe pstore", "pstore list", "pstore umount",
            "pstore mount", "pstore list",
        ],
    ];

    [Fact]
    public void The_real_pstore_breaks_nothing() => Assert.Empty(ClientMachine.Found(null, Script));

    [Fact]
    public void The_bench_itself_breaks_nothing() => Assert.Empty(Found(new NoBug()));

    [Fact]
    public void P1_A_blob_that_is_not_published_is_caught() =>
        Assert.Contains(InvariantCatalog.PstorePublished, Found(new NeverSent(KhoProtocol.AddSubtree)));

    [Fact]
    public void P1_P6_A_folio_that_is_preserved_beside_the_blob_is_caught() =>
        Assert.Contains(InvariantCatalog.PstorePublished, Found(new PreservesMore()));

    [Theory]
    [InlineData(4, 1)]
    [InlineData(ReasonAt, 9)]
    [InlineData(PartAt, 0)]
    [InlineData(SizeAt, 5000)]
    [InlineData(28 - 4, 1_000_000_000)]
    public void P2_A_field_that_is_out_of_range_is_caught(int offset, uint value) =>
        Assert.Contains(InvariantCatalog.PstoreRecordSound, Found(new Writes(ClientProtocol.KmsgDump, (memory, blob) => Put(memory, blob, offset, value))));

    [Fact]
    public void P3_A_second_dump_that_overwrites_the_record_is_caught() =>
        Assert.Contains(InvariantCatalog.PstoreRecordKept, Found(new EmptiesBeforeDump()));

    [Fact]
    public void P4_P6_What_came_in_is_not_preserved_again() =>
        Assert.Contains(InvariantCatalog.PstoreBlobsDisjoint, Found(new PreservesIncoming()));

    [Fact]
    public void P5_A_write_to_what_came_in_is_caught() =>
        Assert.Contains(InvariantCatalog.PstoreIncomingUnchanged, Found(new OnIncoming((memory, incoming, _) => Put(memory, incoming, TimeAt, 1))));

    [Fact]
    public void P5_What_came_in_is_never_restored() =>
        Assert.Contains(
            InvariantCatalog.PstoreIncomingUnchanged,
            Found(new OnIncoming((_, incoming, outbox) =>
                outbox.Send(ActorId.Kho, new AddressRequest(incoming).ToMessage(KhoProtocol.RestoreFolio), ClientBug.OwnCorrelation))));

    [Fact]
    public void P7_A_file_with_another_time_at_its_second_listing_is_caught() =>
        Assert.Contains(
            InvariantCatalog.PstoreReadingIdempotent,
            Found(new Answers(PstoreProtocol.List, (message, count) => message with { C = message.C + (ulong)count })));

    [Fact]
    public void P7_A_file_with_other_content_than_the_record_is_caught() =>
        Assert.Contains(
            InvariantCatalog.PstoreReadingIdempotent,
            Found(new Answers(PstoreProtocol.Read, (message, _) => message with { Text = message.Text?.Replace('r', 'R') })));

    [Fact]
    public void P8_A_failed_init_that_leaves_its_sub_blob_is_caught()
    {
        Assert.Contains(InvariantCatalog.PstoreInitUndone, Refused(new NeverSent(KhoProtocol.RemoveSubtree)));
        Assert.Contains(InvariantCatalog.PstoreInitUndone, Refused(new NeverSent(KhoProtocol.UnpreserveFree)));
        Assert.Empty(Refused(new NoBug()));
    }

    [Fact]
    public void P9_A_header_with_another_part_is_caught() =>
        Assert.Contains(InvariantCatalog.PstoreHeader, Found(new Writes(ClientProtocol.KmsgDump, (memory, blob) => Put(memory, blob, PartAt, 2))));

    [Fact]
    public void P9_A_header_with_another_reason_is_caught() =>
        Assert.Contains(InvariantCatalog.PstoreHeader, Found(new Writes(ClientProtocol.KmsgDump, (memory, blob) => memory.Write(blob + DataAt, "Panic"u8))));

    [Fact]
    public void P10_A_record_without_its_last_line_is_caught() =>
        Assert.Contains(
            InvariantCatalog.PstoreLastLine,
            Found(new Writes(ClientProtocol.KmsgDump, (memory, blob) => Put(memory, blob, SizeAt, memory.ReadUInt32(blob + SizeAt) - 8))));

    [Fact]
    public void P11_A_blob_that_is_not_empty_when_the_module_starts_is_caught() =>
        Assert.Contains(
            InvariantCatalog.PstoreReload,
            Found(new Writes(ClientProtocol.Init, (memory, blob) =>
            {
                Put(memory, blob, SizeAt, 1);
                Put(memory, blob, ReasonAt, 1);
                Put(memory, blob, PartAt, 1);
            })));

    [Fact]
    public void P12_An_empty_file_is_caught() =>
        Assert.Contains(InvariantCatalog.PstoreNoEmptyFile, Found(new Answers(PstoreProtocol.List, (message, _) => message with { B = 0 })));

    private static IReadOnlyList<string> Found(ClientBug bug) => ClientMachine.Found(BuggyActor.Of(PstoreClients.Hardened, bug), Script);

    /// <summary>Another backend is asked for: the module cannot register.</summary>
    private static IReadOnlyList<string> Refused(ClientBug bug) =>
        ClientMachine.FoundWith(BuggyActor.Of(PstoreClients.Hardened, bug), "pstore.backend=efi_pstore", ["log 6 nothing"]);

    private static void Put(PhysicalMemory memory, ulong blob, int offset, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        memory.Write(blob + (ulong)offset, bytes);
    }

    private sealed class NoBug : ClientBug;

    /// <summary>Never asks the core for something, and believes that it did.</summary>
    private sealed class NeverSent(ushort kind) : ClientBug
    {
        public override bool Sending(ref Message message, in Departure departure, Outbox outbox) => message.Kind.Value != kind;

        public override KernelResult? AnswerInstead(in Delivery notSent) => default(KernelResult);
    }

    private sealed class PreservesMore : ClientBug
    {
        public override bool Sending(ref Message message, in Departure departure, Outbox outbox)
        {
            if (message.Kind.Value == KhoProtocol.AddSubtree)
            {
                ulong page = Kernel.AllocateZeroedPage();
                outbox.Send(ActorId.Kho, new FolioRequest(PageGeometry.PfnOf(page), 0).ToMessage(KhoProtocol.PreserveFolio), OwnCorrelation);
            }

            return true;
        }
    }

    private sealed class PreservesIncoming : ClientBug
    {
        public override Delivery? Receiving(in Delivery delivery, Outbox outbox)
        {
            if (delivery.Message.Kind.Value == (KhoProtocol.RetrieveSubtree | MessageKind.ReplyBit) && KernelResult.From(delivery.Message).Succeeded)
            {
                ulong pfn = PageGeometry.PfnOf(KernelResult.From(delivery.Message).Value);
                outbox.Send(ActorId.Kho, new FolioRequest(pfn, 0).ToMessage(KhoProtocol.PreserveFolio), OwnCorrelation);
            }

            return delivery;
        }
    }

    /// <summary>Does something with what came in when user space mounts.</summary>
    private sealed class OnIncoming(Action<PhysicalMemory, ulong, Outbox> act) : ClientBug
    {
        private ulong _incoming;

        public override Delivery? Receiving(in Delivery delivery, Outbox outbox)
        {
            if (delivery.Message.Kind.Value == (KhoProtocol.RetrieveSubtree | MessageKind.ReplyBit))
            {
                _incoming = KernelResult.From(delivery.Message).Value;
            }
            else if (delivery.Message.Kind == MessageKind.Of(PstoreProtocol.Actor, PstoreProtocol.Mount) && _incoming != 0)
            {
                act(Kernel.Memory.Memory, _incoming, outbox);
            }

            return delivery;
        }
    }

    /// <summary>Changes the blob just before a request is answered.</summary>
    private sealed class Writes(byte request, Action<PhysicalMemory, ulong> change) : ClientBug
    {
        private ulong _blob;

        public override bool Sending(ref Message message, in Departure departure, Outbox outbox)
        {
            if (message.Kind.Value == KhoProtocol.AddSubtree)
            {
                _blob = message.A;
            }
            else if (message.Kind == MessageKind.Of(PstoreProtocol.Actor, request).Reply)
            {
                change(Kernel.Memory.Memory, _blob);
            }

            return true;
        }
    }

    /// <summary>Takes the slot for free at every dump.</summary>
    private sealed class EmptiesBeforeDump : ClientBug
    {
        private ulong _blob;

        public override Delivery? Receiving(in Delivery delivery, Outbox outbox)
        {
            if (delivery.Message.Kind == MessageKind.Of(PstoreProtocol.Actor, ClientProtocol.KmsgDump))
            {
                Put(Kernel.Memory.Memory, _blob, SizeAt, 0);
            }

            return delivery;
        }

        public override bool Sending(ref Message message, in Departure departure, Outbox outbox)
        {
            _blob = message.Kind.Value == KhoProtocol.AddSubtree ? message.A : _blob;
            return true;
        }
    }

    /// <summary>Answers user space wrongly, from the second time on.</summary>
    private sealed class Answers(byte request, Func<Message, int, Message> change) : ClientBug
    {
        private int _count;

        public override bool Sending(ref Message message, in Departure departure, Outbox outbox)
        {
            if (message.Kind == MessageKind.Of(PstoreProtocol.Actor, request).Reply && KernelResult.From(message).Succeeded)
            {
                message = change(message, _count++);
            }

            return true;
        }
    }
}
