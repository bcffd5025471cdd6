using KhoActors.Nodes.Conformance;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Conformance;

/// <summary>
/// The vmalloc area of the kernel's own test module, as real kernels left it in memory: a simulated kernel of the same build boots from it and
/// restores the area, and every folio that the area names is there.
/// </summary>
public sealed class CapturedVmallocTests
{
    private const ulong OrderMask = 0xFFF;
    private static readonly PageOwner Owner = PageOwner.Client(0);

    [Theory]
    [InlineData("v4-7.3-test-kho")]
    [InlineData("v4-7.2-test-kho")]
    [InlineData("v3-7.1-test-kho")]
    public void The_area_of_the_test_module_and_every_folio_it_names_are_restored(string capture)
    {
        CaptureGeneration captured = Capture.Open(Path.Combine(Fixtures.Real, capture)).Generation(1);
        CaptureBoot boot = CaptureBoot.Run(CapturedStart.Of(captured), Fixtures.Kernels.Find(captured.Description.KernelBuild)! with { Clients = [] });
        KhoCore kho = boot.Kernel.Kho;
        Assert.Equal(0, kho.Retrieve("kho_test", out ulong blob, out _));
        byte[] fdt = new byte[PageGeometry.SizeBytes];
        boot.Kernel.Memory.Read(blob, fdt);
        int data = FdtReader.SubnodeOffset(fdt, 0, "data");
        FdtReader.GetProperty(fdt, data, "folios_info", out ReadOnlySpan<byte> info);
        FdtReader.GetProperty(fdt, data, "nr_folios", out ReadOnlySpan<byte> count);
        VmallocDescriptor descriptor = VmallocDescriptor.Read(info);
        Assert.Equal(VmallocDescriptor.SizeBytes, info.Length);
        Assert.Equal((1U, VmallocDescriptor.AllocFlag, 0), (descriptor.TotalPages, descriptor.Flags, descriptor.Order));

        KernelResult restored = kho.RestoreVmalloc(descriptor, Owner);

        Assert.Equal((0, 1UL), (restored.Code, restored.Extra));
        VmallocArea area = boot.Kernel.Vmalloc.Find(restored.Value)!;
        ulong list = PageGeometry.PhysOf(area.PfnOf(0));
        uint folios = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(count);
        Assert.InRange(folios, 1U, 512U);
        ulong bytes = 0;
        for (uint i = 0; i < folios; i++)
        {
            ulong entry = boot.Kernel.Memory.ReadUInt64(list + (i * sizeof(ulong)));
            Assert.Equal(new KernelResult(0, entry & OrderMask), kho.RestoreFolio(entry & ~OrderMask, Owner));
            bytes += (ulong)PageGeometry.SizeBytes << (int)(entry & OrderMask);
        }

        Assert.Equal(8UL << 20, bytes);
        Assert.Equal(-Errno.ENOENT, kho.RestoreVmalloc(descriptor, Owner).Code);
        Assert.True(boot.Kernel.Vmalloc.Free(restored.Value, Owner));
    }
}
