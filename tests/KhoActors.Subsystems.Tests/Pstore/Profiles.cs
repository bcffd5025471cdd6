using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Subsystems.Tests.Pstore;

/// <summary>The profiles by name, for theories.</summary>
internal static class Profiles
{
    private static readonly KhoClient[] All = [PstoreClients.V1, PstoreClients.V2, PstoreClients.Hardened];

    public static KhoClient Of(string name) => All.Single(client => client.Name == name);
}
