using System.Globalization;
using Akka.Actor;
using Akka.Event;

namespace KhoActors.Nodes.Akka.Bootstrap;

/// <summary>
/// Writes the log of Akka.NET to stderr, a line for each entry: stdout is for results. That a connection broke is left out, for what it means to the
/// cluster is said by the cluster.
/// </summary>
public sealed class StandardErrorLogger : UntypedActor
{
    private const string Connections = "/system/endpointManager/";

    /// <inheritdoc/>
    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case InitializeLogger:
                Sender.Tell(new LoggerInitialized());
                break;
            case LogEvent broken when broken.LogSource.Contains(Connections, StringComparison.Ordinal):
                break;
            case LogEvent entry:
                string cause = entry.Cause is { } failure ? $": {failure.GetType().Name}: {failure.Message}" : string.Empty;
                Console.Error.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"akka: {entry.Timestamp:HH:mm:ss.fff} {entry.LogLevel()}: {entry.LogSource}: {entry.Message}{cause}"));
                break;
            default:
                Unhandled(message);
                break;
        }
    }
}
