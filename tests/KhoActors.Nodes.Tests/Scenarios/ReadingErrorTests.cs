using System.Text;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Tests.Scenarios;

/// <summary>Every kind of mistake, with the exact line that explains it.</summary>
public sealed class ReadingErrorTests
{
    [Theory]
    [InlineData("machnes: 2", "test.yaml:5:1: unknown key 'machnes'; did you mean 'machines'?")]
    [InlineData("kexec:\n  zzz: 1", "test.yaml:6:3: kexec: unknown key 'zzz'; accepted: panic_without_handover, cold_boot, emergency_restart, retries, retry_after")]
    [InlineData("machines: 3", "test.yaml:5:1: the key 'machines' is given twice; its first value is at test.yaml:4:11")]
    [InlineData("kexecs: many", "test.yaml:5:9: kexecs: found 'many', expected a whole number")]
    [InlineData("kexecs: \"5\"", "test.yaml:5:9: kexecs: found the quoted text '5', expected a whole number without quotes")]
    [InlineData("kexecs: [5]", "test.yaml:5:9: kexecs: found a list, expected a whole number")]
    [InlineData("kexecs:", "test.yaml:5:8: kexecs: found nothing, expected a whole number")]
    [InlineData("kexecs: 0", "test.yaml:5:9: kexecs: found 0, accepted: from 1 to 1000000")]
    [InlineData("kexecs: -1", "test.yaml:5:9: kexecs: found -1, accepted: from 1 to 1000000")]
    [InlineData("kexecs: 99999999999999999999", "test.yaml:5:9: kexecs: found '99999999999999999999', which is beyond 64 bits")]
    [InlineData("kexecs: 1.5", "test.yaml:5:9: kexecs: found '1.5', expected a whole number")]
    [InlineData("kexecs: 4 MiB", "test.yaml:5:9: kexecs: found '4 MiB', expected a whole number")]
    [InlineData("workload: 5", "test.yaml:5:11: workload: found '5', expected a mapping")]
    [InlineData("workload:\n  reserve_mem_patterns: yes", "test.yaml:6:25: workload.reserve_mem_patterns: found 'yes', expected true or false")]
    [InlineData("workload:\n  range_pages: [1]", "test.yaml:6:16: workload.range_pages: found a list, expected a list of two: [smallest, largest]")]
    [InlineData("workload:\n  range_pages: [9, 3]", "test.yaml:6:17: workload.range_pages: the smallest value 9 is above the largest 3")]
    [InlineData("workload:\n  folio_orders: [0, 11]", "test.yaml:6:21: workload.folio_orders[1]: found 11, accepted: from 0 to 10")]
    [InlineData("hardware: [{ memory: 16 MB }]", "test.yaml:5:22: hardware[0].memory: found '16 MB' with an unknown unit, expected a size such as 16 MiB, 4KiB, 0x1000 or a number of bytes")]
    [InlineData("hardware: [{ memory: 1 MiB }]", "test.yaml:5:22: hardware[0].memory: found 1 MiB, accepted: from 16 MiB to 32 TiB")]
    [InlineData("workload:\n  operation_interval: 10", "test.yaml:6:23: workload.operation_interval: found '10' without a unit, expected a duration such as 10 ms (units: ns, us, ms, s, min, h)")]
    [InlineData("kexec:\n  cold_boot: 1", "test.yaml:6:14: kexec.cold_boot: found '1' without a unit, expected a chance such as 250 ppm or 0.5 %")]
    [InlineData("kexec:\n  cold_boot: -0.5 %", "test.yaml:6:14: kexec.cold_boot: found '-0.5 %', expected a chance such as 250 ppm or 0.5 %")]
    [InlineData("kexec:\n  cold_boot: 101%", "test.yaml:6:14: kexec.cold_boot: found 101%, accepted: from 0 ppm to 1000000 ppm")]
    [InlineData("hardware: 5", "test.yaml:5:11: hardware: found '5', expected a list")]
    [InlineData("command_line: \"a\\tb\"", "test.yaml:5:15: command_line: the text contains the control character U+0009; it must be one line that can be printed")]
    [InlineData("command_line: null", "test.yaml:5:15: command_line: found nothing (null), expected text; write it in quotes if it is meant")]
    public void Read_OneMistake_SaysWhereAndWhatIsAccepted(string lines, string expected) =>
        Assert.Equal(expected, Fixtures.Refusal(Fixtures.Minimal + lines));

    [Theory]
    [InlineData("kernel_chains: [{ kernels: 7.2.13 }]", "test.yaml:5:16: kernel_chains: give 'kernels' or 'kernel_chains', not both")]
    [InlineData("command_line: []", "test.yaml:5:15: command_line: the list is empty; give at least one command line")]
    [InlineData("hardware: []", "test.yaml:5:11: hardware: the list is empty; give at least one kind of hardware")]
    [InlineData("hardware: [{ memory: 1 GiB, nodes: [1 GiB] }]", "test.yaml:5:12: hardware[0]: exactly one of 'memory', 'nodes' and 'memory_map' describes the memory")]
    [InlineData("hardware: [{ weight: 1 }]", "test.yaml:5:12: hardware[0]: exactly one of 'memory', 'nodes' and 'memory_map' describes the memory")]
    [InlineData("hardware: [{ memory: 0x10001000 }]", "test.yaml:5:22: hardware[0].memory: the size must be a multiple of 1 MiB")]
    [InlineData("hardware: [{ nodes: [1 MiB, 1 GiB] }]", "test.yaml:5:22: hardware[0].nodes[0]: node 0 holds the first MiB and needs at least 2 MiB")]
    [InlineData("hardware: [{ memory: 1 GiB, numa_ranges: [{ start: 0, end: 1 GiB, node: 0 }] }]", "test.yaml:5:42: hardware[0].numa_ranges: node ranges need a 'memory_map'")]
    [InlineData("hardware: [{ memory_map: [{ start: 0, end: 1 GiB, kind: ram }, { start: 1 MiB, end: 2 GiB, kind: ram }] }]", "test.yaml:5:64: hardware[0].memory_map[1]: start 0x100000 lies below 0x40000000, where the entry before it ends; entries ascend")]
    [InlineData("hardware: [{ memory_map: [{ start: 4096, end: 4096, kind: ram }, { start: 1 MiB, end: 2 GiB, kind: ram }] }]", "test.yaml:5:27: hardware[0].memory_map[0]: start 0x1000 is not below end 0x1000")]
    [InlineData("hardware: [{ memory_map: [{ start: 0, end: 1 MiB, kind: ram }] }]", "test.yaml:5:26: hardware[0].memory_map: the entries of kind ram have 1048576 bytes together, accepted: from 16 MiB to 32 TiB")]
    [InlineData("hardware: [{ memory_map: [{ start: 0, end: 1 GiB, kind: rom }] }]", "test.yaml:5:57: hardware[0].memory_map[0].kind: found 'rom'; did you mean 'ram'?")]
    [InlineData("workload:\n  mix: { free: 0 }", "test.yaml:6:8: workload.mix: every weight is 0, so that no operation can be chosen (a mix is complete: what it does not name has weight 0)")]
    [InlineData("kexec: { cold_boot: 60 %, panic_without_handover: 50 % }", "test.yaml:5:8: kexec: the chances of panic_without_handover, cold_boot and emergency_restart add up to more than 100 %")]
    public void Read_FieldsThatContradict_SaysWhichAndWhere(string lines, string expected) =>
        Assert.Equal(expected, Fixtures.Refusal(Fixtures.Minimal + lines));

    [Fact]
    public void Read_SeveralMistakes_ReportsEachOnItsLine() =>
        Assert.Equal(
            """
            test.yaml:5:9: kexecs: found 'x', expected a whole number
            test.yaml:6:1: unknown key 'sed'; did you mean 'seed'?
            """,
            Fixtures.Refusal(Fixtures.Minimal + "kexecs: x\nsed: 1"));

    [Fact]
    public void Read_MissingKeys_NamesEach() =>
        Assert.Equal(
            """
            test.yaml:1:1: the key 'name' is missing
            test.yaml:1:1: the key 'summary' is missing
            """,
            Fixtures.Refusal("machines: 1"));

    [Fact]
    public void Read_MoreMistakesThanAnybodyReads_GivesUp()
    {
        string yaml = string.Concat(Enumerable.Range(0, 1000).Select(i => $"wrong_key_{i}: 1\n"));
        ScenarioException exception = Assert.Throws<ScenarioException>(() => Fixtures.Read(yaml));
        Assert.Equal(21, exception.Problems.Count);
        Assert.Equal("gave up after 20 problems", exception.Problems[^1].Message);
    }

    [Fact]
    public void Resolve_UnknownOperation_SuggestsOneAtItsPlace() =>
        Assert.Equal(
            "test.yaml:6:27: workload.mix.preserve_folios: no operation 'preserve_folios'; did you mean 'preserve_folio'? "
            + "(no kernel of this scenario has clients)",
            Assert.Throws<ScenarioException>(() => Fixtures.Resolve(Fixtures.Minimal + "workload:\n  mix: { preserve_folios: 1 }")).Message);

    [Fact]
    public void Resolve_UnknownKernel_SuggestsOneAtItsPlace() =>
        Assert.Equal(
            "test.yaml:3:11: kernels[0]: no kernel '7.3-rc8'; did you mean '7.3-rc7'?",
            Assert.Throws<ScenarioException>(() => Fixtures.Resolve("name: a\nsummary: b\nkernels: [7.3-rc8]")).Message);

    [Theory]
    [InlineData("name: &a x", "test.yaml:1:7: anchors and aliases are not accepted; write the value out")]
    [InlineData("name: *a", "test.yaml:1:7: anchors and aliases are not accepted; write the value out")]
    [InlineData("name: !!binary x", "test.yaml:1:7: tags are not accepted; the field decides the type")]
    [InlineData("name: !System.Diagnostics.Process x", "test.yaml:1:7: tags are not accepted; the field decides the type")]
    [InlineData("a: 1\n---\nb: 1", "test.yaml:2:1: a second document begins here; a file holds one")]
    [InlineData("? [a]\n: 1", "test.yaml:1:3: a list cannot be a key")]
    [InlineData("", "test.yaml:1:1: the file is empty")]
    [InlineData("[1]", "test.yaml:1:1: found a list, expected a mapping")]
    [InlineData("a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]", "test.yaml:1:19: nested deeper than 16 levels")]
    public void Read_YamlThatIsNotAccepted_IsRefused(string yaml, string expected) => Assert.Equal(expected, Fixtures.Refusal(yaml));

    [Theory]
    [InlineData("name: [a", 2)]
    [InlineData("name: \"a", 1)]
    [InlineData("a: 1\n\tb: 2", 1)]
    [InlineData("a: 1\n b: 2", 2)]
    public void Read_BrokenYaml_SaysWhere(string yaml, int line)
    {
        ScenarioProblem problem = Assert.Single(Assert.Throws<ScenarioException>(() => Fixtures.Read(yaml)).Problems);
        Assert.StartsWith("not valid YAML: ", problem.Message, StringComparison.Ordinal);
        Assert.Equal(line + ": " + problem, problem.Position.Line + ": " + problem);
        Assert.DoesNotContain('\n', problem.Message);
    }

    [Fact]
    public void Read_BytesThatAreNotUtf8_AreRefused() =>
        Assert.Equal(
            "test.yaml: the file is not UTF-8 (byte 6)",
            Assert.Throws<ScenarioException>(() => ScenarioFile.Read([.. "name: "u8, 0xff], "test.yaml")).Message);

    [Fact]
    public void Read_TooLarge_IsRefusedUnread() =>
        Assert.Equal(
            "test.yaml: the file has 1048577 bytes; at most 1048576 are read",
            Assert.Throws<ScenarioException>(() => ScenarioFile.Read(new byte[(1 << 20) + 1], "test.yaml")).Message);

    [Theory]
    [InlineData("[")]
    [InlineData("{")]
    [InlineData("- ")]
    [InlineData("? ")]
    [InlineData("a: {")]
    [InlineData("\"\\")]
    [InlineData("[a, ")]
    [InlineData("- a\n")]
    [InlineData("'")]
    [InlineData("a\n")]
    [InlineData("#")]
    [InlineData("%")]
    [InlineData("|\n")]
    public void Read_OneMebibyteOfOneToken_IsRefusedSoon(string token)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(token, (1 << 20) / token.Length)));
        Assert.Throws<ScenarioException>(() => ScenarioFile.Read(bytes, "test.yaml"));
    }
}
