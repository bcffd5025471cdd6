using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.TestKho;
using KhoActors.Subsystems.Tests.Kho;

namespace KhoActors.Subsystems.Tests.TestKho;

/// <summary>The test module in a first kernel, where memory and the root FDT can be made scarce.</summary>
internal sealed class SaveBench
{
    public SaveBench(ulong maxBytes, ulong seed, bool enabled = true)
    {
        MaxBytes = maxBytes;
        Kernel = new KhoBench(enabled: enabled);
        Kernel.Init();
        SplitMix64 draws = new(seed ^ TestKhoFdt.Magic);
        ClientKernel offered = new(Id, Kernel.Core, Kernel.Memory, $"kho=on test_kho.max_mem={maxBytes}", draws.Next);
        Kernel.Place(Id, new TestKhoActor(offered));
    }

    public KhoBench Kernel { get; }

    public ulong MaxBytes { get; }

    public bool Publishes => Find(out _) == SubtreeLookup.Found;

    private static ActorId Id => TestKhoActor.Client.Actor;

    public int InitModule() => Kernel.Call(ClientProtocol.Plain(Id, ClientProtocol.Init), Id).Code;

    /// <summary>Takes all pages that the module can get but some, which lie together at the end of a block of order 10.</summary>
    public void KeepFree(ulong pages)
    {
        ulong last = 0;
        for (int order = 10; order >= 0; order--)
        {
            for (ulong phys; (phys = Take(order)) != 0;)
            {
                last = order == 10 ? phys : last;
            }
        }

        Kernel.Pages.Free(last, 10, PageOwner.Workload);
        for (ulong i = pages; i < 1024; i++)
        {
            Assert.NotEqual(0UL, Take(0));
        }
    }

    /// <summary>Adds sub-trees until no other fits.</summary>
    public void FillRootFdt()
    {
        for (int i = 0; Kernel.AddSubtree($"filler-{i}", 0x1000, 1).Code == 0; i++)
        {
        }
    }

    public TestKhoFdt ReadBlob(out ulong phys, out int order)
    {
        Assert.Equal(SubtreeLookup.Found, Find(out phys));
        byte[] page = new byte[PageGeometry.SizeBytes];
        Kernel.Memory.Read(phys, page);
        Assert.True(TestKhoFdt.TryRead(page, out TestKhoFdt blob));
        Assert.True(Kernel.Pages.TryGetBlock(PageGeometry.PfnOf(phys), out ulong head, out order, out _) && PageGeometry.PhysOf(head) == phys);
        return blob;
    }

    /// <summary>The array's words, found as the next kernel finds them: entry i of the chunk is the array's page i.</summary>
    public ulong[] EntriesOf(TestKhoFdt blob) =>
    [
        .. Enumerable.Range(0, (int)blob.Folios).Select(i =>
            Kernel.Memory.ReadUInt64(Kernel.Memory.ReadUInt64(blob.Array.FirstChunkPhys + 8 + ((ulong)i / 512 * 8)) + ((ulong)i % 512 * 8))),
    ];

    public uint ChecksumOf(ulong[] entries)
    {
        InternetChecksum checksum = new();
        foreach (ulong entry in entries)
        {
            checksum.Add(Kernel.Memory, PageGeometry.PfnOf(entry), 1UL << (int)(entry & 0xFFF));
        }

        return checksum.Value;
    }

    private ulong Take(int order) => Kernel.Pages.Allocate(order, MigrateType.Unmovable, PageOwner.Workload, zero: false);

    private SubtreeLookup Find(out ulong phys)
    {
        byte[] page = new byte[PageGeometry.SizeBytes];
        Kernel.Memory.Read(Kernel.Core.FdtPhys, page);
        return RootFdt.FindSubtree(page, Kernel.Build.Abi, TestKhoFdt.SubtreeName, out phys, out _);
    }
}
