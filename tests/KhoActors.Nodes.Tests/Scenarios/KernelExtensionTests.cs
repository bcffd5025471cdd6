using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Tests.Scenarios;

/// <summary>Kernel files that extend others.</summary>
public sealed class KernelExtensionTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kernels").FullName;

    private KernelCatalog Catalog => new(_folder);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Values_of_the_extended_kernel_hold_unless_the_file_gives_its_own()
    {
        Write("base", "summary: The base\nrelease: 1.2.3\nabi: kho-v4\nlog_buf_shift: 14\nclients: [test_kho]\n");
        Write("middle", "extends: base\nsummary: Between\nlog_buf_shift: 15\n");
        Write("top", "extends: middle\nsummary: On top\nrelease: 4.5.6\n");

        KernelBuild top = Catalog.Find("top")!;

        Assert.Equal(("top", "On top", "4.5.6", 15), (top.Name, top.Summary, top.Release, top.LogBufShift));
        Assert.Equal(["test_kho"], top.Clients);
        Assert.DoesNotContain("\"extends\"", CanonicalText.Of(top), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("extends: nowhere", "top.yaml:2:10: extends: no kernel 'nowhere'; accepted: base, top")]
    [InlineData("extends: bese", "top.yaml:2:10: extends: no kernel 'bese'; did you mean 'base'?")]
    [InlineData("extends: [base]", "top.yaml:2:10: extends: no kernel a list; accepted: base, top")]
    [InlineData("extends: ../base", "top.yaml:2:10: extends: no kernel '../base'; accepted: base, top")]
    [InlineData("extends: top", "top.yaml:2:10: extends: kernels extend each other in a circle, or more than 8 deep")]
    [InlineData("extends: base\nlog_buf_shift: 99", "top.yaml:3:16: log_buf_shift: found 99, accepted: from 12 to 25")]
    [InlineData("extends: base", "base.yaml:4:6: abi: found 'kho-v9'; did you mean 'kho-v1'?")]
    public void What_cannot_be_extended_is_refused_at_its_place(string lines, string expected)
    {
        string abi = expected.Contains("kho-v9", StringComparison.Ordinal) ? "kho-v9" : "kho-v4";
        Write("base", $"summary: The base\nrelease: 1.2.3\nabi: {abi}\n");
        Write("top", lines + "\n");

        string message = Assert.Throws<ScenarioException>(() => Catalog.Load("top")).Message;

        Assert.EndsWith(expected, message.Split('\n')[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_that_stands_alone_extends_nothing() =>
        Assert.Equal(
            "kernel.yaml:1:10: extends: a kernel that stands alone cannot extend another",
            Assert.Throws<ScenarioException>(() => KernelFile.Read("extends: base"u8, "kernel.yaml")).Message);

    private void Write(string name, string rest) => File.WriteAllText(Path.Combine(_folder, $"{name}.yaml"), $"name: {name}\n{rest}");
}
