using System.Text;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Tests.Scenarios;

/// <summary>Damaged files are refused with the documented exception or read; nothing else ever happens.</summary>
public sealed class HostileInputTests
{
    private static readonly string[] Fragments =
    [
        "&a ", "*a", "!!str ", "? ", ": ", "- ", "[", "]", "{", "}", "\"", "'", "|\n", ">-\n", "\t", "\r", "\n", "\0", "#",
        "---\n", "...\n", "%YAML 1.2\n", "<<: ",
        "~", "null", "0x", "-", "-1", "99999999999999999999999999999999999999999", "1e9", ".inf", "18446744073709551615", " TiB", "%", " ppm",
        "\u0085", "\u2028", "\ufeff", "\U0001F600", "name: x\n", "kernels: []\n", "  - weight: 0\n", "\\ud800",
        "memory_map: [{start: 0, end: 0xffffffffffffffff, kind: ram}]", "1.0.0.0",
    ];

    [Theory]
    [InlineData("config/scenarios/tiny.yaml", 2000)]
    [InlineData("config/scenarios/fleet.yaml", 2000)]
    [InlineData("tests/KhoActors.Nodes.Tests/Scenarios/kernels/7.3-rc7.yaml", 2000)]
    public void Read_MutatedFile_IsReadOrRefused(string path, int mutations)
    {
        byte[] original = File.ReadAllBytes(Path.Combine(Fixtures.Root, path));
        int refused = 0;
        for (int seed = 1; seed <= mutations; seed++)
        {
            byte[] mutated = Mutate(original, new SplitMix64((ulong)seed));
            refused += Attempt(() => ReadAny(path, mutated), $"{path}, seed {seed}:\n{Encoding.UTF8.GetString(mutated)}") ? 1 : 0;
        }

        Assert.InRange(refused, mutations / 2, mutations - 1);
    }

    [Fact]
    public void Parse_MutatedCanonicalText_IsReadOrRefused()
    {
        byte[] original = Encoding.UTF8.GetBytes(Fixtures.Scenarios.Load("tiny").ToCanonicalText());
        for (int seed = 1; seed <= 1000; seed++)
        {
            string mutated = Encoding.UTF8.GetString(Mutate(original, new SplitMix64((ulong)seed)));
            Attempt(() => ResolvedScenario.Parse(mutated, "run"), $"seed {seed}:\n{mutated}");
        }
    }

    [Fact]
    public void Set_RandomSettings_AreAppliedOrRefused()
    {
        string[] paths =
        [
            "machines", "hardware.0", "hardware.0.memory", "hardware.0.nodes", "workload", "workload.mix.free", "kernels.0", "kernels", "a.b.c",
            ".", "0", "command_line", "kexec.cold_boot",
        ];
        for (int seed = 1; seed <= 1000; seed++)
        {
            SplitMix64 draw = new((ulong)seed);
            string value = string.Concat(Enumerable.Range(0, draw.Index(4)).Select(_ => Fragments[draw.Index(Fragments.Length)]));
            string setting = paths[draw.Index(paths.Length)] + "=" + value;
            Attempt(() => Fixtures.Scenarios.Load("fleet", [setting]), $"seed {seed}: {setting}");
        }
    }

    [Theory]
    [InlineData("a: &a [x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nd: [*c, *c, *c, *c]")]
    [InlineData("a: &a {b: *a}")]
    [InlineData("<<: &x {}\nname: *x")]
    public void Read_AliasesThatMultiply_AreRefusedAtTheFirstAnchor(string yaml) =>
        Assert.StartsWith("test.yaml:1:", Fixtures.Refusal(yaml), StringComparison.Ordinal);

    [Fact]
    public void Load_DirectoryOrMissingFile_IsRefused()
    {
        Assert.Throws<ScenarioException>(() => Fixtures.Scenarios.Load(Fixtures.ScenarioFolder + "/"));
        Assert.Throws<ScenarioException>(() => Fixtures.Scenarios.Load("no/such/file.yaml"));
        Assert.Throws<ScenarioException>(() => Fixtures.Kernels.Load("a\0b.yaml"));
    }

    private static void ReadAny(string path, byte[] bytes)
    {
        if (path.Contains("kernels", StringComparison.Ordinal))
        {
            KernelFile.Read(bytes, path);
        }
        else
        {
            ScenarioFile.Resolve(bytes, path, [], Fixtures.Kernels);
        }
    }

    /// <summary>Whether the action was refused; any other exception fails the test with what caused it.</summary>
    private static bool Attempt(Action action, string cause)
    {
        try
        {
            action();
            return false;
        }
        catch (ScenarioException exception)
        {
            Assert.NotEmpty(exception.Problems);
            Assert.DoesNotContain(exception.Problems, problem => problem.ToString().AsSpan().ContainsAny('\n', '\r', '\0'));
            return true;
        }
#pragma warning disable CA1031 // The point of the test: whatever escapes is the finding.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Assert.Fail($"{exception}\ncaused by {cause}");
            return false;
        }
    }

    private static byte[] Mutate(byte[] original, SplitMix64 draw)
    {
        List<byte> bytes = [.. original];
        for (int edits = 1 + draw.Index(3); edits > 0; edits--)
        {
            int at = draw.Index(bytes.Count + 1);
            int length = Math.Min(draw.Index(12), bytes.Count - at);
            switch (draw.Index(5))
            {
                case 0:
                    bytes.RemoveRange(at, length);
                    break;
                case 1:
                    bytes.InsertRange(draw.Index(bytes.Count + 1), bytes.GetRange(at, length));
                    break;
                case 2 when at < bytes.Count:
                    bytes[at] = (byte)draw.Index(draw.Index(4) == 0 ? 256 : 128);
                    break;
                case 3:
                    bytes.RemoveRange(at, length);
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(Fragments[draw.Index(Fragments.Length)]));
                    break;
                default:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(Fragments[draw.Index(Fragments.Length)]));
                    break;
            }
        }

        return [.. bytes];
    }
}
