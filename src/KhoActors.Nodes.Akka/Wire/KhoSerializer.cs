using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Serialization;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Akka.Wire;

/// <summary>
/// Bytes of everything of ours that crosses nodes (<see cref="WireFormat"/>) or is persisted (<see cref="JournalCodec"/>). Manifests carry the
/// version of each layout; whatever cannot be read is a <see cref="SerializationException"/> that says where and why.
/// </summary>
public sealed class KhoSerializer : SerializerWithStringManifest
{
    /// <summary>Made by Akka.NET, as the configuration says.</summary>
    /// <param name="system">The actor system.</param>
    public KhoSerializer(ExtendedActorSystem system)
        : base(system)
    {
    }

    /// <inheritdoc/>
    public override int Identifier => JournalCodec.SerializerId;

    /// <inheritdoc/>
    public override string Manifest(object o) => o switch
    {
        JournalEvent journalEvent => JournalCodec.ManifestOf(journalEvent),
        IWireMessage message => WireFormat.ManifestOf(message),
        _ => throw Unknown(o),
    };

    /// <inheritdoc/>
    public override byte[] ToBinary(object obj) => obj switch
    {
        JournalEvent journalEvent => JournalCodec.Write(journalEvent),
        IWireMessage message => WireFormat.Write(message),
        _ => throw Unknown(obj),
    };

    /// <inheritdoc/>
    public override object FromBinary(byte[] bytes, string manifest)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        ArgumentNullException.ThrowIfNull(manifest);
        try
        {
            return JournalCodec.Manifests.Contains(manifest) ? JournalCodec.Read(manifest, bytes, "journal") : WireFormat.Read(manifest, bytes);
        }
        catch (Exception damage) when (damage is SnapshotFormatException or HistoryDamageException)
        {
            throw new SerializationException(damage.Message, damage);
        }
    }

    private static ArgumentException Unknown(object what) => new($"{what?.GetType().Name ?? "null"} is nothing that nodes tell each other or the journal");
}
