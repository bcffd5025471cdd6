using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Tests.Scenarios;

/// <summary>Generated memory maps are those that captured kernels printed.</summary>
public sealed class HardwareTests
{
    private const ulong Mebi = 1UL << 20;
    private const ulong Gibi = 1UL << 30;

    [Theory]
    [InlineData("v4-7.3-explicit", 512 * Mebi)]
    [InlineData("v4-7.3-8g", 8 * Gibi)]
    public void FromMemory_SizesOfCapturedMachines_GiveTheirFirmwareMap(string capture, ulong memoryBytes) =>
        Assert.Equal(Captured(capture), MachineHardware.FromMemory(memoryBytes).MemoryMap);

    [Fact]
    public void FromNodes_TwoNodesOf256MiB_AreTheCapturedMachine()
    {
        MachineHardware hardware = MachineHardware.FromNodes([256 * Mebi, 256 * Mebi]);

        Assert.Equal(Captured("v4-7.3-numa2"), hardware.MemoryMap);
        Assert.Equal([new(0, 0xa0000, 0), new(0x100000, 0x10000000, 0), new(0x10000000, 0x20000000, 1)], hardware.NumaRanges);
    }

    [Fact]
    public void FromNodes_NodeAcrossTheHoleBelow4GiB_ContinuesAboveIt() =>
        Assert.Equal(
            [new(0, 0xa0000, 0), new(0x100000, 0x40000000, 0), new(0x40000000, 0x80000000, 1), new(0x100000000, 0x180000000, 1)],
            MachineHardware.FromNodes([Gibi, 3 * Gibi]).NumaRanges);

    [Theory]
    [InlineData(2815 * Mebi, 2815 * Mebi - 0x20000)]
    [InlineData(2816 * Mebi, 0x80000000 - 0x20000)]
    public void FromMemory_LowRam_IsSplitFrom2816MiBOn(ulong memoryBytes, ulong endOfLowRam) =>
        Assert.Equal(endOfLowRam, MachineHardware.FromMemory(memoryBytes).MemoryMap[3].End);

    [Fact]
    public void FromMemory_12TiB_LiesAboveTheHyperTransportRange()
    {
        MachineHardware hardware = MachineHardware.FromMemory(12 * 1024 * Gibi);
        Assert.Equal(new FirmwareRange(0x10000000000, 0x10000000000 + (12 * 1024 * Gibi) - (2 * Gibi), FirmwareRangeKind.Ram), hardware.MemoryMap[^1]);
    }

    [Fact]
    public void Generated_AnyNodes_AscendWithoutOverlapAndLoseOnlyFirmwareMemory()
    {
        for (ulong seed = 1; seed <= 2000; seed++)
        {
            SplitMix64 draw = new(seed);
            ulong[] nodes = [.. Enumerable.Range(0, 1 + draw.Index(5)).Select(_ => (ulong)(16 + draw.Index(draw.Index(4) == 0 ? 1_000_000 : 3000)) * Mebi)];
            MachineHardware hardware = MachineHardware.FromNodes(nodes);
            ulong total = nodes.Aggregate((a, b) => a + b);

            string failure = $"seed {seed}: {string.Join(' ', nodes)}";
            Assert.True(Ascend(hardware.MemoryMap.Select(entry => (entry.Start, entry.End))), failure);
            Assert.True(Ascend(hardware.NumaRanges.Select(range => (range.Start, range.End))), failure);
            ulong ram = hardware.MemoryMap.Where(entry => entry.Kind == FirmwareRangeKind.Ram).Aggregate(0UL, (sum, entry) => sum + entry.End - entry.Start);
            Assert.True(ram == total - 0x20000 - (0x100000 - 0x9fc00), failure);
            for (int node = 0; node < nodes.Length; node++)
            {
                ulong size = hardware.NumaRanges.Where(range => range.Node == node).Aggregate(0UL, (sum, range) => sum + range.End - range.Start);
                Assert.True(size == nodes[node] - (node == 0 ? 0x60000UL : 0), failure);
            }

            Assert.All(hardware.MemoryMap.Where(entry => entry.Kind == FirmwareRangeKind.Ram && entry.Start != 0), entry => Assert.True(
                hardware.NumaRanges.Any(range => range.Start <= entry.Start && entry.Start < range.End)
                && hardware.NumaRanges.Any(range => range.Start < entry.End && entry.End <= range.End), failure));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(15 * Mebi)]
    [InlineData((16 * Mebi) + 4096)]
    [InlineData((32768 * Gibi) + Mebi)]
    public void FromMemory_ImpossibleSize_Throws(ulong memoryBytes) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => MachineHardware.FromMemory(memoryBytes));

    [Fact]
    public void ToMachineHardware_EachDescription_IsUsed()
    {
        IReadOnlyList<HardwareVariant> variants = Fixtures.Read(Fixtures.Minimal + """
            hardware:
              - memory: 1 GiB
              - nodes: [512 MiB, 512 MiB]
              - memory_map: [{ start: 1 MiB, end: 64 MiB, kind: ram }, { start: 64 MiB, end: 65 MiB, kind: reserved }]
                numa_ranges: [{ start: 0, end: 65 MiB, node: 1 }]
            """).Hardware;

        Assert.Equal(MachineHardware.FromMemory(Gibi).MemoryMap, variants[0].ToMachineHardware().MemoryMap);
        Assert.Equal([0, 0, 1], variants[1].ToMachineHardware().NumaRanges.Select(range => range.Node));
        Assert.Equal(
            [new(Mebi, 64 * Mebi, FirmwareRangeKind.Ram), new(64 * Mebi, 65 * Mebi, FirmwareRangeKind.Reserved)],
            variants[2].ToMachineHardware().MemoryMap);
        Assert.Equal([new(0, 65 * Mebi, 1)], variants[2].ToMachineHardware().NumaRanges);
    }

    private static bool Ascend(IEnumerable<(ulong Start, ulong End)> ranges)
    {
        ulong end = 0;
        foreach ((ulong start, ulong rangeEnd) in ranges)
        {
            if (start < end || rangeEnd <= start)
            {
                return false;
            }

            end = rangeEnd;
        }

        return true;
    }

    private static List<FirmwareRange> Captured(string capture)
    {
        string folder = Path.Combine(Fixtures.Root, "tests", "data", "real", capture, "gen-0");
        List<FirmwareRange> entries = [];
        IEnumerable<string> logs = Directory.GetFiles(folder).Where(file => Path.GetFileName(file).StartsWith("dmesg", StringComparison.Ordinal));
        foreach (string line in logs.SelectMany(File.ReadLines))
        {
            System.Text.RegularExpressions.Match match = System.Text.RegularExpressions.Regex.Match(
                line, "BIOS-e820: \\[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\\] +(System RAM|device reserved)");
            if (match.Success)
            {
                entries.Add(new FirmwareRange(
                    Convert.ToUInt64(match.Groups[1].Value, 16),
                    Convert.ToUInt64(match.Groups[2].Value, 16) + 1,
                    match.Groups[3].Value == "System RAM" ? FirmwareRangeKind.Ram : FirmwareRangeKind.Reserved));
            }
        }

        return entries;
    }
}
