using System.Globalization;
using System.Text;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Kho;

/// <summary>
/// /sys/kernel/debug/kho of one running kernel (kernel/liveupdate/kexec_handover_debugfs.c): which entries there are and what they show. A
/// file of a blob is an address and a length that were fixed when the file was made; its content is read from RAM on demand, so the file
/// of a blob that was freed since shows whatever lies there now. Which entries there are, and lengths, follow the ABI generation.
/// <para>Nothing outside a reader depends on it, but for the lines that it prints. Kernels up to 6.18 make <c>out/fdt</c> and
/// <c>out/sub_fdts/*</c> when they finalize and are not simulated.</para>
/// </summary>
public sealed partial class Debugfs
{
    /// <summary>Name of the directory that holds everything.</summary>
    public const string RootName = "kho";

    private const string RootPrefix = RootName + "/";
    private const string FdtName = "fdt";
    private const int OwnerReads = 0x100; // 0400
    private const int OwnerReadsAndWrites = 0x180; // 0600
    private const int DirectoryPermissions = 0x1ed; // 0755

    private readonly PhysicalMemory _memory;
    private readonly NodeMap _ram;
    private readonly ScratchAreas _scratch;
    private readonly KhoAbi _abi;
    private readonly KernelLog _log;
    private readonly List<BlobFile> _outgoing = [];
    private readonly List<BlobFile> _incoming = [];
    private ulong _fdtPhys;
    private bool _hasOut;
    private bool _hasIn;

    /// <summary>A kernel's debugfs before kho_init: without any entry.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="ram">Which pages are RAM.</param>
    /// <param name="scratch">The scratch areas.</param>
    /// <param name="abi">The ABI generation that the kernel speaks.</param>
    /// <param name="log">Receives the kernel's lines.</param>
    public Debugfs(PhysicalMemory memory, NodeMap ram, ScratchAreas scratch, KhoAbi abi, KernelLog log)
    {
        _memory = memory;
        _ram = ram;
        _scratch = scratch;
        _abi = abi;
        _log = log;
    }

    /// <summary>Makes <c>kho</c> and <c>kho/out</c> (kho_debugfs_init, kho_out_debugfs_init). They stay when kho_init fails later.</summary>
    /// <param name="fdtPhys">The page of the outgoing root FDT; it need not be written yet.</param>
    public void CreateOut(ulong fdtPhys)
    {
        _hasOut = true;
        _fdtPhys = fdtPhys;
    }

    /// <summary>Makes <c>out/fdt</c>, which kho_init does on a cold boot only. Its length is the FDT's size at this moment and never grows.</summary>
    public void AddOutgoingFdt() => _outgoing.Add(new BlobFile(FdtName, InSubFdts: false, _fdtPhys, TotalSizeAt(_fdtPhys)));

    /// <summary>Makes <c>out/sub_fdts/NAME</c> for a sub-tree that was added. That it cannot be made is only warned of.</summary>
    /// <param name="name">The sub-tree's name.</param>
    /// <param name="phys">Its blob.</param>
    /// <param name="sizeBytes">The size that the client gave; not used by ABIs that have none.</param>
    /// <exception cref="SimulatedOopsException">An ABI without sizes looks for the length in a blob outside RAM.</exception>
    public void AddOutgoing(string name, ulong phys, ulong sizeBytes)
    {
        if (AddBlob(_outgoing, name, phys, _abi.SizeProperty is null ? null : sizeBytes) != 0)
        {
            _log.Warn("kho_add_subtree", once: true);
        }
    }

    /// <summary>Removes the file of a sub-tree that was removed: of all outgoing files, the one made last that shows this address.</summary>
    /// <param name="phys">The blob.</param>
    public void RemoveOutgoing(ulong phys)
    {
        for (int i = _outgoing.Count - 1; i >= 0; i--)
        {
            if (_outgoing[i].Phys == phys)
            {
                _outgoing.RemoveAt(i);
                return;
            }
        }
    }

    /// <summary>All entries, depth first, each directory sorted by name as <c>find | sort</c> lists it; none while <c>kho</c> does not exist.</summary>
    /// <returns>A new list.</returns>
    public IReadOnlyList<DebugfsEntry> List()
    {
        List<DebugfsEntry> entries = [];
        if (!_hasOut)
        {
            return entries;
        }

        entries.Add(Directory(RootName));
        if (_hasIn)
        {
            entries.Add(Directory("kho/in"));
            AddBlobs(entries, "kho/in/", _incoming, inSubFdts: false);
            entries.Add(Directory("kho/in/sub_fdts"));
            AddBlobs(entries, "kho/in/sub_fdts/", _incoming, inSubFdts: true);
        }

        entries.Add(Directory("kho/out"));
        AddBlobs(entries, "kho/out/", _outgoing, inSubFdts: false);
        if (_abi.Tracker == TrackerKind.Bitmaps)
        {
            entries.Add(Text("kho/out/finalize", OwnerReadsAndWrites));
        }

        entries.Add(Text("kho/out/scratch_len", OwnerReads));
        entries.Add(Text("kho/out/scratch_phys", OwnerReads));
        entries.Add(Directory("kho/out/sub_fdts"));
        AddBlobs(entries, "kho/out/sub_fdts/", _outgoing, inSubFdts: true);
        return entries;
    }

    /// <summary>Finds an entry.</summary>
    /// <param name="path">Its path below /sys/kernel/debug, or below <c>kho</c>: <c>kho/out/fdt</c> or <c>out/fdt</c>.</param>
    /// <returns>The entry, or null.</returns>
    public DebugfsEntry? Find(string path)
    {
        foreach (DebugfsEntry entry in List())
        {
            if (entry.Path == path || (entry.Path.Length > RootPrefix.Length && entry.Path.AsSpan(RootPrefix.Length).SequenceEqual(path)))
            {
                return entry;
            }
        }

        return null;
    }

    /// <summary>Reads a file.</summary>
    /// <param name="file">The file; it may have been removed since it was listed.</param>
    /// <param name="offset">First byte to read.</param>
    /// <param name="destination">Receives the bytes.</param>
    /// <returns>
    /// How many were read: fewer at the end of the file, and before memory that is not RAM, where the kernel gives EFAULT. 0 for a directory.
    /// </returns>
    public int Read(in DebugfsEntry file, ulong offset, Span<byte> destination)
    {
        if (offset >= file.SizeBytes)
        {
            return 0;
        }

        int length = (int)Math.Min((ulong)destination.Length, file.SizeBytes - offset);
        return file.Content == DebugfsContent.Memory
            ? ReadRam(unchecked(file.Phys + offset), destination[..length])
            : ReadText(TextOf(file.Path), (int)offset, destination[..length]);
    }

    /// <summary>The text of <c>out/scratch_phys</c> or <c>out/scratch_len</c>.</summary>
    /// <param name="values">Addresses or sizes, in array order.</param>
    /// <returns>One line for each.</returns>
    public static string ScratchText(IEnumerable<ulong> values) =>
        string.Concat(values.Select(value => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}\n")));

    private static DebugfsEntry Directory(string path) => new(path, DebugfsContent.Directory, DirectoryPermissions, 0, 0);

    private static void AddBlobs(List<DebugfsEntry> entries, string prefix, List<BlobFile> files, bool inSubFdts) => entries.AddRange(
        files.Where(file => file.InSubFdts == inSubFdts)
            .OrderBy(file => file.Name, StringComparer.Ordinal)
            .Select(file => new DebugfsEntry(prefix + file.Name, DebugfsContent.Memory, OwnerReads, file.SizeBytes, file.Phys)));

    private DebugfsEntry Text(string path, int permissions) => new(path, DebugfsContent.Text, permissions, (ulong)TextOf(path).Length, 0);

    private string TextOf(string path) => path switch
    {
        "kho/out/finalize" => IsFinalized() ? "1\n" : "0\n",
        "kho/out/scratch_phys" => ScratchText(ScratchWords(0)),
        "kho/out/scratch_len" => ScratchText(ScratchWords(sizeof(ulong))),
        _ => string.Empty,
    };

    /// <summary>The kernel reads its array in RAM, which is what damage changes.</summary>
    private IEnumerable<ulong> ScratchWords(ulong offset)
    {
        for (int i = 0; i < _scratch.Areas.Count; i++)
        {
            yield return _memory.ReadUInt64(_scratch.ArrayPhys + ((ulong)i * ScratchArea.EntryBytes) + offset);
        }
    }

    /// <summary>Finalizing sets the address of the first chunk in the root FDT, aborting clears it.</summary>
    private bool IsFinalized()
    {
        Span<byte> page = stackalloc byte[PageGeometry.SizeBytes];
        return ReadRam(_fdtPhys, page) == page.Length
            && RootFdt.MemoryMap(page, out ulong firstChunk) == MemoryMapLookup.Found
            && firstChunk != 0;
    }

    private int ReadRam(ulong phys, Span<byte> destination)
    {
        int done = 0;
        while (done < destination.Length)
        {
            ulong at = unchecked(phys + (ulong)done);
            if (!_ram.Contains(PageGeometry.PfnOf(at)))
            {
                break;
            }

            int length = Math.Min(destination.Length - done, PageGeometry.SizeBytes - (int)(at & (PageGeometry.SizeBytes - 1)));
            _memory.Read(at, destination.Slice(done, length));
            done += length;
        }

        return done;
    }

    private static int ReadText(string text, int offset, Span<byte> destination)
    {
        // The text may have become shorter since the file was listed.
        ReadOnlySpan<char> rest = text.AsSpan(Math.Min(offset, text.Length));
        return Encoding.ASCII.GetBytes(rest[..Math.Min(rest.Length, destination.Length)], destination);
    }

    /// <summary>fdt_totalsize of what lies at an address.</summary>
    private uint TotalSizeAt(ulong phys)
    {
        Span<byte> header = stackalloc byte[2 * sizeof(uint)];
        return ReadRam(phys, header) == header.Length ? FdtReader.TotalSize(header) : throw SimulatedOopsException.BadPhysicalAddress(phys);
    }

    /// <summary>A file that shows memory: struct fdt_debugfs.</summary>
    private readonly record struct BlobFile(string Name, bool InSubFdts, ulong Phys, ulong SizeBytes);
}
