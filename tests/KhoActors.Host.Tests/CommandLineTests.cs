namespace KhoActors.Host.Tests;

public class CommandLineTests
{
    [Fact]
    public void An_unknown_command_is_refused_in_one_line()
    {
        ProgramRun run = ProgramRun.Of("frobnicate");

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Equal("kho: unknown command or option 'frobnicate'; see kho --help", run.ErrorLine);
        Assert.Empty(run.Out);
    }

    [Theory]
    [InlineData("doctor")]
    [InlineData("scenarios")]
    [InlineData("kernels")]
    [InlineData("bench")]
    public void An_unknown_option_is_refused_in_one_line(string command)
    {
        ProgramRun run = ProgramRun.Of(command, "--no-such-option");

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Equal($"kho: unknown command or option '--no-such-option'; see kho {command} --help", run.ErrorLine);
    }

    [Fact]
    public void No_command_is_refused_in_one_line()
    {
        ProgramRun run = ProgramRun.Of();

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("kho --help", run.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_lists_every_command_and_succeeds()
    {
        ProgramRun run = ProgramRun.Of("--help");

        Assert.Equal(ExitCode.Held, run.ExitCode);
        Assert.Empty(run.Error);
        string[] commands =
        [
            "run", "node", "runs", "replay", "export", "conformance", "inspect", "scenarios", "kernels", "validate", "doctor", "bench", "test",
        ];
        Assert.All(commands, command => Assert.Contains($"\n  {command} ", run.Out, StringComparison.Ordinal));
    }

    [Fact]
    public void A_missing_argument_is_a_usage_error() => Assert.Equal(ExitCode.Usage, ProgramRun.Of("inspect").ExitCode);

    [Fact]
    public void A_message_that_quotes_several_lines_becomes_one()
    {
        ProgramRun run = ProgramRun.Of("run", "--machines", "1\nx");

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("--machines '1 x': a whole number from 1 to", run.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Tests_are_left_to_the_launcher_whatever_their_arguments()
    {
        ProgramRun run = ProgramRun.Of("test", "--filter", "Name");

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("./kho test", run.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void An_interrupted_command_says_so()
    {
        ProgramRun run = ProgramRun.Of(new CancellationToken(canceled: true), "conformance", ProgramRun.InTree("tests/data/real/v4-7.3-explicit"));

        Assert.Equal(ExitCode.Interrupted, run.ExitCode);
        Assert.Equal("kho: interrupted", run.ErrorLine);
    }

    [Theory]
    [InlineData(ExitCode.Held, 0)]
    [InlineData(ExitCode.Violated, 1)]
    [InlineData(ExitCode.Inconclusive, 2)]
    [InlineData(ExitCode.Diverged, 3)]
    [InlineData(ExitCode.Usage, 64)]
    [InlineData(ExitCode.Defect, 70)]
    [InlineData(ExitCode.StoreFailure, 74)]
    [InlineData(ExitCode.Interrupted, 130)]
    public void Exit_codes_are_a_promise(object code, int number) => Assert.Equal(number, (int)code);
}
