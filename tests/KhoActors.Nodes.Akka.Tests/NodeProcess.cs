using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace KhoActors.Nodes.Akka.Tests;

/// <summary>The program <c>kho</c> as a process of its own: a node of a cluster, or a run.</summary>
internal sealed class NodeProcess : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _said = new();
    private readonly StringBuilder _out = new();

    private NodeProcess(IEnumerable<string> arguments)
    {
        string tests = Path.Combine(AppContext.BaseDirectory, "KhoActors.Nodes.Akka.Tests");
        ProcessStartInfo start = new(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet")
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
            WorkingDirectory = Path.GetTempPath(),
        };
        foreach (string argument in (IEnumerable<string>)
        [
            "exec", "--runtimeconfig", tests + ".runtimeconfig.json", "--depsfile", tests + ".deps.json",
            Path.Combine(AppContext.BaseDirectory, "kho.dll"), .. arguments,
        ])
        {
            start.ArgumentList.Add(argument);
        }

        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) => Add(_said, line.Data);
        _process.OutputDataReceived += (_, line) => Add(_out, line.Data);
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    /// <summary>What it wrote to stderr so far.</summary>
    public string Said => Read(_said);

    /// <summary>What it wrote to stdout so far.</summary>
    public string Out => Read(_out);

    /// <summary>Whether it has ended.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>Its exit code, when it has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Starts it.</summary>
    public static NodeProcess Start(params string[] arguments) => new(arguments);

    /// <summary>Sends it a signal: KILL, STOP, CONT, TERM.</summary>
    public void Signal(string name)
    {
        using Process kill = Process.Start("kill", [$"-{name}", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>Waits until something holds of it.</summary>
    public void Await(Predicate<NodeProcess> condition, TimeSpan patience, string what)
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (!condition(this))
        {
            Assert.True(waited.Elapsed < patience, $"{what}: not within {patience}. It said:\n{Said}\n{Out}");
            _process.WaitForExit(50);
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private static void Add(StringBuilder text, string? line)
    {
        lock (text)
        {
            text.AppendLine(line);
        }
    }

    private static string Read(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }
}
