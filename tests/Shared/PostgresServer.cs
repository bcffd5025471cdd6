using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace KhoActors.Tests.Shared;

/// <summary>
/// A PostgreSQL server of the tests' own, on loopback and on a Unix socket, in a folder that goes with it. Starts with the first database
/// that is asked for, so that it costs nothing where tests are skipped. Made for speed: nothing that it writes survives it.
/// </summary>
public sealed class PostgresServer : IDisposable
{
    /// <summary>The only user.</summary>
    public const string User = "kho";

    /// <summary>The user's password; it has what an address must write with percent signs.</summary>
    public const string Password = "s:c/r@t %?#";

    private const int Attempts = 5;

    private readonly Lock _gate = new();
    private string _folder = string.Empty;
    private int _port;
    private int _databases;

    /// <summary>Why tests that need a server are skipped, or null. Where CI=true they run all the same and fail, so that they cannot vanish there.</summary>
    public static string? SkipReason => Environment.GetEnvironmentVariable("CI") == "true" || FindPrograms() is not null
        ? null
        : "needs the server of PostgreSQL (Debian: postgresql-15)";

    /// <summary>Makes an empty database.</summary>
    /// <returns>Its address on loopback, <c>postgres://USER:PASSWORD@127.0.0.1:PORT/NAME</c>.</returns>
    public string NewDatabase()
    {
        lock (_gate)
        {
            if (_port == 0)
            {
                Start();
            }

            string name = string.Create(CultureInfo.InvariantCulture, $"test_{++_databases}");
            Run(true, "createdb", "-h", Path.Combine(_folder, "socket"), "-p", Text(_port), "-U", User, name);
            return $"postgres://{User}:{Uri.EscapeDataString(Password)}@127.0.0.1:{_port}/{name}";
        }
    }

    /// <summary>The address of the same database on the server's Unix socket.</summary>
    /// <param name="address">An address that <see cref="NewDatabase"/> gave.</param>
    /// <returns>The other address.</returns>
    public string OnSocket(string address) =>
        address.Replace("127.0.0.1", Uri.EscapeDataString(Path.Combine(_folder, "socket")), StringComparison.Ordinal);

    /// <summary>Runs SQL by PostgreSQL's own client.</summary>
    /// <param name="address">An address that <see cref="NewDatabase"/> gave.</param>
    /// <param name="sql">The statements.</param>
    public void Execute(string address, string sql)
    {
        ArgumentNullException.ThrowIfNull(address);
        string script = Path.Combine(_folder, "script.sql");
        File.WriteAllText(script, sql);
        string database = address[(address.LastIndexOf('/') + 1)..];
        Run(true, "psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", Text(_port), "-U", User, "-d", database, "-f", script);
    }

    public void Dispose()
    {
        if (_port != 0)
        {
            Run(false, "pg_ctl", "stop", "-s", "-m", "immediate", "-D", Path.Combine(_folder, "data"));
        }

        if (_folder.Length != 0)
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    private static string? FindPrograms()
    {
        // Debian keeps servers of several versions beside each other, none of them in PATH.
        const string Versions = "/usr/lib/postgresql";
        IEnumerable<string> debian = Directory.Exists(Versions)
            ? Directory.GetDirectories(Versions).OrderDescending(StringComparer.Ordinal).Select(static version => Path.Combine(version, "bin"))
            : [];
        string[] path = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator);
        return debian.Concat(path).FirstOrDefault(static folder => File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "pg_ctl")));
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>The server refuses to run as root: then it runs as the user of the package, or as nobody.</summary>
    private static string? OtherUser() => Environment.UserName != "root" ? null
        : File.ReadLines("/etc/passwd").Any(static line => line.StartsWith("postgres:", StringComparison.Ordinal)) ? "postgres"
        : "nobody";

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private void Start()
    {
        // A socket's path has 107 bytes at most.
        _folder = Directory.CreateTempSubdirectory("kho-pg-").FullName;
        string password = Path.Combine(_folder, "password");
        File.WriteAllText(password, Password);
        foreach (string folder in (ReadOnlySpan<string>)["data", "socket"])
        {
            Directory.CreateDirectory(Path.Combine(_folder, folder));
        }

        if (OtherUser() is { } other)
        {
            Check("chown", ["-R", other, _folder]);
        }

        string data = Path.Combine(_folder, "data");
        Run(false, "initdb", "-D", data, "-U", User, "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8", "--locale=C", "--no-sync");

        // The port was free a moment ago: where somebody else took it, another one is.
        for (int attempt = 1; ; attempt++)
        {
            int port = FreePort();
            string options = $"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={Path.Combine(_folder, "socket")} "
                + "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=50 -c shared_buffers=16MB";
            try
            {
                Run(false, "pg_ctl", "start", "-s", "-w", "-D", data, "-l", Path.Combine(_folder, "data", "log"), "-o", options);
                _port = port;
                return;
            }
            catch (InvalidOperationException) when (attempt < Attempts)
            {
            }
        }
    }

    private void Run(bool isClient, string program, params string[] arguments)
    {
        string path = Path.Combine(FindPrograms() ?? throw new InvalidOperationException("The server of PostgreSQL is not installed."), program);
        if (!isClient && OtherUser() is { } other)
        {
            Check("setpriv", [$"--reuid={other}", $"--regid={GroupOf(other)}", "--clear-groups", path, .. arguments]);
        }
        else
        {
            Check(path, arguments);
        }
    }

    private static string GroupOf(string user) =>
        File.ReadLines("/etc/passwd").First(line => line.StartsWith($"{user}:", StringComparison.Ordinal)).Split(':')[3];

    private void Check(string program, string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = _folder,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["PGPASSWORD"] = Password;
        start.Environment["LC_ALL"] = "C";
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{Path.GetFileName(program)} ended with {process.ExitCode}: {output.Result} {error}");
        }
    }
}
