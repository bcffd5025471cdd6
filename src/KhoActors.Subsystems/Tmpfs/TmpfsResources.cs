using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs;

/// <summary>What a file system needs of its kernel.</summary>
/// <param name="Memory">RAM, as the owner of the pages may touch it.</param>
/// <param name="Pages">Where pages come from and go to: order 0, unmovable, outside scratch.</param>
/// <param name="Random">get_random_u64: generations and the uuid.</param>
/// <param name="RamPages">Pages of RAM (totalram_pages): default limits are half of it.</param>
public sealed record TmpfsResources(OwnedMemory Memory, IPageSource Pages, Func<ulong> Random, ulong RamPages)
{
    /// <summary>What a layout decides and hears.</summary>
    public TmpfsHooks Hooks { get; init; } = TmpfsHooks.None;
}
