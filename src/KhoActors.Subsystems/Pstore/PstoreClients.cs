using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Pstore;

/// <summary>The three versions of pstore's KHO backend as clients. They share actor and sub-tree name: a kernel has one of them.</summary>
public static class PstoreClients
{
    /// <summary>As posted on 20 May 2026: an FDT sub-tree and an unfixed record, with all its defects.</summary>
    public static KhoClient V1 { get; } = Make(
        "pstore-v1", "pstore over KHO as first posted: FDT sub-tree, unfixed record, use after free on reload", () => new PostedV1());

    /// <summary>As posted on 5 June 2026: one struct with a version, otherwise trusted.</summary>
    public static KhoClient V2 { get; } = Make(
        "pstore-v2", "pstore over KHO as posted again: raw struct with a version, its content trusted", () => new PostedV2());

    /// <summary>Ours: the bytes of v2 with an explicit capacity, and everything that the old kernel wrote is checked.</summary>
    public static KhoClient Hardened { get; } = Make(
        "pstore", "pstore over KHO, hardened: capacity in the ABI, everything the old kernel wrote is checked", () => new HardenedV2());

    private static KhoClient Make(string name, string summary, Func<PstoreProfile> profile) => new()
    {
        Name = name,
        Summary = summary,
        Actor = PstoreProtocol.Actor,
        Level = InitcallLevel.Device,
        Hooks = ClientHooks.KmsgDump,
        Create = kernel => new PstoreActor(kernel, profile()),
        UserProgram = () => new PstoreUserProgram(),
    };
}
