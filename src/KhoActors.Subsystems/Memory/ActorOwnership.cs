using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Memory;

/// <summary>Which owner an actor's pages have.</summary>
public static class ActorOwnership
{
    /// <summary>The owner of an actor's pages.</summary>
    /// <param name="actor">The actor.</param>
    /// <returns>A well-known owner, or a client's.</returns>
    public static PageOwner OwnerOf(ActorId actor) => actor.Value switch
    {
        0 => PageOwner.Kernel,
        1 => PageOwner.Memblock,
        2 => PageOwner.Kho,
        3 => PageOwner.Tracker,
        4 => PageOwner.Workload,
        >= ActorId.FirstClient => PageOwner.Client(actor.Value - ActorId.FirstClient),
        _ => throw new ArgumentOutOfRangeException(nameof(actor), actor.Value, "no actor has this number"),
    };
}
