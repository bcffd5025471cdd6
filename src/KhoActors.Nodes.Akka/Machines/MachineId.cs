using System.Globalization;
using Akka.Cluster.Sharding;
using KhoActors.Nodes.Akka.Wire;

namespace KhoActors.Nodes.Akka.Machines;

/// <summary>How shards call a machine: <c>RUN-NUMBER</c>.</summary>
internal readonly record struct MachineId(int Run, int Number)
{
    /// <summary>Name of the shard region.</summary>
    public const string RegionName = "machine";

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Run}-{Number}");

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static MachineId Parse(string text)
    {
        int dash = text.IndexOf('-', StringComparison.Ordinal);
        return new MachineId(
            int.Parse(text.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture),
            int.Parse(text.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture));
    }
}

/// <summary>Finds the machine that a message is for.</summary>
/// <param name="shards">Shards of the region: the same number on every node, for ever.</param>
internal sealed class MachineExtractor(int shards) : HashCodeMessageExtractor(shards)
{
    public override string? EntityId(object message) => message switch
    {
        IMachineMessage machine => new MachineId(machine.Run, machine.Machine).ToString(),
        ShardRegion.StartEntity start => start.EntityId,
        ShardingEnvelope envelope => envelope.EntityId,
        _ => null,
    };
}
