using System.Globalization;
using System.Text;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using Xunit;

namespace KhoActors.Subsystems.Tests.Memblock;

/// <summary>Cold boots of captured machines: every address must be the captured one.</summary>
public sealed class ColdBootCaptureTests
{
    public static TheoryData<string> Captures()
    {
        TheoryData<string> names = [];
        foreach (Capture capture in Capture.All().Where(capture => CapturedKernels.Find(capture.Release(0)) is not null))
        {
            names.Add(capture.Name);
        }

        return names;
    }

    [Theory]
    [MemberData(nameof(Captures))]
    public void A_cold_boot_chooses_the_captured_addresses(string name)
    {
        Capture capture = Capture.Open(name);
        KernelBuild build = CapturedKernels.Find(capture.Release(0))!;
        EarlyMemory early = new();
        EarlyBootRequest request = EarlyBootRequest.Cold(capture.Map(0), build, capture.CommandLine(0), capture.Cpus) with
        {
            Initrd = capture.Initrd(0),
            ImagePhys = capture.ImagePhys(0),
        };

        Assert.True(EarlyBoot.Run(new PhysicalMemory(), request, early, null, new KernelLog()), early.Panic);

        Assert.Equal(Text(capture.ReserveMem(0)), Text(capture.ReserveMem(0) is null ? null : early.ReserveMem.Entries.ToArray()));
        Assert.Equal(Text(capture.ScratchAreas(0)), Text(capture.ScratchAreas(0) is null ? null : early.Scratch.Areas));
        Assert.Equal(Text(capture.HandedOver(0)), Text(capture.HandedOver(0) is null ? null : early.Scratch.Areas));
    }

    private static string Text(IEnumerable<ScratchArea>? areas) =>
        areas is null ? "not captured" : string.Join(' ', areas.Select(area => string.Create(CultureInfo.InvariantCulture, $"{area.Phys:x}+{area.SizeBytes:x}")));

    private static string Text(IEnumerable<MemblockFdtEntry>? entries) => entries is null
        ? "not captured"
        : string.Join(' ', entries.Select(entry => string.Create(CultureInfo.InvariantCulture, $"{entry.Name}@{entry.Start:x}+{entry.SizeBytes:x}")));
}
