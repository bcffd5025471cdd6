using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.TestKho;

/// <summary>
/// The test's data: folios of random orders with random content, and the checksum over it in the order of allocation. The content is a
/// pattern, so that it costs nothing until something reads it.
/// </summary>
internal sealed class TestKhoFolios
{
    private const int Orders = 11;

    // kvmalloc refuses more.
    private const ulong ArrayBytesMax = int.MaxValue;

    private readonly ClientKernel _kernel;
    private readonly List<(ulong Phys, int Order)> _folios = [];
    private InternetChecksum _checksum;

    public TestKhoFolios(ClientKernel kernel) => _kernel = kernel;

    public int Count => _folios.Count;

    public uint Checksum => _checksum.Value;

    public (ulong Phys, int Order) this[int index] => _folios[index];

    /// <summary>The entry of the handed-over array for a folio: its address OR-ed with its order.</summary>
    public ulong EntryOf(int index) => _folios[index].Phys | (uint)_folios[index].Order;

    /// <summary>Allocates and fills folios.</summary>
    /// <param name="maxBytes">Bytes to reach exactly, rounded up to a page.</param>
    /// <returns>0, or -ENOMEM: then all of them are freed again.</returns>
    public int Generate(ulong maxBytes)
    {
        ulong wanted = PageGeometry.AlignUp(maxBytes);
        if (wanted >> PageGeometry.Shift > ArrayBytesMax / sizeof(ulong))
        {
            return -Errno.ENOMEM;
        }

        for (ulong bytes = 0; bytes < wanted; bytes += PageGeometry.PhysOf(1) << _folios[^1].Order)
        {
            int order = OrderWithin(wanted - bytes);
            ulong phys = _kernel.AllocatePages(order, zero: false);
            if (phys == 0)
            {
                Free();
                return -Errno.ENOMEM;
            }

            _folios.Add((phys, order));
            _kernel.Memory.Fill(PageGeometry.PfnOf(phys), 1UL << order, new PagePattern(_kernel.NextRandom(), 0));
            _checksum.Add(_kernel.Memory.Memory, PageGeometry.PfnOf(phys), 1UL << order);
        }

        return 0;
    }

    public void Free()
    {
        foreach ((ulong phys, int order) in _folios)
        {
            _kernel.FreePages(phys, order);
        }

        _folios.Clear();
    }

    /// <summary>A random order; when that is too large for what is left, one less than the order that holds the rest, so it never exceeds it.</summary>
    private int OrderWithin(ulong bytesLeft)
    {
        int order = (int)((uint)_kernel.NextRandom() % Orders);
        return PageGeometry.PhysOf(1) << order <= bytesLeft ? order : Math.Max(0, PageGeometry.OrderOf(bytesLeft) - 1);
    }
}
