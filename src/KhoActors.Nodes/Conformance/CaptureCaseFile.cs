using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Conformance;

/// <summary>Reads case.json.</summary>
internal static class CaptureCaseFile
{
    public const string Name = "case.json";

    private const int GenerationsMax = 10_000;
    private const int OrderMax = 52;
    private const int CpusMax = 8192;

    /// <summary>What the case shows, the machine's CPUs, and its generations in the order of the file.</summary>
    public static (string Description, int Cpus, IReadOnlyList<CaptureDescription> Generations) Read(CaptureFiles files)
    {
        CaptureField root = CaptureField.Parse(Name, files.Bytes(Name));
        string description = root.Find("description")?.Text() ?? string.Empty;
        int cpus = root.Find("vm")?.Find("cpus")?.Number(1, CpusMax) ?? 1;
        List<CaptureDescription> generations = [];
        foreach (CaptureField generation in root.Find("generations")?.Items() ?? [])
        {
            CaptureDescription read = Generation(generation);
            if (generations.Exists(other => other.Number == read.Number))
            {
                throw generation.Complaint($"repeats generation {read.Number}");
            }

            generations.Add(read);
        }

        return (description, cpus, generations);
    }

    private static CaptureDescription Generation(in CaptureField field) =>
        new(field["gen"].Number(0, GenerationsMax), field["kernel_build"].Text(), field["command_line"].Text())
        {
            KernelKey = field.Find("kernel")?.Text() ?? string.Empty,
            Actions = [.. (field.Find("actions")?.Items() ?? []).Select(action => Action(action))],
            ReserveMem = field.Find("reserve_mem") is { } regions ? [.. regions.Items().Select(region => Region(region))] : null,
            LoadLog = [.. (field.Find("kexec_load_log")?.Items() ?? []).Select(line => line.Text())],
            ScratchArray = field.Find("scratch_array_handed_over") is { } areas ? [.. areas.Items().Select(area => Area(area))] : null,
            SetupDataNodePhys = field.Find("setup_data_node_phys")?.Address(),
            Incoming = field.Find("incoming_setup_data") is { } incoming ? Incoming(incoming) : null,
            Handover = field.Find("handover") is { } handover ? Handover(handover) : null,
            Injected = field.Find("injected")?.Text() ?? string.Empty,
            PageblockOrder = field.Find("pageblock_order")?.Number(0, OrderMax),
            MemTotalKib = field.Find("meminfo_kib")?.Find("MemTotal")?.Number(),
        };

    private static CaptureAction Action(in CaptureField field) => new(field["do"].Text())
    {
        Kernel = field.Find("kernel")?.Text() ?? string.Empty,
        CommandLine = field.Find("command_line")?.Text() ?? string.Empty,
        Syscall = field.Find("syscall")?.Text() ?? string.Empty,
        Error = field.Find("error")?.Text() ?? string.Empty,
        Errno = field.Find("errno")?.Number(0, 4095),
        Output = field["do"].Text().Contains("pstore", StringComparison.Ordinal) ? [.. (field.Find("output")?.Items() ?? []).Select(line => line.Text())] : [],
        Phys = field.Find("phys")?.Address() ?? 0,
        SizeBytes = field.Find("length")?.Number() ?? field.Find("bytes")?.Number() ?? 0,
        Label = field.Find("label")?.Text() ?? string.Empty,
        Tag = field.Find("tag")?.Text() ?? string.Empty,
        BadPages = field.Find("bad_pages")?.Number(0, int.MaxValue),
        OldValue = field.Find("old")?.Number() ?? 0,
        NewValue = field.Find("new")?.Number() ?? 0,
    };

    private static CaptureRegion Region(in CaptureField field)
    {
        // Some cases add a remark behind the three values.
        CaptureField[] parts = field.Items();
        if (parts.Length < 3)
        {
            throw field.Complaint("is not a name, an address and a size");
        }

        return new CaptureRegion(parts[0].Text(), parts[1].Address(), parts[2].Size());
    }

    private static ScratchArea Area(in CaptureField field)
    {
        CaptureField[] parts = field.Items(2);
        return new ScratchArea(parts[0].Address(), parts[1].Size());
    }

    private static CaptureSetupData Incoming(in CaptureField field) => new(
        (uint)field["type"].Number(0, int.MaxValue),
        (uint)field["len"].Number(0, int.MaxValue),
        new KhoHandoff(field["fdt_addr"].Number(), field["fdt_size"].Number(), field["scratch_addr"].Number(), field["scratch_size"].Number()));

    private static CaptureHandover Handover(in CaptureField field) => new(
        field["snapshot"].Text(),
        field["root_fdt_phys"].Address(),
        field["compatible"].Text(),
        (uint)field["totalsize"].Number(0, int.MaxValue),
        field["preserved_memory_map"].Number(),
        [.. field["subnodes"].Items().Select(subnode => Subnode(subnode))],
        field.Find("blocks") is { } blocks ? [.. blocks.Items().Select(block => Block(block))] : []);

    private static CaptureSubnode Subnode(in CaptureField field) =>
        new(field["name"].Text(), field["phys"].Address(), field.Find("size")?.Number());

    private static CaptureBlock Block(in CaptureField field)
    {
        CaptureField[] parts = field.Items(2);
        return new CaptureBlock(parts[0].Address(), parts[1].Number(0, OrderMax));
    }
}
