using System.Diagnostics;
using System.Text;

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

    [Fact]
    public void A_history_is_kept_in_the_current_folder_unless_another_is_named()
    {
        using TemporaryFolder folder = new();

        Assert.Contains("scenario tiny, seed 7, run 1 in sqlite:./khoactors.db", RunIn(folder, "run", "tiny").Error, StringComparison.Ordinal);
        Assert.EndsWith("replay: ./kho replay 1 --verify\n", RunIn(folder, "runs", "show", "last").Out, StringComparison.Ordinal);
        Assert.Equal(["khoactors.db"], Directory.GetFiles(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void A_number_is_a_run_whatever_else_is_called_so()
    {
        using TemporaryFolder folder = new();
        folder.Write("1", "no device tree blob");
        RunIn(folder, "run", "tiny");

        (int code, _, string error) = RunIn(folder, "inspect", "1");

        Assert.Equal(0, code);
        Assert.StartsWith("'1' is taken for the run, not for what is called '1' here: ./1\n", error, StringComparison.Ordinal);
        Assert.Contains("not a sound device tree blob", RunIn(folder, "inspect", "./1").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void PostgreSQLs_driver_is_loaded_only_for_PostgreSQL()
    {
        using TemporaryFolder folder = new();
        Assert.DoesNotContain("Npgsql", Loaded(folder, "--version"), StringComparison.Ordinal);
        string recording = Loaded(folder, "run", "tiny");
        Assert.Contains("SQLitePCLRaw", recording, StringComparison.Ordinal);
        Assert.DoesNotContain("Npgsql", recording, StringComparison.Ordinal);
        Assert.Contains("Npgsql", Loaded(folder, "runs", "--store", "postgres://127.0.0.1:1/none"), StringComparison.Ordinal);
    }

    /// <summary>What the runtime tells of loading while the program runs, as text: it names assemblies.</summary>
    private static string Loaded(TemporaryFolder folder, params string[] arguments)
    {
        const string Trace = "trace.nettrace";
        RunIn(folder, arguments, start =>
        {
            start.Environment["DOTNET_EnableEventPipe"] = "1";
            start.Environment["DOTNET_EventPipeConfig"] = "Microsoft-Windows-DotNETRuntime:0x8:4";
            start.Environment["DOTNET_EventPipeOutputPath"] = folder[Trace];
        });
        byte[] trace = File.ReadAllBytes(folder[Trace]);

        // Names may begin at any byte.
        return Encoding.Unicode.GetString(trace) + Encoding.Unicode.GetString(trace.AsSpan(1));
    }

    private static (int Code, string Out, string Error) Run(params string[] arguments) => RunIn(null, arguments);

    private static (int Code, string Out, string Error) RunIn(TemporaryFolder? folder, params string[] arguments) => RunIn(folder, arguments, static _ => { });

    private static (int Code, string Out, string Error) RunIn(TemporaryFolder? folder, string[] arguments, Action<ProcessStartInfo> change)
    {
        string program = typeof(CommandLine).Assembly.Location;
        ProcessStartInfo start = new("dotnet", ["exec", program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.WorkingDirectory = folder?.Path ?? string.Empty;
        change(start);
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}
