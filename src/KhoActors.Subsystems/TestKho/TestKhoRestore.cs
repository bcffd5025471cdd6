using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.TestKho;

/// <summary>
/// What the test module does in the second kernel (kho_test_restore): reads the blob, restores the array and every folio that it lists, up to
/// the first that is not there or has another order, and compares the checksum. The blob's own folio is never restored, and a folio of
/// another order is not freed, as in the kernel. Everything that it reads is believed as the kernel believes it.
/// </summary>
/// <param name="kernel">The kernel.</param>
internal sealed class TestKhoRestore(ClientKernel kernel)
{
    private const ulong OrderMask = PageGeometry.SizeBytes - 1;

    // The largest blob that this reads: what a writer can allocate.
    private const int FdtBytesMax = 4 << 20;

    private TestKhoFdt _found;
    private ulong _array;
    private uint _next;
    private InternetChecksum _checksum;

    private enum Step : uint
    {
        RestoreArray = 0x21,
        RestoreFolio,
        FreeArray,
    }

    /// <summary>0, or -EINVAL.</summary>
    public int Result { get; private set; }

    /// <summary>Begins.</summary>
    /// <param name="fdtPhys">Address of the blob.</param>
    /// <param name="outbox">Receives the first request.</param>
    /// <returns>False when it has ended with <see cref="Result"/>.</returns>
    /// <exception cref="SimulatedOopsException">There is no RAM.</exception>
    public bool Begin(ulong fdtPhys, Outbox outbox)
    {
        Span<byte> fdt = stackalloc byte[PageGeometry.SizeBytes];
        kernel.ReadIncoming(fdtPhys, fdt);
        uint totalBytes = FdtReader.TotalSize(fdt);
        if (totalBytes > fdt.Length)
        {
            fdt = new byte[Math.Min(totalBytes, FdtBytesMax)];
            kernel.ReadIncoming(fdtPhys, fdt);
        }

        if (!TestKhoFdt.TryRead(fdt, out _found))
        {
            Result = -Errno.EINVAL;
            return false;
        }

        return Ask(Step.RestoreArray, ActorId.Kho, new VmallocDescriptorRequest(_found.Array).ToMessage(KhoProtocol.RestoreVmalloc), outbox);
    }

    /// <summary>Goes on with the answer to the last request.</summary>
    /// <returns>False when it has ended with <see cref="Result"/>.</returns>
    /// <exception cref="SimulatedOopsException">The array has fewer pages than entries, and all of them could be restored.</exception>
    public bool Answered(uint correlation, KernelResult result, Outbox outbox)
    {
        switch ((Step)correlation)
        {
            case Step.RestoreArray when !result.Succeeded:
                Result = -Errno.EINVAL;
                return false;
            case Step.RestoreArray:
                _array = result.Value;
                return RestoreNext(outbox);
            case Step.RestoreFolio:
                return result.Succeeded && TakeFolio(result.Value) ? RestoreNext(outbox) : FreeArray(outbox);
            case Step.FreeArray:
                Result = _checksum.Value == _found.Checksum ? 0 : -Errno.EINVAL;
                return false;
            default:
                throw new InvalidOperationException($"test_kho does not wait for an answer with correlation {correlation}");
        }
    }

    private ulong Entry => kernel.ReadVirtual(_array + ((ulong)_next * sizeof(ulong)));

    private bool RestoreNext(Outbox outbox) => _next < _found.Folios
        ? Ask(Step.RestoreFolio, ActorId.Kho, new AddressRequest(Entry & ~OrderMask).ToMessage(KhoProtocol.RestoreFolio), outbox)
        : FreeArray(outbox);

    /// <summary>Adds a restored folio to the checksum and frees it.</summary>
    private bool TakeFolio(ulong order)
    {
        ulong entry = Entry;
        if (order != (entry & OrderMask))
        {
            return false;
        }

        // The kernel keeps the size in 32 bits: a folio of order 20 or more adds nothing.
        ulong pages = (uint)(PageGeometry.PhysOf(1) << (int)order) >> PageGeometry.Shift;
        _checksum.Add(kernel.Memory.Memory, PageGeometry.PfnOf(entry), pages);
        kernel.FreePages(entry & ~OrderMask, (int)order);
        _next++;
        return true;
    }

    private bool FreeArray(Outbox outbox) => Ask(Step.FreeArray, ActorId.Memblock, new Vfree(_array).ToMessage(), outbox);

    private static bool Ask(Step step, ActorId receiver, in Message request, Outbox outbox)
    {
        outbox.Send(receiver, request, (uint)step);
        return true;
    }
}
