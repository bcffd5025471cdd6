using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Tests.Scenarios;

public sealed class OverrideTests
{
    private const string Yaml = Fixtures.Minimal + """
        hardware:
          - memory: 512 MiB
          - nodes: [512 MiB, 512 MiB]
        command_line: kho=on
        workload:
          operations_per_kexec: 3
        """;

    [Fact]
    public void Set_DottedPath_ReplacesOnlyThatField()
    {
        Scenario scenario = Fixtures.Read(Yaml, "workload.operations_per_kexec=128", "machines=10");

        Assert.Equal(128, scenario.Workload.OperationsPerKexec);
        Assert.Equal(10, scenario.Machines);
        Assert.Equal("minimal", scenario.Name);
    }

    [Fact]
    public void Set_SameKeyTwice_LastWins() => Assert.Equal(3, Fixtures.Read(Yaml, "machines=2", "machines=3").Machines);

    [Fact]
    public void Set_MappingThatTheFileLacks_IsAdded() => Assert.Equal(250, Fixtures.Read(Yaml, "kexec.cold_boot=250 ppm").Kexec.ColdBootPartsPerMillion);

    [Fact]
    public void Set_ItemOfAList_IsAddressedByNumber() =>
        Assert.Equal([512UL << 20, 1UL << 30], Fixtures.Read(Yaml, "hardware.1.nodes.1=1 GiB").Hardware[1].NodeBytes);

    [Fact]
    public void Set_ValueInBrackets_IsYaml() =>
        Assert.Equal(["7.2.13", "7.3-rc7"], Fixtures.Read(Yaml, "kernels=[7.2.13, 7.3-rc7]").Kernels);

    [Theory]
    [InlineData("kho=on kho_scratch=32M,64M,32M reserve_mem=2M:4096:trace")]
    [InlineData("a: b # c")]
    [InlineData("")]
    [InlineData("*alias &anchor !tag")]
    public void Set_CommandLine_NeedsNoQuoting(string line) => Assert.Equal([line], Fixtures.Read(Yaml, "command_line=" + line).CommandLines);

    [Theory]
    [InlineData("machines=x", "--set machines=x: machines: found 'x', expected a whole number")]
    [InlineData("machines=0", "--set machines=0: machines: found 0, accepted: from 1 to 10000000")]
    [InlineData("machnes=1", "--set machnes=1: unknown key 'machnes'; did you mean 'machines'?")]
    [InlineData("workload.mix.fre=x", "--set workload.mix.fre=x: workload.mix.fre: found 'x', expected a whole number")]
    [InlineData("machines", "--set machines: expected path=value with a dotted path, for example workload.operations_per_kexec=128")]
    [InlineData("=1", "--set =1: expected path=value with a dotted path, for example workload.operations_per_kexec=128")]
    [InlineData("a..b=1", "--set a..b=1: expected path=value with a dotted path, for example workload.operations_per_kexec=128")]
    [InlineData("machines.x=1", "--set machines.x=1: machines.x: 'x' lies below '2' at test.yaml:4:11, which has no fields")]
    [InlineData("hardware.2.memory=1 GiB", "--set hardware.2.memory=1 GiB: hardware.2.memory: '2' is not an item of the list at test.yaml:6:3, which has 2 (the first is 0)")]
    [InlineData("hardware.0.memory=1025 KiB", "--set hardware.0.memory=1025 KiB: hardware[0].memory: found 1025 KiB, accepted: from 16 MiB to 32 TiB")]
    [InlineData("kernels=[&a x]", "--set kernels=[&a x]: anchors and aliases are not accepted; write the value out")]
    public void Set_WhatDoesNotFit_NamesTheOption(string setting, string expected) => Assert.Equal(expected, Fixtures.Refusal(Yaml, setting));

    [Fact]
    public void Set_BrokenYaml_NamesTheOption() =>
        Assert.StartsWith("--set kernels=[a: not valid YAML: ", Fixtures.Refusal(Yaml, "kernels=[a"), StringComparison.Ordinal);
}
