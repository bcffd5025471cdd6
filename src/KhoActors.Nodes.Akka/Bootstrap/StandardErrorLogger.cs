using Akka.Actor;
using Akka.Event;

namespace KhoActors.Nodes.Akka.Bootstrap;

/// <summary>Writes the log of Akka.NET to stderr: stdout is for results.</summary>
public sealed class StandardErrorLogger : UntypedActor
{
    /// <inheritdoc/>
    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case InitializeLogger:
                Sender.Tell(new LoggerInitialized());
                break;
            case LogEvent entry:
                Console.Error.WriteLine(entry.ToString());
                break;
            default:
                Unhandled(message);
                break;
        }
    }
}
