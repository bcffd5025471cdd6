using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Clients;

/// <summary>
/// What a kernel generation offers one client by plain calls: what the kernel itself does under one lock. Everything longer (preserve,
/// restore, sub-blobs) is a message to the KHO core.
/// </summary>
/// <param name="self">The client's actor.</param>
/// <param name="kho">The KHO core; requests go to it as messages, this only answers kho_is_enabled().</param>
/// <param name="ram">RAM.</param>
/// <param name="commandLine">The kernel's command line.</param>
/// <param name="random">get_random_u64: the client's own substream.</param>
public sealed class ClientKernel(ActorId self, KhoCore kho, PhysicalMemory ram, string commandLine, Func<ulong> random) : IPageSource
{
    /// <summary>Real time when the machine was first powered on: 2026-01-01 00:00:00 UTC, in seconds since 1970.</summary>
    public const long FirstPowerOnSeconds = 1_767_225_600;

    private const ulong TicksPerSecond = 1_000_000_000;

    /// <summary>The client's actor.</summary>
    public ActorId Self => self;

    /// <summary>The kernel that runs.</summary>
    public KernelBuild Build => kho.Build;

    /// <summary>Its log.</summary>
    public KernelLog Log => kho.Log;

    /// <summary>Its command line.</summary>
    public string CommandLine => commandLine;

    /// <summary>kho_is_enabled(): reliable from <see cref="InitcallLevel.Device"/> on, which is when clients start.</summary>
    public bool KhoEnabled => kho.Enabled;

    /// <summary>Pages of RAM (totalram_pages).</summary>
    public ulong RamPages => kho.RamPages;

    /// <summary>Buffers kept from generation to generation; a host that boots often passes its own.</summary>
    public ClientWorkspace Workspace { get; init; } = new();

    /// <summary>RAM as the client may touch it: it reads everything and writes its own pages.</summary>
    public OwnedMemory Memory { get; } = new(ram, kho.Pages, ActorOwnership.OwnerOf(self));

    /// <summary>Whether the previous kernel preserved a page by itself (order 0) and nobody restored it yet. Reads struct page, changes nothing.</summary>
    /// <param name="phys">Physical address of the page.</param>
    /// <returns>Whether kho_restore_folio would give exactly this page.</returns>
    public bool IsIncomingPage(ulong phys) => kho.TryGetIncomingOrder(phys, out int order) && order == 0;

    /// <summary>A random number (get_random_u64).</summary>
    /// <returns>Uniform over 64 bits.</returns>
    public ulong NextRandom() => random();

    /// <summary>ktime_get_real_ts64.</summary>
    /// <param name="nowTicks">Virtual time, see <see cref="Outbox.NowTicks"/>.</param>
    /// <returns>Seconds since 1970, and nanoseconds.</returns>
    public static (long Seconds, uint Nanoseconds) RealTime(ulong nowTicks) =>
        (FirstPowerOnSeconds + (long)(nowTicks / TicksPerSecond), (uint)(nowTicks % TicksPerSecond));

    /// <summary>alloc_pages of unmovable pages, which never lie in scratch.</summary>
    /// <param name="order">0..10.</param>
    /// <param name="zero">Whether they must read as zero.</param>
    /// <returns>Physical address, or 0 when memory is exhausted.</returns>
    public ulong AllocatePages(int order, bool zero) => kho.Pages.Allocate(order, MigrateType.Unmovable, Memory.Owner, -1, exactNode: false, zero);

    /// <summary>alloc_page of a movable page: it may lie in scratch, which is CMA memory.</summary>
    /// <param name="zero">Whether it must read as zero.</param>
    /// <returns>Physical address, or 0 when memory is exhausted.</returns>
    public ulong AllocateMovablePage(bool zero) => kho.Pages.Allocate(0, MigrateType.Movable, Memory.Owner, -1, exactNode: false, zero);

    /// <summary>Whether a physical address is RAM, which the direct map maps whoever owns it.</summary>
    /// <param name="phys">Physical address.</param>
    /// <returns>False for holes and devices.</returns>
    public bool IsRam(ulong phys) => kho.Nodes.Contains(PageGeometry.PfnOf(phys));

    /// <summary>Whether a range lies in scratch, wholly or in part (kho_scratch_overlap).</summary>
    /// <param name="phys">Physical address.</param>
    /// <param name="sizeBytes">Bytes.</param>
    /// <returns>True when they overlap.</returns>
    public bool OverlapsScratch(ulong phys, ulong sizeBytes) => kho.OverlapsScratch(phys, sizeBytes);

    /// <summary>free_pages of a block of the client.</summary>
    /// <param name="phys">Address of its head.</param>
    /// <param name="order">Its order.</param>
    /// <exception cref="PageOwnershipException">It is not the client's.</exception>
    public void FreePages(ulong phys, int order) => kho.Pages.Free(phys, order, Memory.Owner);

    /// <summary>Whose page it is.</summary>
    /// <param name="phys">A physical address in it.</param>
    /// <returns>The owner; <see cref="PageOwner.Memblock"/> for what was reserved at boot (preserved memory not yet restored) or is no RAM.</returns>
    public PageOwner OwnerOf(ulong phys) => kho.Pages.OwnerOf(PageGeometry.PfnOf(phys));

    /// <summary>
    /// Reads memory of the previous kernel that a client has found by an address in it. Whatever the address says, the read ends.
    /// </summary>
    /// <param name="phys">Physical address.</param>
    /// <param name="destination">Receives the bytes; what lies behind the end of RAM reads as zero.</param>
    /// <exception cref="SimulatedOopsException">There is no RAM at the address: the kernel dies as a real one does.</exception>
    public void ReadIncoming(ulong phys, Span<byte> destination)
    {
        if (!kho.Nodes.Contains(PageGeometry.PfnOf(phys)))
        {
            throw SimulatedOopsException.BadPhysicalAddress(phys);
        }

        ram.Read(phys, destination);
    }

    /// <summary>A word of a vmalloc area, read through its virtual address.</summary>
    /// <param name="address">Virtual address, a multiple of 8.</param>
    /// <returns>The word.</returns>
    /// <exception cref="SimulatedOopsException">No page is mapped there.</exception>
    public ulong ReadVirtual(ulong address) => ram.ReadUInt64(PhysicalOf(address));

    /// <summary>Writes a word of a vmalloc area of the client through its virtual address.</summary>
    /// <param name="address">Virtual address, a multiple of 8.</param>
    /// <param name="value">The word.</param>
    /// <exception cref="SimulatedOopsException">No page is mapped there.</exception>
    /// <exception cref="PageOwnershipException">The page is not the client's.</exception>
    public void WriteVirtual(ulong address, ulong value) => Memory.WriteUInt64(PhysicalOf(address), value);

    /// <summary>vmalloc_to_page: where a byte of a vmalloc area lies.</summary>
    /// <param name="address">Virtual address.</param>
    /// <returns>Physical address.</returns>
    /// <exception cref="SimulatedOopsException">No page is mapped there.</exception>
    public ulong PhysicalOf(ulong address)
    {
        VmallocArea? area = kho.VmallocAreas.Find(address);
        ulong page = area is null ? 0 : (address - area.Address) >> PageGeometry.Shift;
        return area is not null && page < area.Pages
            ? PageGeometry.PhysOf(area.PfnOf(page)) + (address & (PageGeometry.SizeBytes - 1))
            : throw SimulatedOopsException.PageFault(address);
    }

    /// <inheritdoc/>
    public ulong AllocateZeroedPage() => AllocatePages(0, zero: true);

    /// <inheritdoc/>
    public ulong AllocatePage() => AllocatePages(0, zero: false);

    /// <inheritdoc/>
    public void FreePage(ulong phys) => FreePages(phys, 0);

    /// <summary>A parameter on the command line: the last <c>NAME=VALUE</c>, as the kernel's parser takes it.</summary>
    /// <param name="name">Its full name, for example <c>pstore.compress</c>.</param>
    /// <returns>The value, or null when it is not given.</returns>
    public string? Parameter(string name)
    {
        string? found = null;
        foreach (Range word in commandLine.AsSpan().Split(' '))
        {
            ReadOnlySpan<char> text = commandLine.AsSpan(word);
            int equals = text.IndexOf('=');
            if (equals >= 0 && IsName(text[..equals], name))
            {
                found = text[(equals + 1)..].Trim('"').ToString();
            }
        }

        return found;
    }

    /// <summary>Dashes and underscores are the same in names of parameters (kernel/params.c).</summary>
    private static bool IsName(ReadOnlySpan<char> written, string name)
    {
        if (written.Length != name.Length)
        {
            return false;
        }

        for (int i = 0; i < name.Length; i++)
        {
            char at = written[i] == '-' ? '_' : written[i];
            if (at != (name[i] == '-' ? '_' : name[i]))
            {
                return false;
            }
        }

        return true;
    }
}
