using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Machines.Deciding;

/// <summary>
/// What a machine's clients find random: a stream for the client in the kernel and one for its program in user space, each named by the client,
/// so that one client more changes no other's draws.
/// </summary>
internal sealed class ClientDecisions
{
    private IReadOnlyList<KhoClient> _clients = [];
    private DecisionStream[] _streams = [];

    /// <summary>The streams, two for each client: kernel, user space.</summary>
    public ReadOnlySpan<DecisionStream> Streams => _streams;

    /// <summary>Begins with a machine.</summary>
    /// <param name="machine">Its path.</param>
    /// <param name="clients">Every client of every kernel that it may boot.</param>
    /// <param name="seat">Who decides.</param>
    /// <param name="log">Records or checks every draw, or null.</param>
    public void Open(SeedPath machine, IReadOnlyList<KhoClient> clients, DeciderSeat seat, DrawLog? log)
    {
        _clients = clients;
        _streams = new DecisionStream[clients.Count * 2];
        for (int i = 0; i < clients.Count; i++)
        {
            string name = clients[i].Name;
            RandomStream kernel = new(machine.Child("client").Child(name), 0, log);
            RandomStream program = new(machine.Child("user program").Child(name), 0, log);
            _streams[2 * i] = new DecisionStream(DecisionLog.KernelStreamOf(i), DecisionNames.OfClient(name), kernel, seat);
            _streams[(2 * i) + 1] = new DecisionStream(DecisionLog.ProgramStreamOf(i), DecisionNames.OfProgram(name), program, seat);
        }
    }

    /// <summary>What the client itself finds random, in the kernel.</summary>
    public Func<ulong> OfClient(KhoClient client) => _streams[2 * IndexOf(client)].NextWord;

    /// <summary>What the client's program in user space finds random.</summary>
    public IProgramChance OfUserProgram(KhoClient client) => _streams[(2 * IndexOf(client)) + 1];

    /// <summary>Adds how far each stream was drawn to a digest; a stream that was never drawn is not there.</summary>
    public void AppendTo(DigestChain digest)
    {
        foreach (DecisionStream stream in _streams)
        {
            if (stream.Draws.Counter != 0)
            {
                digest.AppendDraws(stream.Draws);
            }
        }
    }

    public void Snapshot(SnapshotWriter writer)
    {
        foreach (DecisionStream stream in _streams)
        {
            writer.WriteVar(stream.Draws.Counter);
        }
    }

    public void Recover(SnapshotReader reader)
    {
        foreach (DecisionStream stream in _streams)
        {
            stream.Draws.Restore(reader.ReadVar());
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
}
