using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// The allocator that sessions were recorded with: it only moves forward from a base, a free never makes memory available again,
/// and it fails once a number of allocations has succeeded.
/// </summary>
internal sealed class SessionMemory : IPageSource
{
    /// <summary>No recorded session comes near this; a vector that does is refused before it eats the computer.</summary>
    private const int MaxMetadataPages = 1 << 18;

    private readonly SortedSet<ulong> _metadata = [];
    private readonly SortedDictionary<ulong, int> _folios = [];

    /// <summary>Starts at an address.</summary>
    /// <param name="basePhys">First address; a multiple of 4096 above 0.</param>
    /// <param name="limit">Allocations that succeed, or null.</param>
    public SessionMemory(ulong basePhys, long? limit)
    {
        if (basePhys == 0 || basePhys % PageGeometry.SizeBytes != 0)
        {
            throw new VectorFormatException($"'base_phys' must be a multiple of 4096 above 0, found 0x{basePhys:x}");
        }

        NextPhys = basePhys;
        Limit = limit;
    }

    /// <summary>RAM.</summary>
    public PhysicalMemory Ram { get; } = new();

    /// <summary>Allocations that succeed in all, or null for no limit.</summary>
    public long? Limit { get; set; }

    /// <summary>Allocations that succeeded, freed or not.</summary>
    public long Allocations { get; private set; }

    /// <summary>Frees.</summary>
    public long Frees { get; private set; }

    /// <summary>Where the next page comes from.</summary>
    public ulong NextPhys { get; private set; }

    /// <summary>Live pages of the tracker, ascending.</summary>
    public IReadOnlyCollection<ulong> MetadataPages => _metadata;

    /// <inheritdoc/>
    public ulong AllocateZeroedPage()
    {
        ulong phys = AllocateFolio(0);
        if (phys == 0)
        {
            return 0;
        }

        if (_metadata.Count == MaxMetadataPages)
        {
            throw new VectorFormatException($"the session needs more than {MaxMetadataPages} metadata pages");
        }

        _folios.Remove(phys);
        _metadata.Add(phys);
        Ram.ZeroPage(PageGeometry.PfnOf(phys));
        return phys;
    }

    /// <inheritdoc/>
    public void FreePage(ulong phys)
    {
        if (!_metadata.Remove(phys))
        {
            throw new InvalidOperationException($"the tracker freed 0x{phys:x}, which it does not own");
        }

        Frees++;
    }

    /// <summary>Allocates a folio; its memory was never used, so it reads as zero.</summary>
    /// <param name="order">Its order.</param>
    /// <returns>Its address, or 0.</returns>
    public ulong AllocateFolio(int order)
    {
        if (Allocations >= Limit)
        {
            return 0;
        }

        ulong size = (ulong)PageGeometry.SizeBytes << order;
        ulong phys = (NextPhys + size - 1) & ~(size - 1);
        if (phys + size > 1UL << PageGeometry.PhysicalAddressBits)
        {
            throw new VectorFormatException("the session allocates memory above 2^52");
        }

        NextPhys = phys + size;
        Allocations++;
        _folios.Add(phys, order);
        return phys;
    }

    /// <summary>The order of a live folio.</summary>
    /// <param name="phys">Its address.</param>
    /// <returns>The order.</returns>
    public int OrderOf(ulong phys) =>
        _folios.TryGetValue(phys, out int order) ? order : throw new VectorFormatException($"0x{phys:x} is not an allocated folio");

    /// <summary>Frees a folio.</summary>
    /// <param name="phys">Its address.</param>
    public void FreeFolio(ulong phys)
    {
        _folios.Remove(phys);
        Frees++;
    }
}
