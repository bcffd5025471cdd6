using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using Xunit;

namespace KhoActors.Subsystems.Tests.Memblock;

/// <summary>Every boot of a captured 7.x kernel, cold or by kexec: regions, scratch areas and log lines as captured.</summary>
public sealed class CapturedBootTests
{
    private static readonly string[] Prefixes =
    [
        "Malformed early option 'kho", "KHO: scratch ", "KHO: Failed to reserve", "reserve_mem:", "FDT 'memblock'", "failed to retrieve FDT 'memblock'",
        "Node '", "KHO reserve-mem", "Revived memory", "software IO TLB: swiotlb_memblock_alloc",
    ];

    public static TheoryData<string, int> Generations()
    {
        TheoryData<string, int> generations = [];
        foreach (Capture capture in Capture.All())
        {
            for (int generation = 0; capture.HasGeneration(generation); generation++)
            {
                if (CapturedKernels.Find(capture.Release(generation)) is not null)
                {
                    generations.Add(capture.Name, generation);
                }
            }
        }

        return generations;
    }

    [Theory]
    [MemberData(nameof(Generations))]
    public void A_boot_shows_the_captured_regions_scratch_areas_and_lines(string name, int generation)
    {
        Capture capture = Capture.Open(name);
        (EarlyMemory early, KernelLog log) = Boot(capture, generation);

        Assert.Null(early.Panic);
        Assert.Equal(
            string.Join('\n', capture.Dmesg(generation).Where(IsOurs)),
            string.Join('\n', log.Lines.Where(IsOurs)));

        // The captured regions are those of the published blob, which a kernel with KHO off does not publish.
        ReadOnlySpan<MemblockFdtEntry> published = early.KhoEnabled ? early.ReserveMem.Entries : default;
        Assert.Equal(CaptureText.Of(capture.ReserveMem(generation)), CaptureText.Of(published, capture.ReserveMem(generation)));
        Assert.Equal(CaptureText.Of(capture.ScratchAreas(generation)), CaptureText.Of(early.Scratch.Areas, capture.ScratchAreas(generation)));
        Assert.Equal(CaptureText.Of(capture.HandedOver(generation)), CaptureText.Of(early.Scratch.Areas, capture.HandedOver(generation)));
    }

    internal static (EarlyMemory Early, KernelLog Log) Boot(Capture capture, int generation)
    {
        KernelBuild build = CapturedKernels.Find(capture.Release(generation))!;
        CapturedHandoff? handoff = capture.HasHandoff(generation) ? new CapturedHandoff(capture, generation, build.ExtendsScratch) : null;
        EarlyBootRequest request = new()
        {
            Map = capture.Map(generation),
            Build = build,
            CommandLine = capture.CommandLine(generation),
            Cpus = capture.Cpus,
            ImagePhys = capture.ImagePhys(generation),
            Initrd = capture.Initrd(generation),
            SetupData = handoff?.SetupData ?? [],
        };
        EarlyMemory early = new();
        KernelLog log = new();
        EarlyBoot.Run(handoff?.Memory ?? new PhysicalMemory(), request, early, handoff, log);
        return (early, log);
    }

    private static bool IsOurs(LogLine line) => Prefixes.Any(prefix => line.Text.StartsWith(prefix, StringComparison.Ordinal));
}
