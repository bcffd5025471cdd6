using System.Text.RegularExpressions;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using Xunit;

namespace KhoActors.Subsystems.Tests.Memblock;

/// <summary>Kernels booted with <c>memblock=debug</c> print every reservation: what is reserved at the end must be the same bytes.</summary>
public sealed partial class MemblockDebugCaptureTests
{
    [Theory]
    [InlineData("v4-7.3-memblock-debug", 0)]
    [InlineData("v4-7.3-memblock-debug", 1)]
    [InlineData("v4-7.2-default-scale", 0)]
    [InlineData("v4-7.2-default-scale", 1)]
    public void Everything_reserved_is_what_the_kernel_printed(string name, int generation)
    {
        Capture capture = Capture.Open(name);
        (EarlyMemory early, _) = CapturedBootTests.Boot(capture, generation);
        MemblockRegions expected = Replay(capture, generation);

        Assert.Equal(Text(expected), Text(Covered(early.Memblock.Reserved)));
    }

    /// <summary>The printed calls in order, and before them what is reserved before the option is parsed.</summary>
    private static MemblockRegions Replay(Capture capture, int generation)
    {
        MemblockRegions expected = new();
        PhysicalRange initrd = capture.Initrd(generation);
        expected.Add(capture.ImagePhys(generation), CapturedKernels.Find(capture.Release(generation))!.ImageReservedBytes);
        expected.Add(initrd.Phys, initrd.SizeBytes);
        if (capture.HasHandoff(generation))
        {
            foreach (PhysicalRange node in new CapturedHandoff(capture, generation, false).SetupData)
            {
                expected.Add(node.Phys, node.SizeBytes);
            }

            var incoming = capture.Generation(generation).GetProperty("incoming_setup_data");
            expected.Add(Capture.Hex(incoming.GetProperty("scratch_addr").GetString()!), incoming.GetProperty("scratch_size").GetUInt64());
        }

        foreach (LogLine line in capture.Dmesg(generation))
        {
            if (CallLine().Match(line.Text) is { Success: true } call)
            {
                ulong start = Capture.Hex(call.Groups[2].Value);
                ulong size = unchecked(Capture.Hex(call.Groups[3].Value) + 1 - start);
                if (call.Groups[1].Value == "__memblock_reserve")
                {
                    expected.Add(start, size);
                }
                else
                {
                    expected.Remove(start, size);
                }
            }
        }

        return expected;
    }

    private static MemblockRegions Covered(MemblockRegions list)
    {
        MemblockRegions covered = new();
        foreach (MemblockRegion region in list.Regions)
        {
            covered.Add(region.Base, region.SizeBytes);
        }

        return covered;
    }

    private static string Text(MemblockRegions list) => string.Join('\n', list.Regions.ToArray().Select(region => $"{region.Base:x}-{region.End:x}"));

    [GeneratedRegex(@"^(__memblock_reserve|memblock_phys_free): \[(0x\w+)-(0x\w+)\]")]
    private static partial Regex CallLine();
}
