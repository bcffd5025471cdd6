using System.Diagnostics;

namespace KhoActors.Host.Tests;

/// <summary>The built program as a process: what only a process shows.</summary>
public class ProcessTests
{
    [Fact]
    public void The_version_is_one_line() => Assert.Matches(@"^\d+\.\d+\.\d+\s*$", Run("--version").Out);

    [Fact]
    public void The_exit_code_and_the_streams_reach_the_shell()
    {
        (int code, string output, string error) = Run("no-such-command");

        Assert.Equal((64, string.Empty), (code, output));
        Assert.StartsWith("kho: unknown command", error, StringComparison.Ordinal);
    }

    private static (int Code, string Out, string Error) Run(params string[] arguments)
    {
        string program = typeof(CommandLine).Assembly.Location;
        ProcessStartInfo start = new("dotnet", ["exec", program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}
