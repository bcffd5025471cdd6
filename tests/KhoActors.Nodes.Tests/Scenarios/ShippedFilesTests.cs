using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Tests.Scenarios;

/// <summary>What is in config/ is valid, says which schema it follows, and the schemas are those of the records.</summary>
public sealed class ShippedFilesTests
{
    [Fact]
    public void EveryScenario_IsValidAndHasASummary()
    {
        IReadOnlyList<CatalogEntry> entries = new ScenarioCatalog(Fixtures.ScenarioFolder, new KernelCatalog(Fixtures.ShippedKernelFolder)).List();
        Assert.Contains("tiny", entries.Select(entry => entry.Name));
        Assert.Contains("fleet", entries.Select(entry => entry.Name));
        Assert.All(entries, entry => Assert.Equal("", entry.Problem?.Message ?? ""));
        Assert.All(entries, entry => Assert.NotEmpty(entry.Summary));
    }

    [Fact]
    public void EveryShippedKernel_IsValid() =>
        Assert.All(new KernelCatalog(Fixtures.ShippedKernelFolder).List(), entry => Assert.Equal("", entry.Problem?.Message ?? ""));

    [Fact]
    public void EveryYamlFile_BeginsWithItsSchema()
    {
        (string Folder, string Schema)[] shipped =
        [
            (Fixtures.ScenarioFolder, "scenario.schema.json"),
            (Fixtures.ShippedKernelFolder, "kernel.schema.json"),
        ];
        foreach ((string folder, string schema) in shipped)
        {
            Assert.True(File.Exists(Path.Combine(folder, schema)), $"{schema} is not in {folder}");
            Assert.All(Directory.GetFiles(folder, "*.yaml"), file => Assert.Equal($"# yaml-language-server: $schema={schema}", File.ReadLines(file).First()));
        }
    }

    /// <summary>When this fails after a change of a record: the actual text is what to commit.</summary>
    [Fact]
    public void ScenarioSchema_IsTheOneOfTheRecords() =>
        AssertCommitted(Path.Combine(Fixtures.ScenarioFolder, "scenario.schema.json"), JsonSchema.OfScenarios(Documentation()));

    [Fact]
    public void KernelSchema_IsTheOneOfTheRecords() =>
        AssertCommitted(Path.Combine(Fixtures.ShippedKernelFolder, "kernel.schema.json"), JsonSchema.OfKernels(Documentation()));

    [Fact]
    public void Schemas_DescribeEveryField()
    {
        foreach (string schema in new[] { JsonSchema.OfScenarios(Documentation()), JsonSchema.OfKernels(Documentation()) })
        {
            using System.Text.Json.JsonDocument document = System.Text.Json.JsonDocument.Parse(schema);
            AssertDescribed(document.RootElement);
            if (document.RootElement.TryGetProperty("definitions", out System.Text.Json.JsonElement definitions))
            {
                Assert.All(definitions.EnumerateObject(), definition => AssertDescribed(definition.Value));
            }
        }
    }

    [Fact]
    public void Tiny_IsWhatItsCommentsTell()
    {
        ResolvedScenario tiny = Fixtures.Scenarios.Load("tiny");

        Assert.Equal((1, 3, 7UL), (tiny.Scenario.Machines, tiny.Scenario.Kexecs, tiny.Scenario.Seed));
        Assert.Equal(512UL << 20, tiny.Scenario.Hardware[0].MemoryBytes);
        Assert.Equal("7.3-rc7", Assert.Single(tiny.Kernels).Name);
        Assert.Equal(5_000UL, tiny.Scenario.Workload.OperationIntervalTicks);
    }

    [Fact]
    public void Fleet_Has64OperationsPerKexecOnAThousandMachines()
    {
        Scenario fleet = Fixtures.Scenarios.Load("fleet").Scenario;

        Assert.Equal((1000, 20), (fleet.Machines, fleet.Kexecs));
        Assert.Equal(64, fleet.Workload.OperationsPerKexec + fleet.Workload.OperationsAfterLoad);
        Assert.Equal([1UL << 30, 1UL << 30], fleet.Hardware.Select(variant => variant.MemoryBytes ?? variant.NodeBytes.Aggregate((a, b) => a + b)));
    }

    private static string[] Documentation() =>
        [.. new[] { "KhoActors.Nodes.xml", "KhoActors.Subsystems.xml" }.Select(name => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, name)))];

    private static void AssertCommitted(string path, string generated)
    {
        if (Environment.GetEnvironmentVariable("KHO_WRITE_SCHEMAS") == "1")
        {
            File.WriteAllText(path, generated);
        }

        Assert.Equal(generated, File.ReadAllText(path));
    }

    private static void AssertDescribed(System.Text.Json.JsonElement record) =>
        Assert.All(
            record.GetProperty("properties").EnumerateObject(),
            property => Assert.True(property.Value.TryGetProperty("description", out _), property.Name));
}
