using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Subsystems.Tests.Memblock;

/// <summary>Reads what early boot needs from a folder of tests/data/real.</summary>
internal sealed partial class Capture
{
    private readonly string _folder;
    private readonly JsonElement _case;

    private Capture(string folder)
    {
        _folder = folder;
        _case = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "case.json"))).RootElement;
    }

    public string Name => Path.GetFileName(_folder);

    public int Cpus => _case.GetProperty("vm").GetProperty("cpus").GetInt32();

    /// <summary>All captures with generations, in ordinal order.</summary>
    public static IEnumerable<Capture> All()
    {
        foreach (string folder in Directory.GetDirectories(Root()).Order(StringComparer.Ordinal))
        {
            if (Directory.Exists(Path.Combine(folder, "gen-0")))
            {
                yield return new Capture(folder);
            }
        }
    }

    public static Capture Open(string name) => new(Path.Combine(Root(), name));

    public JsonElement Generation(int generation) => _case.GetProperty("generations").EnumerateArray()
        .First(element => element.GetProperty("gen").GetInt32() == generation);

    public bool HasGeneration(int generation) => Directory.Exists(Path.Combine(_folder, $"gen-{generation}"));

    /// <summary>Whether the kernel found a KHO node in its setup data and the pages behind it were captured.</summary>
    public bool HasHandoff(int generation) =>
        generation > 0 && HasGeneration(generation - 1) && Generation(generation).TryGetProperty("incoming_setup_data", out _);

    public string Release(int generation) => Generation(generation).GetProperty("kernel_build").GetString()!;

    public string CommandLine(int generation) => File.ReadAllText(Path.Combine(_folder, $"gen-{generation}", "cmdline")).TrimEnd('\n');

    /// <summary>The captured log: level and text, without time stamps.</summary>
    public LogLine[] Dmesg(int generation) => [.. File.ReadLines(Path.Combine(_folder, $"gen-{generation}", "dmesg.txt"))
        .Select(line => DmesgLine().Match(line)).Where(match => match.Success)
        .Select(match => new LogLine((LogLevel)int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture), match.Groups[2].Value))];

    public MemoryMap Map(int generation)
    {
        List<FirmwareRange> ranges = [];
        List<NodeRange> nodes = [];
        foreach (LogLine line in Dmesg(generation))
        {
            if (FirmwareLine().Match(line.Text) is { Success: true } range)
            {
                FirmwareRangeKind kind = range.Groups[3].Value == "System RAM" ? FirmwareRangeKind.Ram : FirmwareRangeKind.Reserved;
                ranges.Add(new FirmwareRange(Hex(range.Groups[1].Value), Hex(range.Groups[2].Value) + 1, kind));
            }
            else if (SratLine().Match(line.Text) is { Success: true } srat)
            {
                int node = int.Parse(srat.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
                nodes.Add(new NodeRange(Hex(srat.Groups[2].Value), Hex(srat.Groups[3].Value) + 1, node));
            }
        }

        return new MemoryMap(ranges, nodes);
    }

    /// <summary>The initial RAM disk as the kernel reports it.</summary>
    public PhysicalRange Initrd(int generation)
    {
        Match match = Dmesg(generation).Select(line => RamDiskLine().Match(line.Text)).First(match => match.Success);
        ulong start = Hex(match.Groups[1].Value);
        return new PhysicalRange(start, Hex(match.Groups[2].Value) + 1 - start);
    }

    /// <summary>Where the kernel's image lies.</summary>
    public ulong ImagePhys(int generation)
    {
        string line = File.ReadLines(Path.Combine(_folder, $"gen-{generation}", "iomem"))
            .First(line => line.EndsWith(": Kernel code", StringComparison.Ordinal));
        return Hex(line.Trim().Split('-')[0]);
    }

    /// <summary>The scratch areas that debugfs shows.</summary>
    public ScratchArea[]? ScratchAreas(int generation)
    {
        string folder = Path.Combine(_folder, $"gen-{generation}", "kho", "out");
        string lengths = Path.Combine(folder, "scratch_len");
        return File.Exists(lengths)
            ? [.. File.ReadLines(Path.Combine(folder, "scratch_phys")).Zip(File.ReadLines(lengths))
                .Select(pair => new ScratchArea(Hex(pair.First), Hex(pair.Second)))]
            : null;
    }

    /// <summary>The array handed to the next kernel, from the loaded segment.</summary>
    public ScratchArea[]? HandedOver(int generation) =>
        Generation(generation).TryGetProperty("scratch_array_handed_over", out JsonElement array) && array.ValueKind == JsonValueKind.Array
            ? [.. array.EnumerateArray().Select(entry => new ScratchArea(Hex(entry[0].GetString()!), Hex(entry[1].GetString()!)))]
            : null;

    /// <summary>The published reserve_mem regions.</summary>
    public MemblockFdtEntry[]? ReserveMem(int generation) =>
        Generation(generation).TryGetProperty("reserve_mem", out JsonElement array) && array.ValueKind == JsonValueKind.Array
            ? [.. array.EnumerateArray()
                .Select(entry => new MemblockFdtEntry(entry[0].GetString()!, Hex(entry[1].GetString()!), Hex(entry[2].GetString()!)))]
            : null;

    public byte[]? Bytes(int generation, string path)
    {
        string file = Path.Combine(_folder, $"gen-{generation}", path);
        return File.Exists(file) ? File.ReadAllBytes(file) : null;
    }

    public static ulong Hex(string text) =>
        ulong.Parse(text.StartsWith("0x", StringComparison.Ordinal) ? text.AsSpan(2) : text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "KhoActors.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return Path.Combine(folder ?? throw new InvalidOperationException("KhoActors.sln not found above the test folder"), "tests", "data", "real");
    }

    [GeneratedRegex(@"^<(\d)>\[ *[\d.]+\] (.*)$")]
    private static partial Regex DmesgLine();

    [GeneratedRegex(@"^BIOS-e820: \[mem (0x\w+)-(0x\w+)\]\s+(.*)$")]
    private static partial Regex FirmwareLine();

    [GeneratedRegex(@"^ACPI: SRAT: Node (\d+) PXM \d+ \[mem (0x\w+)-(0x\w+)\]")]
    private static partial Regex SratLine();

    [GeneratedRegex(@"^RAMDISK: \[mem (0x\w+)-(0x\w+)\]")]
    private static partial Regex RamDiskLine();
}
