using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Subsystems.Tests.Pstore;

/// <summary>The profiles by name, for theories.</summary>
internal static class Profiles
{
    public static KhoClient Of(string name) => PstoreClients.All.Single(client => client.Name == name);
}
