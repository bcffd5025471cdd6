using System.Buffers.Binary;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Subsystems.Tests.Pstore;

/// <summary>A.8: each error path, what it returns, what it logs and that nothing is left behind.</summary>
public class PstoreErrorTests
{
    [Theory]
    [InlineData("pstore-v1")]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void A8_Init_KhoDisabled_ENODEV_NothingAllocated(string profile)
    {
        PstoreBench bench = new();
        bench.Boot(Profiles.Of(profile), khoOn: false);
        ulong free = bench.Pages.FreePages;

        Assert.Equal(-Errno.ENODEV, bench.Init());

        Assert.Equal(free, bench.Pages.FreePages);
        Assert.Contains("pstore_kho: KHO is disabled", bench.Lines);
    }

    [Fact]
    public void A8_Init_Incoming_ENOENT_Silent()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        Assert.DoesNotContain(bench.Lines, line => line.StartsWith("pstore_kho", StringComparison.Ordinal));
    }

    [Fact]
    public void A8_Init_Incoming_EINVAL_LoggedAndContinues()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.Jump();
        Replace(bench, bench.Core.FdtPhys, "blob-size"u8, "blob-siz_"u8);
        bench.Boot(PstoreClients.V2);

        Assert.Equal(0, bench.Init());

        Assert.Contains("pstore_kho: failed to retrieve preserved data: -22", bench.Lines);
        Assert.Equal(0UL, bench.Mount().Value);
    }

    [Theory]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void A8_Init_IncomingV2_OtherVersion_LoggedAndEmpty(string profile)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile));
        bench.Jump();
        bench.Memory.WriteUInt64(bench.OutBlob()!.Value.Phys, 7);
        bench.Boot(Profiles.Of(profile));

        Assert.Equal(0, bench.Init());

        Assert.Contains("pstore_kho: preserved data has unknown version 7", bench.Lines);
        Assert.Equal(0UL, bench.Mount().Value);
    }

    [Fact]
    public void A8_Init_IncomingV1_CompatibleMismatch_LoggedAndContinues()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V1);
        bench.Jump();
        Replace(bench, bench.OutBlob()!.Value.Phys, "pstore-kho-v1"u8, "pstore-kho-v9"u8);
        bench.Boot(PstoreClients.V1);

        Assert.Equal(0, bench.Init());

        Assert.Contains("pstore_kho: preserved FDT is incompatible with 'pstore-kho-v1': 1", bench.Lines);
        Assert.Equal(0UL, bench.Mount().Value);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A8_Init_IncomingV1_PropertyMissingOrOfWrongLength_LoggedAndContinues(bool wrongLength)
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V1);
        bench.Jump();
        ulong fdt = bench.OutBlob()!.Value.Phys;
        if (wrongLength)
        {
            byte[] length = new byte[4];
            BinaryPrimitives.WriteUInt32BigEndian(length, 7);
            bench.Memory.Write(fdt + 0x68, length);
        }
        else
        {
            Replace(bench, fdt, "pstore_kho_record"u8, "pstore_kho_recorx"u8);
        }

        bench.Boot(PstoreClients.V1);

        Assert.Equal(0, bench.Init());

        Assert.Contains("pstore_kho: preserved FDT has no valid record", bench.Lines);
        Assert.Equal(0UL, bench.Mount().Value);
    }

    [Theory]
    [InlineData("pstore-v1", -Errno.ENOMEM)]
    [InlineData("pstore-v2", -Errno.ENOMEM)]
    [InlineData("pstore", -Errno.E2BIG)]
    [InlineData("pstore-v2", -Errno.EINVAL)]
    public void A8_Init_Outgoing_AllocPreserve_LoggedAndReturned(string profile, int code)
    {
        PstoreBench bench = new();
        bench.Boot(Profiles.Of(profile));
        bench.Intercept = message => message.Kind.Value == KhoProtocol.AllocPreserve ? new KernelResult(code) : null;
        State before = new(bench);

        Assert.Equal(code, bench.Init());

        before.AssertUnchanged();
        Assert.Contains($"pstore_kho: failed to allocate and preserve memory: {code}", bench.Lines);
    }

    [Fact]
    public void A8_Init_Outgoing_V1AdditionallyFreesTheIncomingRecord_V2DoesNot()
    {
        foreach (bool v1 in new[] { true, false })
        {
            KhoClient profile = v1 ? PstoreClients.V1 : PstoreClients.V2;
            PstoreBench bench = PstoreBench.Started(profile);
            ulong record = v1 ? bench.Memory.ReadUInt64(bench.OutBlob()!.Value.Phys + 0x70) : bench.OutBlob()!.Value.Phys;
            bench.Jump();
            bench.Boot(profile);
            Assert.Equal(PageOwner.Memblock, bench.ClientKernel.OwnerOf(record));
            bench.Memblock.AllocationsLeft = 0;

            Assert.Equal(-Errno.ENOMEM, bench.Init());

            Assert.Equal(v1 ? PageOwner.Free : PageOwner.Memblock, bench.ClientKernel.OwnerOf(record));
        }
    }

    [Fact]
    public void A8_Init_OutgoingV1_FdtPageAllocation_RecordUnpreservedAndFreed()
    {
        PstoreBench bench = new();
        bench.Boot(PstoreClients.V1);
        State before = new(bench);
        bench.Memblock.AllocationsLeft = 1;

        Assert.Equal(-Errno.ENOMEM, bench.Init());

        before.AssertUnchanged();
    }

    [Fact]
    public void A8_Init_OutgoingV1_LibfdtErrorWhileBuilding_TheOredCodeIsNegativeAndNoErrno()
    {
        // -FDT_ERR_NOSPACE, again and again.
        Assert.Equal(-3, PstoreFdt.Write(new byte[100], 0x1000) | -3);
        Assert.True(PstoreFdt.Write(new byte[100], 0x1000) < 0);
    }

    [Theory]
    [InlineData("pstore-v1")]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void A8_Init_Outgoing_AddSubtree_EEXIST_BlobUnpreservedAndFreed(string profile)
    {
        PstoreBench bench = new();
        bench.Boot(Profiles.Of(profile));
        Assert.Equal(0, bench.Call(ActorId.Kho, new AddSubtree(PstoreProfile.SubtreeName, 0x5000, 8).ToMessage()).Code);
        State before = new(bench);

        Assert.Equal(-Errno.EEXIST, bench.Init());

        before.AssertUnchanged();
        Assert.Contains("pstore_kho: failed to add the subtree: -17", bench.Lines);
    }

    [Theory]
    [InlineData("pstore-v1")]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void A8_Init_Kmalloc_ENOMEM_SubtreeRemovedBlobFreed(string profile)
    {
        PstoreBench bench = new();
        bench.Boot(Profiles.Of(profile));
        State before = new(bench);
        bool exhausted = false;
        bench.Intercept = message =>
        {
            if (message.Kind.Value == KhoProtocol.AddSubtree && !exhausted)
            {
                exhausted = true;
                bench.Exhaust();
            }

            return null;
        };

        Assert.Equal(-Errno.ENOMEM, bench.Init());

        before.AssertUnchanged(memoryToo: false);
    }

    [Theory]
    [InlineData("pstore-v1")]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void A8_Init_PstoreRegister_EBUSY_AllUndone(string profile)
    {
        PstoreBench bench = new();
        bench.Boot(Profiles.Of(profile), commandLine: "pstore.backend=efi_pstore");
        State before = new(bench);

        Assert.Equal(-Errno.EBUSY, bench.Init());

        before.AssertUnchanged();
    }

    [Fact]
    public void A8_Init_LoadedTwice_EEXIST_UnloadedTwice_ENOENT()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        Assert.Equal(-Errno.EEXIST, bench.Init());
        Assert.Equal(0, bench.Exit());
        Assert.Equal(-Errno.ENOENT, bench.Exit());
    }

    [Fact]
    public void A8_Write_TypeNotDmesg_EINVAL()
    {
        (PstoreBench _, PstoreInfo info) = Backend();
        Assert.Equal(-Errno.EINVAL, info.Write!(new OutgoingRecord(default, "x"u8, PstoreType.Console)));
    }

    [Fact]
    public void A8_Write_SlotUsed_ENOSPC_Logged()
    {
        (PstoreBench bench, PstoreInfo info) = Backend();
        PstoreRecord fields = new(1, 0, 0, 1, 4, 1, 0);
        Assert.Equal(0, info.Write!(new OutgoingRecord(fields, "x"u8)));

        Assert.Equal(-Errno.ENOSPC, info.Write(new OutgoingRecord(fields, "y"u8)));

        Assert.Equal("pstore_kho: the record is already in use", bench.Lines[^1]);
    }

    [Fact]
    public void A8_Write_LargerThanR_ENOSPC_LoggedWithBothSizes()
    {
        (PstoreBench bench, PstoreInfo info) = Backend();

        Assert.Equal(-Errno.ENOSPC, info.Write!(new OutgoingRecord(default, new byte[4097])));

        Assert.Equal("pstore_kho: record of 4097 bytes does not fit into 4096", bench.Lines[^1]);
        Assert.Equal(0, info.Write(new OutgoingRecord(new PstoreRecord(4096, 0, 0, 1, 4, 1, 0), new byte[4096])));
    }

    [Fact]
    public void A8_Read_CopyAllocationFails_NoFileNoMessage()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.Kexec(PstoreClients.V2);
        bench.Exhaust();
        int lines = bench.Lines.Length;

        Assert.Equal(0UL, bench.Mount().Value);

        Assert.Null(bench.File());
        Assert.Equal(lines, bench.Lines.Length);
    }

    [Fact]
    public void A8_Read_MemoryOfCopiesIsGivenBack()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2, commandLine: "pstore.update_ms=1");
        bench.Kexec(PstoreClients.V2, commandLine: "pstore.update_ms=1");
        ulong free = bench.Pages.FreePages;
        bench.Mount();
        Assert.Equal(free - 1, bench.Pages.FreePages);
        bench.Oops("rescan");
        bench.Wait(1_000_000_000);
        Assert.Equal(free - 1, bench.Pages.FreePages);
        bench.Own(PstoreProtocol.Unmount);
        Assert.Equal(free, bench.Pages.FreePages);
    }

    [Fact]
    public void A8_ReadCore_InflateFails_EncZ()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.Jump();
        bench.Memory.WriteUInt64(bench.OutBlob()!.Value.Phys + 48, ulong.MaxValue);
        bench.Boot(PstoreClients.V2);
        bench.Init();
        bench.Mount();

        Assert.Equal("dmesg-kho-0.enc.z", bench.File()!.Value.Name);
        Assert.Contains(bench.Lines, line => line.StartsWith("pstore: zlib_inflate() failed, ret = -", StringComparison.Ordinal));
    }

    [Fact]
    public void A8_Unlink_Always_EPERM()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.Kexec(PstoreClients.V2);
        bench.Mount();

        Assert.Equal(-Errno.EPERM, bench.Own(PstoreProtocol.Unlink, "dmesg-kho-0").Code);
        Assert.Equal(-Errno.ENOENT, bench.Own(PstoreProtocol.Unlink, "dmesg-kho-7").Code);
        Assert.NotNull(bench.File());
    }

    private static (PstoreBench Bench, PstoreInfo Info) Backend()
    {
        PstoreBench bench = new();
        bench.Boot(PstoreClients.V2);
        PstoreKhoBackend backend = new(bench.ClientKernel, new PostedV2()) { RecordPhys = bench.ClientKernel.AllocatePages(1, zero: true) };
        return (bench, backend.ToInfo());
    }

    private static void Replace(PstoreBench bench, ulong phys, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        byte[] page = bench.Bytes(phys, PageGeometry.SizeBytes);
        int at = page.AsSpan().IndexOf(from);
        Assert.True(at > 0);
        bench.Memory.Write(phys + (ulong)at, to);
    }

    /// <summary>P8: what must be as before when init fails.</summary>
    private sealed class State(PstoreBench bench)
    {
        private readonly byte[] _fdt = Fdt(bench);
        private readonly SortedSet<(ulong Pfn, int Order)> _tracked = bench.Tracked;
        private readonly ulong _free = bench.Pages.FreePages;

        public void AssertUnchanged(bool memoryToo = true)
        {
            Assert.Equal(_fdt, Fdt(bench));
            Assert.Equal(_tracked, bench.Tracked);
            if (memoryToo)
            {
                // Tables of the tracker stay when their last key goes.
                Assert.InRange(_free - bench.Pages.FreePages, 0UL, 5UL);
            }
        }

        private static byte[] Fdt(PstoreBench bench)
        {
            byte[] page = bench.RootFdtPage;
            return page[..(int)FdtReader.TotalSize(page)];
        }
    }
}
