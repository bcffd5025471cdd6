using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Pstore;
using KhoActors.Subsystems.TestKho;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Poc;

namespace KhoActors.Nodes.Scenarios;

/// <summary>The KHO clients that kernel files and scenarios may name. Immutable; shared by all machines.</summary>
public sealed class ClientCatalog
{
    private readonly KhoClient[] _clients;

    private ClientCatalog(KhoClient[] clients) => _clients = clients;

    /// <summary>The clients that come with the laboratory.</summary>
    public static ClientCatalog BuiltIn { get; } = new(Sorted([
        PstoreClients.V1,
        PstoreClients.V2,
        PstoreClients.Hardened,
        TmpfsActor.Client,
        TmpfsPocActor.Client,
        TestKhoActor.Client,
    ]));

    /// <summary>All clients, sorted by name.</summary>
    public IReadOnlyList<KhoClient> All => _clients;

    /// <summary>Their names, sorted.</summary>
    public IReadOnlyList<string> Names => [.. _clients.Select(client => client.Name)];

    /// <summary>Finds a client.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The client, or null.</returns>
    public KhoClient? Find(string name) => Array.Find(_clients, client => client.Name == name);

    /// <summary>The clients that a kernel has built in, in the order in which they start; names that this catalog does not know are left out.</summary>
    /// <param name="build">The kernel.</param>
    /// <returns>The clients.</returns>
    public IReadOnlyList<KhoClient> Of(KernelBuild build)
    {
        ArgumentNullException.ThrowIfNull(build);
        return [.. build.Clients.Select(Find).OfType<KhoClient>().OrderBy(client => client.Level)];
    }

    /// <summary>This catalog and more clients.</summary>
    /// <param name="clients">The clients to add.</param>
    /// <returns>The larger catalog.</returns>
    /// <exception cref="ArgumentException">
    /// Two clients have one name, or a name, an actor number or a number of operations is not acceptable; the message says which.
    /// </exception>
    public ClientCatalog With(IEnumerable<KhoClient> clients)
    {
        List<KhoClient> all = [.. _clients];
        foreach (KhoClient client in clients)
        {
            string problem = !CrossChecks.IsName(client.Name.Replace('_', '-')) ? "a client's name has lower-case letters, digits, dashes and underscores"
                : all.Exists(other => other.Name == client.Name) ? "there is a client with this name already"
                : client.Actor.Value is < FirstOutsideActor or > LastActor
                    ? $"its actor number is {client.Actor.Value}, accepted: from {FirstOutsideActor} to {LastActor}"
                : client.UserProgram?.Invoke().Operations.Count > DecisionLog.ClientOperations
                    ? $"its user program has more than {DecisionLog.ClientOperations} operations"
                : string.Empty;
            all.Add(problem.Length == 0 ? client : throw new ArgumentException($"client '{client.Name}': {problem}", nameof(clients)));
        }

        return new ClientCatalog(Sorted(all));
    }

    /// <summary>This catalog with another client in the place of the one with its name: for damage that is planted to prove a judge.</summary>
    /// <param name="client">The client.</param>
    /// <returns>The changed catalog.</returns>
    internal ClientCatalog Replacing(KhoClient client) => new([.. _clients.Select(each => each.Name == client.Name ? client : each)]);

    /// <summary>First actor number for clients from outside.</summary>
    internal const byte FirstOutsideActor = 16;

    /// <summary>Last actor number.</summary>
    internal const byte LastActor = 63;

    private static KhoClient[] Sorted(IEnumerable<KhoClient> clients) => [.. clients.OrderBy(client => client.Name, StringComparer.Ordinal)];
}
