using System.Globalization;
using System.Text;
using Akka.Configuration;
using KhoActors.Nodes.Akka.Machines;
using KhoActors.Nodes.Fleet;

namespace KhoActors.Nodes.Akka.Bootstrap;

/// <summary>
/// The configuration of a node: what the command line says, over config/akka.conf of the tree that the program belongs to, over the copy of that file
/// that is built into the engine, over Akka.NET's defaults.
/// </summary>
internal sealed class NodeConfiguration
{
    /// <summary>The name of the actor system, and so of the cluster.</summary>
    public const string SystemName = "kho";

    private const string Marker = "KhoActors.sln";
    private const string BuiltIn = "akka.conf";

    private NodeConfiguration(Config config)
    {
        Config = config;
        Settings = new NodeSettings
        {
            Shards = config.GetInt("kho.shards"),
            InFlightPerNode = config.GetInt("kho.in-flight-per-node"),
            SnapshotEverySlices = Math.Max(1, config.GetInt("kho.snapshot-every-slices")),
            PassivateAfter = config.GetTimeSpan("kho.passivate-after"),
            RetryAfter = config.GetTimeSpan("kho.retry-after"),
            ProgressEvery = config.GetTimeSpan("kho.progress-every"),
        };
    }

    /// <summary>For the actor system.</summary>
    public Config Config { get; }

    /// <summary>Ours.</summary>
    public NodeSettings Settings { get; }

    /// <summary>Puts it together.</summary>
    /// <param name="cluster">The cluster, as the command line has it.</param>
    /// <param name="roles">The node's roles.</param>
    /// <param name="workers">Threads that carry machines.</param>
    /// <param name="isAlone">Whether the cluster is this process and nobody joins it: then nobody needs to be waited for.</param>
    /// <param name="more">Laid over everything, for tests; or empty.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="EngineException">A file or an address is not valid.</exception>
    public static NodeConfiguration Of(ClusterOptions cluster, IReadOnlyList<string> roles, int workers, bool isAlone, string more = "")
    {
        StringBuilder text = new();
        string seeds = string.Join(", ", cluster.SeedNodes.Select(seed => Quoted(AddressOf(seed))));
        text.AppendLine(CultureInfo.InvariantCulture, $"akka.remote.dot-netty.tcp.hostname = {Quoted(cluster.HostName)}");
        text.AppendLine(CultureInfo.InvariantCulture, $"akka.remote.dot-netty.tcp.port = {cluster.Port}");
        text.AppendLine(CultureInfo.InvariantCulture, $"akka.cluster.seed-nodes = [{seeds}]");
        text.AppendLine(CultureInfo.InvariantCulture, $"akka.cluster.roles = [{string.Join(", ", roles.Select(Quoted))}]");
        text.AppendLine(CultureInfo.InvariantCulture, $"kho.machine-dispatcher.dedicated-thread-pool.thread-count = {Math.Max(1, workers)}");
        if (cluster.Store is { } address)
        {
            StoreAddress store = StoreAddress.Parse(address);
            store.Prepare();
            foreach (string plugin in (string[])["journal", "snapshot-store", "query.journal"])
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"akka.persistence.{plugin}.sql.connection-string = {Quoted(store.ConnectionString)}");
                text.AppendLine(CultureInfo.InvariantCulture, $"akka.persistence.{plugin}.sql.provider-name = {Quoted(store.Provider)}");
            }

            text.AppendLine("akka.persistence.journal.plugin = akka.persistence.journal.sql");
            text.AppendLine("akka.persistence.snapshot-store.plugin = akka.persistence.snapshot-store.sql");
        }
        else
        {
            // Memory does not outlive its node: there is nothing to remember.
            text.AppendLine("akka.cluster.sharding { remember-entities = off, state-store-mode = ddata }");
        }

        if (isAlone)
        {
            text.AppendLine("akka.cluster { gossip-interval = 50ms, leader-actions-interval = 50ms, periodic-tasks-initial-delay = 20ms }");
            text.AppendLine("akka.cluster.sharding { waiting-for-state-timeout = 500ms, retry-interval = 100ms }");
            text.AppendLine("akka.cluster.singleton { hand-over-retry-interval = 100ms }");
            text.AppendLine("akka.cluster.singleton-proxy { singleton-identification-interval = 50ms }");
        }

        try
        {
            Config config = ConfigurationFactory.ParseString(more)
                .WithFallback(ConfigurationFactory.ParseString(text.ToString()))
                .WithFallback(FindFile() is { } file ? ConfigurationFactory.ParseString(File.ReadAllText(file)) : ConfigurationFactory.Empty)
                .WithFallback(ConfigurationFactory.ParseString(ReadBuiltIn()));
            return new NodeConfiguration(config);
        }
        catch (Exception problem) when (problem is FormatException or ConfigurationException or IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"the configuration of the akka engine (config/akka.conf) is not valid: {problem.Message}", problem);
        }
    }

    private static string AddressOf(string seed)
    {
        int colon = seed.LastIndexOf(':');
        bool isAddress = colon > 0
            && int.TryParse(seed.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port)
            && port is > 0 and < 65536;
        return isAddress ? $"akka.tcp://{SystemName}@{seed}" : throw new EngineException($"seed node '{seed}' is not of the form HOST:PORT");
    }

    private static string Quoted(string text) =>
        text.Contains('\n', StringComparison.Ordinal)
            ? throw new EngineException("an address has one line")
            : $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string? FindFile()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, Marker)))
            {
                string file = Path.Combine(folder.FullName, "config", BuiltIn);
                return File.Exists(file) ? file : null;
            }
        }

        return null;
    }

    private static string ReadBuiltIn()
    {
        using Stream stream = typeof(NodeConfiguration).Assembly.GetManifestResourceStream(BuiltIn)!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
