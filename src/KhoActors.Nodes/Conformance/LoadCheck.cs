using System.Globalization;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>Repeats every captured kexec_file_load: our placement must give the loader's segments, and fail where the real load failed.</summary>
internal static class LoadCheck
{
    private const ulong UsualAlignment = 0x200000;
    private const ulong UsualPreferredAddress = 0x1000000;

    /// <summary>Checks the loads of a generation.</summary>
    /// <returns>The result, or null when the generation loaded nothing by this syscall.</returns>
    public static CaseResult? Run(CaptureGeneration generation)
    {
        CaptureAction[] actions = [.. generation.Description.Actions.Where(action => action.IsFileLoad)];
        if (actions.Length == 0)
        {
            return null;
        }

        string name = $"{generation.Name} load";
        IReadOnlyList<KexecLoadLog> logs = KexecLoadLog.Parse(generation.Description.LoadLog);
        if (logs.Count < actions.Length)
        {
            return CaseResult.Skip(name, $"{actions.Length} loads, but the log shows {logs.Count}: loader debugging was off");
        }

        Differences differences = new();
        for (int i = 0; i < actions.Length; i++)
        {
            bool last = i == actions.Length - 1;
            if (!Compare(generation, actions[i], last, logs[logs.Count - actions.Length + i], differences))
            {
                return CaseResult.Skip(name, "the load failed before the size of the kernel image was printed, and kernels.json does not tell it");
            }
        }

        return differences.Result(name);
    }

    /// <summary>Where the loader searched: scratch, or without KHO all system RAM from the top down.</summary>
    public static ScratchArea[] Areas(CaptureGeneration generation)
    {
        if (generation.Description.ScratchArray is { } handedOver)
        {
            return [.. handedOver];
        }

        if (generation.ReadDebugfs("out/scratch_phys") is { } addresses && generation.ReadDebugfs("out/scratch_len") is { } sizes)
        {
            return ScratchFiles.Parse(generation.Name, addresses, sizes);
        }

        return [.. generation.ReadIomem()
            .Where(range => range.Kind == FirmwareRangeKind.Ram).Reverse().Select(range => new ScratchArea(range.Start, range.End - range.Start))];
    }

    /// <summary>Where our loader puts the image of a generation's last load, which is the one that was executed.</summary>
    /// <param name="generation">The generation that loads.</param>
    /// <param name="places">The addresses, when it can be said.</param>
    /// <returns>Whether the capture tells enough and the load succeeds.</returns>
    public static bool TryPlan(CaptureGeneration generation, out KexecPlaces places)
    {
        places = default;
        CaptureAction? load = generation.Description.Actions.LastOrDefault(action => action.IsFileLoad);
        IReadOnlyList<KexecLoadLog> logs = KexecLoadLog.Parse(generation.Description.LoadLog);
        if (load is null || logs.Count == 0 || Image(generation, load, last: true, logs[^1]) is not { } image)
        {
            return false;
        }

        ScratchArea[] areas = Areas(generation);
        image = image with { ScratchAreas = AreasCarried(generation, load, areas.Length) };
        KexecSegment[] segments = new KexecSegment[KexecSegments.SegmentsMax];
        bool planned = KexecSegments.Plan(areas, image, ulong.MaxValue, segments, out KexecPlan plan) == 0;
        places = new KexecPlaces(plan, [.. areas.Take(image.ScratchAreas)]);
        return planned;
    }

    /// <summary>How many scratch areas the image carried: none without KHO, nor (up to 6.18) when it was not finalized before the load.</summary>
    private static int AreasCarried(CaptureGeneration generation, CaptureAction load, int areas)
    {
        bool kho = generation.Description.ScratchArray is not null || generation.ReadDebugfs("out/scratch_phys") is not null;
        if (!kho)
        {
            return 0;
        }

        bool finalized = generation.Description.Actions
            .TakeWhile(action => action != load)
            .LastOrDefault(action => action.Finalizes is not null)?.Finalizes ?? false;
        return !generation.Release.FinalizesBeforeLoad || finalized ? areas : 0;
    }

    private static bool Compare(CaptureGeneration generation, CaptureAction load, bool last, KexecLoadLog log, Differences differences)
    {
        ScratchArea[] areas = Areas(generation);
        if (Image(generation, load, last, log) is not { } image)
        {
            return false;
        }

        image = image with { ScratchAreas = AreasCarried(generation, load, areas.Length) };
        ulong ramPages = generation.Description.MemTotalKib is { } kib ? (kib << 10) >> PageGeometry.Shift : ulong.MaxValue;
        KexecSegment[] segments = new KexecSegment[KexecSegments.SegmentsMax];
        int result = KexecSegments.Plan(areas, image, ramPages, segments, out KexecPlan plan);
        KexecSegment[] placed = segments[..plan.SegmentCount];
        differences.Equal("result of the load", load.Errno is { } errno and not 0 ? Errno.Symbol(-errno) : "0", Errno.Symbol(result));
        differences.Lists("loader lines", log.Placements, [.. placed.Select(Line).OfType<string>()]);
        if (result == 0)
        {
            differences.Lists("segments", log.Segments, [.. placed.Select(s => new LoggedSegment(s.BufferBytes, s.Start, s.SizeBytes))]);
            CompareHandOff(generation, image, plan, differences);
        }

        return true;
    }

    private static void CompareHandOff(CaptureGeneration generation, in KexecImage image, in KexecPlan plan, Differences differences)
    {
        if (generation.Description.SetupDataNodePhys is { } node)
        {
            differences.Hex("setup_data node", node, plan.SetupDataNodePhys);
        }

        if (generation.Next?.Description.Incoming is { } incoming)
        {
            differences.Hex("scratch array", incoming.Handoff.ScratchPhys, plan.ScratchArrayPhys);
            differences.Hex("scratch array size", incoming.Handoff.ScratchSizeBytes, image.ScratchArrayBytes);
        }
    }

    /// <summary>What was loaded: sizes of the files from the log, needs of the image from kernels.json where it names the build.</summary>
    private static KexecImage? Image(CaptureGeneration generation, CaptureAction load, bool last, KexecLoadLog log)
    {
        // The kernel is the last but one segment when an initrd was loaded, which every captured load did.
        LoggedSegment? kernel = log.Segments.Count >= 4 ? log.Segments[^2] : null;
        LoggedSegment? initrd = log.Segments.Count >= 4 ? log.Segments[^1] : null;
        CaptureKernel? build = Build(generation, load, last);
        if ((build?.InitSizeBytes ?? kernel?.SizeBytes) is not { } initSize)
        {
            return null;
        }

        return new KexecImage
        {
            KernelBytes = kernel?.BufferBytes ?? 0,
            InitSizeBytes = initSize,
            AlignmentBytes = build?.AlignmentBytes ?? UsualAlignment,
            PreferredAddress = build?.PreferredAddress ?? UsualPreferredAddress,
            InitrdBytes = initrd?.BufferBytes ?? 0,
            CommandLineLength = load.CommandLine.Length,
            ScratchAreas = 0,
        };
    }

    private static CaptureKernel? Build(CaptureGeneration generation, CaptureAction load, bool last)
    {
        Capture capture = generation.Capture;
        string? name = last && load.Errno is null or 0 ? generation.Next?.Description.KernelBuild : null;
        name ??= capture.Generations.FirstOrDefault(other => other.Description.KernelKey == load.Kernel && load.Kernel.Length > 0)?.Description.KernelBuild;
        return name is null ? null : capture.Kernels.Find(name);
    }

    private static string? Line(KexecSegment segment) => segment.Kind switch
    {
        KexecSegmentKind.Purgatory => $"Loaded purgatory at 0x{segment.Start:x}",
        KexecSegmentKind.BootParams => Sizes("boot_param, command line and misc", segment, segment.SizeBytes),
        KexecSegmentKind.Kernel => Sizes("64bit kernel", segment, segment.SizeBytes),
        // For the initrd the loader prints the size before rounding.
        KexecSegmentKind.Initrd => Sizes("initrd", segment, segment.BufferBytes),
        _ => null,
    };

    private static string Sizes(string what, KexecSegment segment, ulong sizeBytes) => string.Create(
        CultureInfo.InvariantCulture, $"Loaded {what} at 0x{segment.Start:x} bufsz=0x{segment.BufferBytes:x} memsz=0x{sizeBytes:x}");
}

/// <summary>Where a load put what the next kernel is handed.</summary>
/// <param name="Plan">The scratch array's segment and the setup_data node.</param>
/// <param name="Areas">The areas in the array; none when the image carries no hand-over.</param>
internal readonly record struct KexecPlaces(KexecPlan Plan, IReadOnlyList<ScratchArea> Areas);
