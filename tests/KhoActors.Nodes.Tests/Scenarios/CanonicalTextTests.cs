using System.Collections;
using System.Text;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Tests.Scenarios;

/// <summary>What histories store reads back as what it was.</summary>
public sealed class CanonicalTextTests
{
    [Theory]
    [InlineData("tiny")]
    [InlineData("fleet")]
    public void Parse_TextOfAShippedScenario_GivesTheSameValues(string name)
    {
        ResolvedScenario resolved = Fixtures.Scenarios.Load(name);
        AssertRoundTrip(resolved, name);
    }

    [Fact]
    public void Parse_TextOfAnyScenario_GivesTheSameValues()
    {
        for (ulong seed = 1; seed <= 300; seed++)
        {
            AssertRoundTrip(Fixtures.Resolve(RandomScenario(new SplitMix64(seed))), $"seed {seed}");
        }
    }

    [Fact]
    public void ToCanonicalText_SameMeaningWrittenDifferently_IsTheSameText()
    {
        const string other = """
            # other order, other units, defaults written out
            machines: 0x2
            seed: 1
            kernels: "7.3-rc7"
            command_line: ['kho=on']
            hardware: [{ memory: 0x20000000, weight: 1 }]
            workload: { operation_interval: 3000 ns }
            kexec: { cold_boot: 0 % }
            summary: The least that a scenario says
            name: minimal
            """;
        Assert.Equal(Fixtures.Resolve(Fixtures.Minimal).ToCanonicalText(), Fixtures.Resolve(other).ToCanonicalText());
    }

    [Fact]
    public void ToCanonicalText_AnyFieldChanged_ChangesTheText()
    {
        string[] settings =
        [
            "name=b", "summary=b", "seed=2", "machines=3", "kexecs=4", "kernels=7.2.13", "command_line=kho=off", "hardware=[{memory: 1 GiB}]",
            "hardware=[{memory: 512 MiB, cpus: 2}]", "hardware=[{nodes: [512 MiB]}]", "workload.operations_per_kexec=1", "workload.operations_after_load=1",
            "workload.operation_interval=2 ms", "workload.mix.free=1", "workload.range_pages=[2, 600]", "workload.range_pages=[1, 601]",
            "workload.folio_orders=[0, 8]", "workload.blob_size=[1, 2]", "workload.memory_limit=1 MiB", "workload.reserve_mem_patterns=false",
            "kexec.cold_boot=1 ppm", "kexec.panic_without_handover=1 ppm", "kexec.emergency_restart=1 ppm", "kexec.retries=4",
            "kexec.retry_after=1 s", "workload.mix.log=1", "workload.log_line_size=[16, 17]", "script=[{ steps: panic }]",
            "script=[{ generations: 1, steps: panic }]", "script=[{ steps: panic now }]", "hardware=[{memory: 512 MiB, weight: 2}]",
        ];
        HashSet<string> texts = [Fixtures.Resolve(Fixtures.Minimal).ToCanonicalText()];
        Assert.All(settings, setting => Assert.True(texts.Add(Fixtures.Resolve(Fixtures.Minimal, setting).ToCanonicalText()), setting));
    }

    [Fact]
    public void ToCanonicalText_IsOneLineOfJson()
    {
        string text = Fixtures.Scenarios.Load("tiny").ToCanonicalText();
        Assert.DoesNotContain('\n', text);
        using System.Text.Json.JsonDocument document = System.Text.Json.JsonDocument.Parse(text);
        Assert.Equal("tiny", document.RootElement.GetProperty("scenario").GetProperty("name").GetString());
    }

    [Fact]
    public void Parse_TextWithoutANamedKernel_IsRefused()
    {
        ResolvedScenario resolved = Fixtures.Scenarios.Load("tiny");
        string message = Assert.Throws<ScenarioException>(() => ResolvedScenario.Parse((resolved with { Kernels = [] }).ToCanonicalText(), "run 1")).Message;
        Assert.EndsWith("scenario.kernels[0]: no kernel '7.3-rc7' in 'kernels'", message, StringComparison.Ordinal);
    }

    /// <summary>A scenario that uses every field now and then, with texts that need care in YAML and JSON.</summary>
    private static string RandomScenario(SplitMix64 draw)
    {
        string[] texts =
        [
            "a: b", "#", "it's", "\"", "\\", "\\\\\"", "- a", "{", "}", "[", "null", "true", "1", "~", "&a", "*a", "!a", "%", "@", "`", " a ",
            "\u00e9\u4e16", "\U0001F600", "a\\tb", "...", "---",
        ];
        StringBuilder yaml = new("name: any\n");
        yaml.Append("summary: '")
            .Append(texts[draw.Index(texts.Length)].Replace("'", "''", StringComparison.Ordinal))
            .Append(texts[draw.Index(texts.Length)].Replace("'", "''", StringComparison.Ordinal))
            .Append("'\n");
        yaml.Append("seed: ").Append(draw.Next()).Append('\n');
        yaml.Append(draw.Index(2) == 0
            ? "kernels: [7.1.13, 7.3-rc7, 7.1.13]\n"
            : $"kernel_chains:\n  - kernels: 7.2.13\n    weight: {1 + draw.Index(9)}\n  - kernels: [7.1.13, 7.3-rc7]\n    after_last: stay\n");
        string[] hardware =
        [
            $"memory: {32 + draw.Index(100_000)} MiB", $"nodes: [{64 + draw.Index(5000)} MiB, {1 + draw.Index(50)} GiB]",
            $"memory_map: [{{ start: 0, end: 0x9fc00, kind: ram }}, {{ start: 1 MiB, end: {64 + draw.Index(3000)} MiB, kind: ram }}]",
            "memory: 1 GiB, cpus: 64",
        ];
        yaml.Append("hardware: [{ ").Append(hardware[draw.Index(4)]).Append(" }, { weight: 7, ").Append(hardware[draw.Index(4)]).Append(" }]\n");
        yaml.Append("command_line: ['', 'kho=on kho_scratch=").Append(draw.Index(400))
            .Append("%', '").Append(draw.Index(2) == 0 ? "a=\"b c\"" : "x\\y").Append("']\n");
        yaml.Append("workload: { operation_interval: ").Append(1 + draw.Index(1_000_000)).Append(draw.Index(2) == 0 ? " us" : " ns");
        yaml.Append(", mix: { free: 1, allocate: ").Append(draw.Index(9)).Append(" }, range_pages: [1, ").Append(1 + draw.Index(900)).Append("] }\n");
        yaml.Append("kexec: { cold_boot: ").Append(draw.Index(50)).Append('.').Append(draw.Index(10_000)).Append("% }\n");
        return yaml.ToString();
    }

    private static void AssertRoundTrip(ResolvedScenario resolved, string failure)
    {
        string text = resolved.ToCanonicalText();
        ResolvedScenario parsed = ResolvedScenario.Parse(text, failure);
        Assert.True(text == parsed.ToCanonicalText(), failure);
        Assert.True(DeepEquals(resolved, parsed), failure);
    }

    /// <summary>Compares values without the code under test: property by property, lists item by item.</summary>
    private static bool DeepEquals(object? left, object? right)
    {
        if (left is null || right is null || left is string || left.GetType().IsPrimitive || left.GetType().IsEnum)
        {
            return Equals(left, right);
        }

        if (left is IEnumerable items)
        {
            object?[] rightItems = [.. ((IEnumerable)right).Cast<object?>()];
            object?[] leftItems = [.. items.Cast<object?>()];
            return leftItems.Length == rightItems.Length && leftItems.Zip(rightItems).All(pair => DeepEquals(pair.First, pair.Second));
        }

        return left.GetType().GetProperties(System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.Instance)
            .All(property => DeepEquals(property.GetValue(left), property.GetValue(right)));
    }
}
