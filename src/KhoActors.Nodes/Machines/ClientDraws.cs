using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Machines;

/// <summary>
/// The substreams of a machine's clients: one for the client in the kernel, one for its program in user space, each named by the client, so
/// that one client more changes no other's draws. A stream is opened when something is drawn from it first.
/// </summary>
internal sealed class ClientDraws
{
    private IReadOnlyList<KhoClient> _clients = [];
    private SeedPath _machine = null!;
    private DrawLog? _log;
    private RandomStream?[] _streams = [];

    /// <summary>Begins with a machine.</summary>
    /// <param name="machine">Its path.</param>
    /// <param name="clients">Every client of every kernel that it may boot.</param>
    /// <param name="log">Records or checks every draw, or null.</param>
    public void Open(SeedPath machine, IReadOnlyList<KhoClient> clients, DrawLog? log)
    {
        _machine = machine;
        _clients = clients;
        _log = log;
        if (_streams.Length == clients.Count * 2)
        {
            Array.Clear(_streams);
        }
        else
        {
            _streams = new RandomStream?[clients.Count * 2];
        }
    }

    /// <summary>The client's own draws, in the kernel.</summary>
    public Func<ulong> OfClient(KhoClient client) => () => Stream(IndexOf(client) * 2).NextUInt64();

    /// <summary>The draws of the client's program in user space.</summary>
    public Func<ulong> OfUserProgram(KhoClient client) => () => Stream((IndexOf(client) * 2) + 1).NextUInt64();

    /// <summary>Adds how far each stream was drawn to a digest.</summary>
    public void AppendTo(DigestChain digest)
    {
        foreach (RandomStream? stream in _streams)
        {
            if (stream is not null)
            {
                digest.AppendDraws(stream);
            }
        }
    }

    public void Snapshot(SnapshotWriter writer)
    {
        foreach (RandomStream? stream in _streams)
        {
            writer.WriteVar(stream?.Counter ?? 0);
        }
    }

    public void Recover(SnapshotReader reader)
    {
        for (int i = 0; i < _streams.Length; i++)
        {
            ulong counter = reader.ReadVar();
            _streams[i] = null;
            if (counter != 0)
            {
                Stream(i).Restore(counter);
            }
        }
    }

    private int IndexOf(KhoClient client)
    {
        for (int i = 0; i < _clients.Count; i++)
        {
            if (ReferenceEquals(_clients[i], client))
            {
                return i;
            }
        }

        throw new ArgumentException($"this machine has no client {client.Name}", nameof(client));
    }

    private RandomStream Stream(int index) =>
        _streams[index] ??= new RandomStream(_machine.Child(index % 2 == 0 ? "client" : "user program").Child(_clients[index / 2].Name), 0, _log);
}
