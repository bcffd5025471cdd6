using System.Globalization;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Memblock;

/// <summary>
/// The regions of <c>reserve_mem=size:align:name</c>: parsing, revival from a predecessor, fresh allocation, and the blob for the next
/// kernel (mm/memblock.c). At most <see cref="Limit"/> regions.
/// </summary>
public sealed class ReserveMem
{
    /// <summary>The most regions (RESERVE_MEM_MAX_ENTRIES).</summary>
    public const int Limit = 8;

    /// <summary>A name has at most this many characters.</summary>
    public const int LongestName = 15;

    private readonly MemblockFdtEntry[] _entries = new MemblockFdtEntry[Limit];
    private readonly string?[] _names = new string?[Limit];
    private readonly byte[] _blob = new byte[PageGeometry.SizeBytes];
    private int _count;
    private bool _blobFound;

    /// <summary>The regions in the order of their options. Sizes are as given, not rounded to pages.</summary>
    public ReadOnlySpan<MemblockFdtEntry> Entries => _entries.AsSpan(0, _count);

    /// <summary>Forgets all regions: a new kernel boots.</summary>
    public void Clear()
    {
        _count = 0;
        _blobFound = false;
    }

    /// <summary>Handles one <c>reserve_mem=</c> option.</summary>
    /// <param name="value">What follows the <c>=</c>.</param>
    /// <param name="memory">RAM: an incoming blob is read from it.</param>
    /// <param name="memblock">The boot-time allocator.</param>
    /// <param name="build">The kernel build.</param>
    /// <param name="subtrees">What a predecessor handed over, or null.</param>
    /// <param name="log">Receives the kernel's lines.</param>
    /// <returns>0; -EBUSY when the table is full or the name is taken; -EINVAL; -ENOMEM.</returns>
    public int Handle(
        ReadOnlySpan<char> value,
        PhysicalMemory memory,
        MemblockAllocator memblock,
        KernelBuild build,
        IIncomingSubtrees? subtrees,
        KernelLog log)
    {
        if (_count >= Limit)
        {
            return Fail(-Errno.EBUSY, "reserve_mem: no more room for reserved memory", build, log);
        }

        if (!TryParse(value, build.MemparseBareSuffix, out ulong size, out ulong align, out ReadOnlySpan<char> name))
        {
            return Fail(-Errno.EINVAL, "reserve_mem: empty or malformed parameter", build, log);
        }

        if (IsTaken(name))
        {
            return Fail(-Errno.EBUSY, $"reserve_mem: name \"{name}\" was already used", build, log);
        }

        string label = Intern(name);
        ulong start = 0;
        bool revived = subtrees is not null && TryRevive(label, size, align, memory, subtrees, log, out start);
        if (!revived)
        {
            start = memblock.Allocate(size, align);
        }

        if (!revived && start == 0)
        {
            return Fail(-Errno.ENOMEM, "reserve_mem: memblock allocation failed", build, log);
        }

        _entries[_count++] = new MemblockFdtEntry(label, start, size);
        return 0;
    }

    /// <summary>Splits <c>size:align:name</c>.</summary>
    /// <param name="value">The text.</param>
    /// <param name="bareSuffix">See <see cref="MemParse"/>.</param>
    /// <param name="size">Bytes, above 0.</param>
    /// <param name="align">Alignment, at least 64; need not be a power of two.</param>
    /// <param name="name">1 to 15 characters, not all blank; may contain colons.</param>
    /// <returns>False when it is malformed.</returns>
    public static bool TryParse(ReadOnlySpan<char> value, bool bareSuffix, out ulong size, out ulong align, out ReadOnlySpan<char> name)
    {
        align = 0;
        name = default;
        int length = MemParse.Parse(value, bareSuffix, out size);
        if (length == 0 || size == 0 || length >= value.Length || value[length] != ':')
        {
            return false;
        }

        value = value[(length + 1)..];
        length = MemParse.Parse(value, bareSuffix, out align);
        if (length >= value.Length || value[length] != ':')
        {
            return false;
        }

        align = Math.Max(align, MemblockAllocator.CacheLineBytes);
        name = value[(length + 1)..];
        return name.Length <= LongestName && !name.IsWhiteSpace();
    }

    /// <summary>Writes the blob for the next kernel.</summary>
    /// <param name="page">The page that holds it; cleared first.</param>
    /// <returns>0, or libfdt's negative code.</returns>
    public int Publish(Span<byte> page) => MemblockFdt.Write(page, Entries);

    private static int Fail(int result, string line, KernelBuild build, KernelLog log)
    {
        if (build.ReserveMemLogsErrors)
        {
            log.Write(LogLevel.Error, line);
        }

        return result;
    }

    private bool TryRevive(string name, ulong size, ulong align, PhysicalMemory memory, IIncomingSubtrees subtrees, KernelLog log, out ulong start)
    {
        start = 0;
        if (!TryFindBlob(memory, subtrees, log))
        {
            return false;
        }

        MemblockFdtLookup found = MemblockFdt.FindEntry(_blob, name, out MemblockFdtEntry entry, out int code);
        string? refusal = found switch
        {
            MemblockFdtLookup.ChildMissing => $"FDT 'memblock' has no child '{name}': {Decimal(code)}",
            MemblockFdtLookup.ChildIncompatible => $"Node '{name}' is incompatible with 'reserve-mem-v1': {Decimal(code)}",
            MemblockFdtLookup.Found when (entry.Start & (align - 1)) != 0 =>
                $"KHO reserve-mem '{name}' has wrong alignment (0x{align:x}, 0x{entry.Start:x})",
            MemblockFdtLookup.Found when entry.SizeBytes != size => $"KHO reserve-mem '{name}' has wrong size (0x{entry.SizeBytes:x} != 0x{size:x})",
            _ => null,
        };
        if (refusal is not null)
        {
            log.Write(LogLevel.Warning, refusal);
        }

        if (refusal is not null || found != MemblockFdtLookup.Found)
        {
            return false;
        }

        start = entry.Start;
        log.Write(LogLevel.Info, $"Revived memory reservation '{name}' from KHO");
        return true;
    }

    /// <summary>Finds and checks the blob; only success is remembered, so that a failure is printed for each option.</summary>
    private bool TryFindBlob(PhysicalMemory memory, IIncomingSubtrees subtrees, KernelLog log)
    {
        if (_blobFound)
        {
            return true;
        }

        int result = subtrees.Retrieve(MemblockFdt.SubtreeName, out ulong phys, out _);
        if (result == -Errno.ENOENT)
        {
            return false;
        }

        if (result != 0)
        {
            log.Write(LogLevel.Warning, $"failed to retrieve FDT 'memblock' from KHO: {Decimal(result)}");
            return false;
        }

        ReadBlob(memory, phys);
        int code = MemblockFdt.CheckCompatible(_blob);
        if (code != 0)
        {
            log.Write(LogLevel.Warning, $"FDT 'memblock' is incompatible with 'memblock-v1': {Decimal(code)}");
            return false;
        }

        _blobFound = true;
        return true;
    }

    /// <summary>Reads one page from the blob's address on; an address that RAM cannot have reads as zero.</summary>
    private void ReadBlob(PhysicalMemory memory, ulong phys)
    {
        _blob.AsSpan().Clear();
        if (phys <= (1UL << PageGeometry.PhysicalAddressBits) - PageGeometry.SizeBytes)
        {
            memory.Read(phys, _blob);
        }
    }

    private static string Decimal(int value) => value.ToString(CultureInfo.InvariantCulture);

    private bool IsTaken(ReadOnlySpan<char> name)
    {
        foreach (ref readonly MemblockFdtEntry entry in Entries)
        {
            if (name.SequenceEqual(entry.Name))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The name as a string, taken from the previous boot where it is the same: booting again allocates nothing.</summary>
    private string Intern(ReadOnlySpan<char> name)
    {
        ref string? known = ref _names[_count];
        if (known is null || !name.SequenceEqual(known))
        {
            known = name.ToString();
        }

        return known;
    }
}
