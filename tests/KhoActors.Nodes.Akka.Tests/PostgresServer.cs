using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace KhoActors.Nodes.Akka.Tests;

/// <summary>A fact that needs a PostgreSQL on this computer; skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PostgresFactAttribute : FactAttribute
{
    public PostgresFactAttribute()
    {
        if (PostgresServer.FindBinaries() is null)
        {
            Skip = "no PostgreSQL server is installed here";
        }
    }
}

/// <summary>A PostgreSQL server of its own for one test, in a temporary folder; it lives as long as this object.</summary>
internal sealed class PostgresServer : IDisposable
{
    private const string User = "kho";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kho-postgres-");
    private readonly string _binaries = FindBinaries()!;

    public PostgresServer()
    {
        Port = FreePort();
        if (Environment.IsPrivilegedProcess)
        {
            // The server refuses to run as root.
            Run("chown", "postgres", _folder.FullName);
        }

        RunAsServer("initdb", "-D", Data, "-A", "trust", "-U", User, "-E", "UTF8", "--no-sync");
        RunAsServer("pg_ctl", "-D", Data, "-w", "-l", Path.Combine(_folder.FullName, "log"), "-o", string.Create(CultureInfo.InvariantCulture,
            $"-p {Port} -c listen_addresses=127.0.0.1 -c max_connections=200 -k {_folder.FullName}"), "start");
        RunAsServer("createdb", "-h", "127.0.0.1", "-p", Port.ToString(CultureInfo.InvariantCulture), "-U", User, "fleet");
    }

    /// <summary>Its address as the command line takes it.</summary>
    public string Address => string.Create(CultureInfo.InvariantCulture, $"postgres://{User}@127.0.0.1:{Port}/fleet");

    private int Port { get; }

    private string Data => Path.Combine(_folder.FullName, "data");

    /// <summary>Where the newest server on this computer is, or null.</summary>
    public static string? FindBinaries()
    {
        const string versions = "/usr/lib/postgresql";
        return !Directory.Exists(versions)
            ? null
            : Directory.EnumerateDirectories(versions).Order(StringComparer.Ordinal).Select(version => Path.Combine(version, "bin"))
                .LastOrDefault(binaries => File.Exists(Path.Combine(binaries, "initdb")));
    }

    /// <summary>A TCP port that nobody uses.</summary>
    public static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public void Dispose()
    {
        RunAsServer("pg_ctl", "-D", Data, "-m", "immediate", "-w", "stop");
        _folder.Delete(recursive: true);
    }

    private void RunAsServer(string program, params string[] arguments)
    {
        string path = Path.Combine(_binaries, program);
        if (Environment.IsPrivilegedProcess)
        {
            Run("setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", path, .. arguments]);
        }
        else
        {
            Run(path, arguments);
        }
    }

    private static void Run(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, UseShellExecute = false, WorkingDirectory = Path.GetTempPath() };
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
