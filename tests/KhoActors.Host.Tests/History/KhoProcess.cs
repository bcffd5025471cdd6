using System.Diagnostics;

namespace KhoActors.Host.Tests.History;

/// <summary>The built program as a process of its own, which works on a history.</summary>
internal sealed class KhoProcess : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _out;
    private readonly Task<string> _error;

    private KhoProcess(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        _process = Process.Start(start)!;
        _out = _process.StandardOutput.ReadToEndAsync();
        _error = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>Whether it has ended.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>Starts the program.</summary>
    public static KhoProcess Start(string address, params string[] arguments) =>
        new(new ProcessStartInfo("dotnet", ["exec", typeof(CommandLine).Assembly.Location, .. arguments, "--store", address]));

    /// <summary>Sends a signal, by its name without SIG.</summary>
    public void Signal(string name)
    {
        using Process kill = Process.Start("kill", ["-s", name, $"{_process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Ends it with SIGKILL.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>What it left.</returns>
    public ProgramRun End()
    {
        _process.WaitForExit();
        return new ProgramRun((ExitCode)_process.ExitCode, _out.GetAwaiter().GetResult(), _error.GetAwaiter().GetResult());
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }
}
