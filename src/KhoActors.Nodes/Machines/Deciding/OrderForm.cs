namespace KhoActors.Nodes.Machines.Deciding;

/// <summary>How the record of a generation keeps the order of its deliveries.</summary>
internal enum OrderForm
{
    /// <summary>Not at all: it is drawn again from the seed.</summary>
    Seed,

    /// <summary>The picks that had a choice.</summary>
    Choices,

    /// <summary>Every pick.</summary>
    EveryPick,
}
