using System.Text.Json;
using KhoActors.Nodes.Conformance;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Conformance;

public sealed class RealCapturesTests
{
    public static TheoryData<string> Cases()
    {
        TheoryData<string> cases = [];
        foreach (string folder in Directory.EnumerateDirectories(Fixtures.Real).Order(StringComparer.Ordinal))
        {
            cases.Add(Path.GetFileName(folder));
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_captured_chain_is_reproduced(string name)
    {
        IReadOnlyList<CaseResult> results = RealCaptures.Run(Path.Combine(Fixtures.Real, name), Fixtures.Kernels);

        Assert.NotEmpty(results);
        Assert.Empty(results.Where(result => result.Outcome == CaseOutcome.Failed).Select(result => $"{result.Name}: {result.Detail}"));
    }

    [Fact]
    public void Nothing_but_kho_v1_transcripts_and_memory_that_was_not_saved_is_unsupported()
    {
        IReadOnlyList<CaseResult> results = RealCaptures.Run(Fixtures.Real, Fixtures.Kernels);

        // A check that silently finds nothing to compare would pass: the numbers of checks are part of the evidence.
        Assert.Equal(107, results.Count(result => result.Name.EndsWith(" handover", StringComparison.Ordinal)));
        Assert.Equal(107, results.Count(result => result.Name.EndsWith(" tracker", StringComparison.Ordinal)));
        Assert.Equal(104, results.Count(result => result.Name.EndsWith(" hand-off", StringComparison.Ordinal)));
        Assert.Equal(147, results.Count(result => result.Name.EndsWith(" debugfs", StringComparison.Ordinal)));
        Assert.Equal(4, results.Count(result => result.Name.EndsWith(" pstore", StringComparison.Ordinal)));
        Assert.Equal(20, results.Count(result => result.Name.EndsWith(" verdict", StringComparison.Ordinal)));
        Assert.Equal(116, results.Count(result => result.Name.EndsWith(" boot", StringComparison.Ordinal) && result.Outcome == CaseOutcome.Passed));
        Assert.Equal(110, results.Count(result => result.Name.EndsWith(" load", StringComparison.Ordinal)));
        Assert.Equal(2, results.Count(result => result.Name.EndsWith(" crash", StringComparison.Ordinal)));
        Assert.Equal(5, results.Count(result => result.Name.EndsWith(" test_kho", StringComparison.Ordinal)));
        Assert.All(
            results.Where(result => result.Outcome == CaseOutcome.Unsupported),
            result => Assert.True(
                result.Detail.Contains("kho-v1", StringComparison.Ordinal) || !result.Name.Contains(' ')
                || result.Name == "revived-region-in-scratch-crash/gen-10 boot",
                $"{result.Name}: {result.Detail}"));
        Assert.Equal(20 + 33 + 1 + 2, results.Count(result => result.Outcome == CaseOutcome.Unsupported));
    }

    [Theory]
    [InlineData("0x1dc00000", "0x1dc01000", "load")]
    [InlineData("\"preserved_memory_map\": \"0x11b0000\"", "\"preserved_memory_map\": \"0x11b8000\"", "handover")]
    [InlineData("\"setup_data_node_phys\": \"0x1ebfa0c0\"", "\"setup_data_node_phys\": \"0x1ebfa0d0\"", "load")]
    [InlineData("\"fdt_addr\": \"0x1db1000\"", "\"fdt_addr\": \"0x1db2000\"", "hand-off")]
    public void A_wrong_number_in_case_json_fails_the_check_it_belongs_to(string old, string replacement, string check)
    {
        using CaptureFolder folder = new("v4-7.3-explicit");
        folder.Replace("case.json", old, replacement);

        Assert.Contains(
            RealCaptures.Run(folder.Path, Fixtures.Kernels),
            result => result.Outcome == CaseOutcome.Failed && result.Name.EndsWith($" {check}", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("v1-6.19-explicit", "gen-1/dmesg.txt", "KHO: found kexec handover data.", "KHO: disabling KHO revival", "gen-0 verdict")]
    [InlineData("skew-v4-to-v3", "gen-1/dmesg.txt", "KHO: disabling KHO revival", "KHO: found kexec handover data.", "gen-1 boot")]
    public void A_line_that_a_kernel_would_not_print_fails(string name, string file, string old, string replacement, string check)
    {
        using CaptureFolder folder = new(name);
        folder.Replace(file, old, replacement);

        Assert.Contains(
            RealCaptures.Run(folder.Path, Fixtures.Kernels),
            result => result.Outcome == CaseOutcome.Failed && result.Name.EndsWith(check, StringComparison.Ordinal));
    }

    [Fact]
    public void A_generation_folder_is_a_capture_and_uses_the_case_file_above_it()
    {
        string folder = Path.Combine(Fixtures.Real, "v4-7.3-explicit", "gen-1");

        Assert.True(RealCaptures.Recognises(folder));
        IReadOnlyList<CaseResult> results = RealCaptures.Run(folder, Fixtures.Kernels);

        Assert.All(results, result => Assert.StartsWith("v4-7.3-explicit/gen-1 ", result.Name, StringComparison.Ordinal));
        Assert.Equal(6, results.Count(result => result.Outcome == CaseOutcome.Passed));
    }

    [Fact]
    public void A_generation_folder_alone_can_be_inspected()
    {
        using CaptureFolder folder = new("v4-7.3-explicit");
        File.Delete(folder.Full("case.json"));

        CaptureInspection inspection = Assert.Single(CaptureInspection.Read(folder.Full("gen-1")));

        Assert.Equal("7.3.0-rc7-a", inspection.Generation.Description.KernelBuild);
        Assert.Equal(0x11b1000UL, inspection.RootFdtPhys);
        Assert.Equal(9, inspection.Blocks.Count);
    }

    [Fact]
    public void Inspection_of_every_generation_writes_text_and_valid_json()
    {
        foreach (string folder in Directory.EnumerateDirectories(Fixtures.Real))
        {
            foreach (CaptureInspection inspection in CaptureInspection.Read(folder))
            {
                using StringWriter text = new();
                inspection.WriteText(text);
                using MemoryStream stream = new();
                using (Utf8JsonWriter json = new(stream))
                {
                    inspection.WriteJson(json);
                }

                using JsonDocument document = JsonDocument.Parse(stream.ToArray());
                Assert.Equal(inspection.Generation.Name, document.RootElement.GetProperty("capture").GetString());
                Assert.Contains(inspection.Generation.Description.CommandLine, text.ToString(), StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void ReadMemoryMap_of_two_nodes_takes_them_from_the_srat()
    {
        MemoryMap map = Capture.Open(Path.Combine(Fixtures.Real, "v4-7.3-numa2")).Generation(1).ReadMemoryMap();

        Assert.Equal([0, 1], map.Nodes);
        Assert.Equal(1, map.NodeOf(0x10000000));
        Assert.Equal(0x1ffe0000UL, map.End);
    }

    [Fact]
    public void ReadMemoryMap_without_firmware_lines_takes_iomem()
    {
        using CaptureFolder folder = new("v4-7.3-explicit");
        folder.Replace("gen-0/dmesg.txt", "BIOS-e820", "e820");
        Capture damaged = Capture.Open(folder.Path);

        Assert.Equal(damaged.Generation(1).ReadMemoryMap().Ram, damaged.Generation(0).ReadMemoryMap().Ram);
    }
}
