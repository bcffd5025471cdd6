using System.Globalization;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs.Poc;

/// <summary>
/// The kernel's direct map: virtual addresses that the proof of concept stores in memory that the next kernel reads (inode numbers, the slab's
/// free list). Four-level paging, as on the machines of 2024. Without <c>nokaslr</c> every boot has its own base, and then stored addresses mean
/// other memory, or none.
/// </summary>
/// <param name="kernel">The kernel that runs.</param>
/// <param name="baseAddress">Virtual address of physical address 0.</param>
internal sealed class PocAddresses(ClientKernel kernel, ulong baseAddress)
{
    /// <summary>Virtual address of physical address 0 without randomisation (__PAGE_OFFSET_BASE_L4).</summary>
    public const ulong FixedBase = 0xFFFF_8880_0000_0000;

    /// <summary>A randomised base is the fixed one and a multiple of 1 GiB (PUD_SIZE, arch/x86/mm/kaslr.c) below 32 TiB.</summary>
    private const ulong RandomStep = 1UL << 30;

    private const ulong RandomSteps = 1UL << 15;

    /// <summary>Virtual address of physical address 0.</summary>
    public ulong BaseAddress => baseAddress;

    /// <summary>The direct map of a kernel that boots: fixed with <c>nokaslr</c>, else drawn.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <returns>Its addresses.</returns>
    public static PocAddresses Boot(ClientKernel kernel)
    {
        BootOptions options = new(kernel.CommandLine);
        while (options.MoveNext())
        {
            if (options.Is("nokaslr"))
            {
                return new PocAddresses(kernel, FixedBase);
            }
        }

        return new PocAddresses(kernel, FixedBase + (kernel.NextRandom() % RandomSteps * RandomStep));
    }

    /// <summary>__va.</summary>
    /// <param name="phys">Physical address.</param>
    /// <returns>Virtual address.</returns>
    public ulong VirtualOf(ulong phys) => unchecked(baseAddress + phys);

    /// <summary>Follows a virtual address that is about to be read or written.</summary>
    /// <param name="address">Virtual address.</param>
    /// <param name="bytes">How many bytes are touched, at least 1.</param>
    /// <returns>Physical address.</returns>
    /// <exception cref="SimulatedOopsException">Nothing is mapped there.</exception>
    public ulong Follow(ulong address, int bytes)
    {
        ulong phys = unchecked(address - baseAddress);
        if (!IsRam(phys))
        {
            throw PageFault(address);
        }

        ulong last = phys + (ulong)bytes - 1;
        for (ulong pfn = PageGeometry.PfnOf(phys) + 1; pfn <= PageGeometry.PfnOf(last); pfn++)
        {
            if (!kernel.IsRam(PageGeometry.PhysOf(pfn)))
            {
                throw PageFault(unchecked(baseAddress + PageGeometry.PhysOf(pfn)));
            }
        }

        return phys;
    }

    private static SimulatedOopsException PageFault(ulong address) =>
        new(string.Create(CultureInfo.InvariantCulture, $"BUG: unable to handle page fault for address: {address:x16}"));

    private bool IsRam(ulong phys) => PageGeometry.PfnOf(phys) < PageGeometry.PfnLimit && kernel.IsRam(phys);
}
