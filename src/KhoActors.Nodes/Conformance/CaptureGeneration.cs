using System.Globalization;
using System.Text;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// One kernel generation of a capture. Small files were checked when the capture was opened; the <c>Read...</c> methods open a file
/// each and throw <see cref="CaptureFormatException"/> when it is missing or malformed.
/// </summary>
public sealed class CaptureGeneration
{
    private const int BlocksMax = 4 << 20;

    private readonly CaptureFiles _files;
    private readonly string _folder;

    internal CaptureGeneration(Capture capture, CaptureFiles files, CaptureDescription description, string folder)
    {
        Capture = capture;
        Description = description;
        _files = files;
        _folder = folder;
    }

    /// <summary>The case that it belongs to.</summary>
    public Capture Capture { get; }

    /// <summary>What case.json says of it.</summary>
    public CaptureDescription Description { get; }

    /// <summary>Place in the chain, 0 for the cold boot.</summary>
    public int Number => Description.Number;

    /// <summary>Case and generation, for example <c>v4-7.3-explicit/gen-1</c>.</summary>
    public string Name => $"{Capture.Name}/gen-{Number.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>The generation that came after it, or null at the end of the chain (also when the next kernel died before it could report).</summary>
    public CaptureGeneration? Next => Capture.Find(Number + 1);

    /// <summary>Its kernel's release.</summary>
    /// <exception cref="CaptureFormatException">The name of the build does not start with one.</exception>
    public KernelRelease Release => KernelRelease.TryParse(Description.KernelBuild, out KernelRelease release)
        ? release
        : throw new CaptureFormatException(CaptureCaseFile.Name, $"kernel_build of generation {Number}", "does not start with a release like 7.3");

    /// <summary>Whether the memory that it handed over was saved.</summary>
    public bool HasPages => _files.Exists(Path(CapturePages.FileName));

    /// <summary>Whether its debugfs was listed.</summary>
    public bool HasDebugfsListing => _files.Exists(Path("kho.ls"));

    /// <summary>Whether its log was saved.</summary>
    public bool HasLog => _files.Exists(Path("dmesg.txt"));

    /// <summary>Reads the log: what this kernel printed.</summary>
    /// <returns>The lines.</returns>
    public CaptureLog ReadLog() => CaptureLog.Parse(Path("dmesg.txt"), _files.Lines(Path("dmesg.txt")));

    /// <summary>Reads the memory map: from the log, or from iomem when the log does not hold it.</summary>
    /// <returns>The map.</returns>
    public MemoryMap ReadMemoryMap()
    {
        string iomem = Path("iomem");
        return CaptureMemoryMap.Parse(Path("dmesg.txt"), ReadLog(), iomem, _files.Exists(iomem) ? _files.Lines(iomem) : []);
    }

    /// <summary>Reads the top-level ranges of /proc/iomem, which a load without KHO searches.</summary>
    /// <returns>The ranges.</returns>
    public IReadOnlyList<FirmwareRange> ReadIomem() => CaptureMemoryMap.ParseIomem(Path("iomem"), _files.Lines(Path("iomem")));

    /// <summary>Reads where the kernel's image lay while it ran, which with address randomisation only it knows.</summary>
    /// <returns>The address of its code in /proc/iomem, or null when that was not saved or does not show it.</returns>
    public ulong? ReadImagePhys() => _files.Exists(Path("iomem")) ? CaptureMemoryMap.FindKernelCode(_files.Lines(Path("iomem"))) : null;

    /// <summary>Reads where the initial RAM disk lay, in whole pages, as the kernel reports it.</summary>
    /// <returns>The range, or null when the log does not show it.</returns>
    public PhysicalRange? ReadInitrd() => CaptureMemoryMap.FindRamDisk(ReadLog());

    /// <summary>Reads the ranges of memory as the kernel's early allocator had them when it set its zones up.</summary>
    /// <returns>The ranges in the log's order; none when the log does not show them.</returns>
    public IReadOnlyList<NodeRange> ReadEarlyNodeRanges() => CaptureMemoryMap.EarlyNodeRanges(ReadLog());

    /// <summary>Reads the command line file.</summary>
    /// <returns>The command line.</returns>
    public string ReadCommandLine() => _files.Text(Path("cmdline")).TrimEnd('\n', '\r');

    /// <summary>Reads the memory that this generation handed over.</summary>
    /// <returns>The pages.</returns>
    public CapturePages ReadPages() => CapturePages.Read(_files, Path(CapturePages.FileName));

    /// <summary>Reads the memory that this generation handed over, as RAM.</summary>
    /// <returns>New RAM; what was not saved reads as zero.</returns>
    public PhysicalMemory ReadMemory() => ReadPages().ToMemory();

    /// <summary>Reads all preserved blocks in walk order, from case.json or, for long lists, from their own file.</summary>
    /// <returns>The blocks; none when nothing was handed over.</returns>
    public IReadOnlyList<CaptureBlock> ReadBlocks()
    {
        string file = Path("blocks.txt.gz");
        return _files.Exists(file)
            ? ParseBlocks(file, CaptureFiles.SplitLines(Encoding.UTF8.GetString(_files.Inflated(file))))
            : Description.Handover?.Blocks ?? [];
    }

    /// <summary>Reads the list of debugfs entries.</summary>
    /// <returns>Lines like <c>-r-------- 0 kho/out/fdt</c>.</returns>
    public IReadOnlyList<string> ReadDebugfsListing() => _files.Lines(Path("kho.ls"));

    /// <summary>Reads a debugfs file.</summary>
    /// <param name="path">Path below <c>kho/</c>, for example <c>in/fdt</c>; the file may be stored gzipped.</param>
    /// <returns>Its bytes, or null when it was not captured.</returns>
    public byte[]? ReadDebugfs(string path)
    {
        string file = Path($"kho/{path}");
        return _files.Exists(file) ? _files.Bytes(file) : _files.Exists(file + ".gz") ? _files.Inflated(file + ".gz") : null;
    }

    /// <summary>Names of the captured files of a debugfs folder.</summary>
    /// <param name="path">Path below <c>kho/</c>, for example <c>in/sub_fdts</c>.</param>
    /// <returns>The names in ordinal order, without <c>.gz</c>.</returns>
    public IReadOnlyList<string> DebugfsNames(string path) =>
        [.. _files.FileNames(Path($"kho/{path}")).Select(name => name.EndsWith(".gz", StringComparison.Ordinal) ? name[..^3] : name)];

    /// <summary>Names of the files of the pstore mount, in ordinal order.</summary>
    /// <returns>The names; none when there was none, or nothing was saved.</returns>
    public IReadOnlyList<string> PstoreNames() => _files.FileNames(Path("pstore"));

    /// <summary>Reads a file of the pstore mount.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>Its bytes.</returns>
    public byte[] ReadPstore(string name) => _files.Bytes(Path($"pstore/{name}"));

    /// <summary>Reads the setup_data list as the kernel shows it.</summary>
    /// <returns>The nodes in list order.</returns>
    public IReadOnlyList<CaptureSetupDataFile> ReadSetupData()
    {
        List<CaptureSetupDataFile> nodes = [];
        foreach (string name in _files.FolderNames(Path("setup_data")))
        {
            string folder = Path($"setup_data/{name}");
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index))
            {
                throw new CaptureFormatException(folder, string.Empty, "is not named by a number");
            }

            if (!CaptureField.TryParse(_files.Text($"{folder}/type").Trim(), out ulong type) || type > uint.MaxValue)
            {
                throw new CaptureFormatException($"{folder}/type", string.Empty, "is not a 32-bit number");
            }

            nodes.Add(new CaptureSetupDataFile(index, (uint)type, _files.Bytes($"{folder}/data")));
        }

        nodes.Sort((left, right) => left.Index.CompareTo(right.Index));
        return nodes;
    }

    private static List<CaptureBlock> ParseBlocks(string file, string[] lines)
    {
        if (lines.Length > BlocksMax)
        {
            throw new CaptureFormatException(file, string.Empty, $"has more than {BlocksMax} lines");
        }

        List<CaptureBlock> blocks = new(lines.Length);
        for (int i = 0; i < lines.Length; i++)
        {
            string[] parts = lines[i].TrimEnd('\r').Split(' ');
            if (parts.Length != 2 || !CaptureField.TryParse(parts[0], out ulong phys)
                || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int order) || order > 52)
            {
                throw new CaptureFormatException(file, $"line {i + 1}", "is not a block like 0x1f880000 7");
            }

            blocks.Add(new CaptureBlock(phys, order));
        }

        return blocks;
    }

    private string Path(string file) => $"{_folder}/{file}";
}
