using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Tests.Kho;

/// <summary>A tracker that is a plain set, and fails when told to.</summary>
internal sealed class RecordingTracker : ITracker
{
    private readonly SortedSet<(ulong Pfn, int Order)> _blocks = [];

    /// <summary>Blocks that can still be tracked.</summary>
    public long TracksLeft { get; set; } = long.MaxValue;

    public IReadOnlySet<(ulong Pfn, int Order)> Blocks => _blocks;

    public ulong MapPhys => 0;

    public int Track(ulong pfn, int order)
    {
        if (TracksLeft-- <= 0)
        {
            return -Errno.ENOMEM;
        }

        _blocks.Add((pfn, order));
        return 0;
    }

    public bool Untrack(ulong pfn, int order) => _blocks.Remove((pfn, order));

    public int Walk<TVisitor>(ref TVisitor visitor)
        where TVisitor : struct, IBlockVisitor
    {
        foreach ((ulong pfn, int order) in _blocks)
        {
            visitor.Visit(new PreservedBlock(pfn, order).Phys, order);
        }

        return 0;
    }

    public void Destroy() => _blocks.Clear();
}
