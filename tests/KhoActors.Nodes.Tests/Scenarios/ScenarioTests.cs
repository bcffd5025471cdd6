using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Tests.Scenarios;

public sealed class ScenarioTests
{
    [Theory]
    [InlineData("16 MiB", 16UL << 20)]
    [InlineData("4KiB", 4UL << 10)]
    [InlineData("1GiB", 1UL << 30)]
    [InlineData("2 TiB", 2UL << 40)]
    [InlineData("0x1000", 0x1000UL)]
    [InlineData("5000", 5000UL)]
    [InlineData("5000 B", 5000UL)]
    [InlineData("'8 KiB'", 8UL << 10)]
    public void Read_Size_IsInBytes(string text, ulong bytes) =>
        Assert.Equal(bytes, Fixtures.Read(Fixtures.Minimal + "workload: { memory_limit: " + text + " }").Workload.MemoryLimitBytes);

    [Theory]
    [InlineData("7 ns", 7UL)]
    [InlineData("7us", 7_000UL)]
    [InlineData("10 ms", 10_000_000UL)]
    [InlineData("3 s", 3_000_000_000UL)]
    [InlineData("2 min", 120_000_000_000UL)]
    [InlineData("1 h", 3_600_000_000_000UL)]
    public void Read_Duration_IsInNanosecondTicks(string text, ulong ticks) =>
        Assert.Equal(ticks, Fixtures.Read(Fixtures.Minimal + "workload: { operation_interval: " + text + " }").Workload.OperationIntervalTicks);

    [Theory]
    [InlineData("0", 0)]
    [InlineData("250 ppm", 250)]
    [InlineData("1 %", 10_000)]
    [InlineData("0.5%", 5_000)]
    [InlineData("0.0001 %", 1)]
    [InlineData("100 %", 1_000_000)]
    public void Read_Chance_IsInPartsPerMillion(string text, int partsPerMillion) =>
        Assert.Equal(partsPerMillion, Fixtures.Read(Fixtures.Minimal + "kexec: { cold_boot: " + text + " }").Kexec.ColdBootPartsPerMillion);

    [Fact]
    public void Chains_PlainKernels_AreOneChainThatRepeats()
    {
        KernelChain chain = Assert.Single(Fixtures.Read("name: a\nsummary: b\nkernels: [7.2.13, 7.3-rc7]").Chains);
        Assert.Equal(["7.2.13", "7.3-rc7", "7.2.13"], Enumerable.Range(0, 3).Select(chain.KernelOfGeneration));
    }

    [Fact]
    public void KernelOfGeneration_ChainThatStays_KeepsItsLastKernel()
    {
        KernelChain chain = Assert.Single(Fixtures.Read("name: a\nsummary: b\nkernel_chains: [{ kernels: [7.2.13, 7.3-rc7], after_last: stay }]").Chains);
        Assert.Equal(["7.2.13", "7.3-rc7", "7.3-rc7"], Enumerable.Range(0, 3).Select(chain.KernelOfGeneration));
    }

    [Fact]
    public void CommandLineOfGeneration_Several_Alternate()
    {
        Scenario scenario = Fixtures.Read(Fixtures.Minimal + "command_line: [kho=on, kho=off]");
        Assert.Equal(["kho=on", "kho=off", "kho=on"], Enumerable.Range(0, 3).Select(scenario.CommandLineOfGeneration));
    }

    [Fact]
    public void Weights_FollowTheOrderOfTheOperations()
    {
        foreach (WorkloadOperation operation in Enum.GetValues<WorkloadOperation>())
        {
            string key = string.Concat(operation.ToString().Select((c, i) => i > 0 && char.IsAsciiLetterUpper(c) ? $"_{c}" : $"{c}")).ToLowerInvariant();
            OperationMix mix = Fixtures.Read(Fixtures.Minimal + "workload: { mix: { " + key + ": 9 } }").Workload.Mix;
            Assert.Equal(9, mix.Weights[(int)operation]);
            Assert.Equal(9, mix.Weights.Sum());
        }
    }

    [Fact]
    public void Resolve_KernelThatDoesNotFitTheMemory_IsRefused() =>
        Assert.StartsWith(
            "test.yaml:5:12: hardware[0]: kernel 7.3-rc7 does not fit: its image begins at 0x1000000 and needs ",
            Assert.Throws<ScenarioException>(() => Fixtures.Resolve(Fixtures.Minimal + "hardware: [{ memory: 24 MiB }]")).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Resolve_KernelNamedTwice_IsLoadedOnceInOrderOfMention() =>
        Assert.Equal(
            ["7.3-rc7", "7.1.13"],
            Fixtures.Resolve("name: a\nsummary: b\nkernels: [7.3-rc7, 7.1.13, 7.3-rc7]").Kernels.Select(kernel => kernel.Name));

    [Fact]
    public void Load_UnknownName_SuggestsAScenario() =>
        Assert.Equal(
            $"{Fixtures.ScenarioFolder}: no scenario 'tinyy'; did you mean 'tiny'?",
            Assert.Throws<ScenarioException>(() => Fixtures.Scenarios.Load("tinyy")).Message);

    [Fact]
    public void Load_Path_ReadsThatFile() =>
        Assert.Equal("tiny", Fixtures.Scenarios.Load(Path.Combine(Fixtures.ScenarioFolder, "tiny.yaml")).Scenario.Name);

    [Fact]
    public void List_FileWhoseNameDiffers_IsListedWithItsProblem()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("kho-scenarios-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "other.yaml"), Fixtures.Minimal);
            CatalogEntry entry = Assert.Single(new ScenarioCatalog(folder.FullName, Fixtures.Kernels).List());
            Assert.EndsWith("the file is named 'other' but its name is 'minimal'; they must be the same", entry.Problem!.Message, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
