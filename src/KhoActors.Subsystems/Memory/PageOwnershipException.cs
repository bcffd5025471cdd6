using System.Globalization;

namespace KhoActors.Subsystems.Memory;

/// <summary>A page was touched, freed or claimed by somebody who does not own it. An invariant violation of the simulated kernel.</summary>
public sealed class PageOwnershipException : Exception
{
    /// <summary>Says who did what to whose page.</summary>
    /// <param name="action">What was tried, in the form "is freed as order 3".</param>
    /// <param name="phys">Physical address.</param>
    /// <param name="actor">Who tried.</param>
    /// <param name="owner">Who owns the page.</param>
    /// <param name="detail">What is known of the block, or empty.</param>
    public PageOwnershipException(string action, ulong phys, PageOwner actor, PageOwner owner, string detail = "")
        : base(string.Create(
            CultureInfo.InvariantCulture,
            $"page {phys:x} {action} by {actor}, its owner is {owner}{(detail.Length == 0 ? "" : ": ")}{detail}"))
    {
        Phys = phys;
        Actor = actor;
        Owner = owner;
    }

    /// <summary>Physical address.</summary>
    public ulong Phys { get; }

    /// <summary>Who tried.</summary>
    public PageOwner Actor { get; }

    /// <summary>Who owns the page; <see cref="PageOwner.Memblock"/> when the page allocator does not manage it.</summary>
    public PageOwner Owner { get; }
}
