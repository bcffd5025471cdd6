using System.Text;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Machines;

/// <summary>
/// A kexec image: placed at load (kexec_file_load), copied to its destinations at the jump and not before. Kernel, RAM disk and purgatory
/// are patterns; the scratch array, the command line and KHO's setup_data node are the real bytes.
/// </summary>
internal sealed class LoadedImage
{
    private readonly KexecSegment[] _segments = new KexecSegment[KexecSegments.SegmentsMax];
    private readonly List<ScratchArea> _areas = [];
    private KexecPlan _plan;
    private string _commandLine = string.Empty;
    private string _release = string.Empty;
    private ulong _initrdBytes;

    /// <summary>Whether an image is loaded.</summary>
    public bool IsLoaded { get; private set; }

    /// <summary>Whether it carries hand-over data.</summary>
    public bool HandsOver { get; private set; }

    /// <summary>kexec_file_load: finds a place for every segment.</summary>
    /// <returns>0, -EADDRNOTAVAIL, -EINVAL.</returns>
    public int Load(KernelBuild next, string commandLine, ScratchAreas scratch, MemoryMap map, bool handsOver, ulong totalRamPages)
    {
        _areas.Clear();
        if (handsOver)
        {
            foreach (ScratchArea area in scratch.Areas)
            {
                _areas.Add(area);
            }
        }
        else
        {
            for (int i = map.Ram.Count - 1; i >= 0; i--)
            {
                _areas.Add(new ScratchArea(map.Ram[i].Start, map.Ram[i].End - map.Ram[i].Start));
            }
        }

        KexecImage image = KexecImage.Of(next, commandLine.Length, handsOver ? scratch.Areas.Count : 0);
        int result = KexecSegments.Plan(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_areas), image, totalRamPages, _segments, out _plan);
        IsLoaded = result == 0;
        HandsOver = handsOver && IsLoaded;
        _commandLine = commandLine;
        _release = next.Release;
        _initrdBytes = next.InitrdBytes;
        return result;
    }

    /// <summary>The jump: only the segments' destinations change.</summary>
    /// <returns>What the next kernel starts with.</returns>
    public BootSource CopyToDestinations(PhysicalMemory memory, ScratchAreas scratch, KhoHandoff handoff)
    {
        BootSource source = new(BootKind.Kexec);
        Span<byte> array = stackalloc byte[PageGeometry.SizeBytes];
        array = array[..(HandsOver ? (int)scratch.ArrayBytes : 0)];
        if (HandsOver)
        {
            memory.Read(scratch.ArrayPhys, array);
        }

        foreach (ref readonly KexecSegment segment in _segments.AsSpan(0, _plan.SegmentCount))
        {
            ulong pfn = PageGeometry.PfnOf(segment.Start);
            switch (segment.Kind)
            {
                case KexecSegmentKind.ScratchArray:
                    memory.Zero(pfn, segment.Pages);
                    memory.Write(segment.Start, array);
                    break;
                case KexecSegmentKind.BootParams:
                    memory.Zero(pfn, segment.Pages);
                    memory.Write(segment.Start + KexecImage.BootParamsBytes, Encoding.Latin1.GetBytes(_commandLine));
                    source = WriteSetupData(memory, source, handoff with { ScratchPhys = _plan.ScratchArrayPhys });
                    break;
                case KexecSegmentKind.Kernel:
                    memory.Fill(pfn, segment.Pages, PatternOf(segment.Kind));
                    source = source with { ImagePhys = segment.Start };
                    break;
                case KexecSegmentKind.Initrd:
                    memory.Fill(pfn, segment.Pages, PatternOf(segment.Kind));
                    source = source with { Initrd = new PhysicalRange(segment.Start, _initrdBytes) };
                    break;
                default:
                    memory.Fill(pfn, segment.Pages, PatternOf(segment.Kind));
                    break;
            }
        }

        IsLoaded = false;
        return source;
    }

    /// <summary>Nodes are pushed on the list's head: KHO's first, then the random seed's, which therefore leads.</summary>
    private BootSource WriteSetupData(PhysicalMemory memory, BootSource source, KhoHandoff handoff)
    {
        ulong kho = _plan.SetupDataNodePhys;
        ulong seed = kho + SetupData.KhoNodeBytes;
        if (HandsOver)
        {
            SetupData.WriteKhoNode(memory, kho, 0, handoff);
        }

        memory.WriteUInt64(seed, HandsOver ? kho : 0);
        memory.WriteUInt64(seed + 8, SetupData.RngSeedType | ((KexecImage.RngSeedNodeBytes - SetupData.HeaderBytes) << 32));
        return source with { SetupDataPhys = seed };
    }

    private PagePattern PatternOf(KexecSegmentKind kind)
    {
        ulong seed = (ulong)kind + 1;
        foreach (char letter in _release)
        {
            seed = (seed ^ letter) * 0x0000_0100_0000_01B3UL;
        }

        return new PagePattern(seed, 0);
    }
}
