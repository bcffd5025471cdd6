namespace KhoActors.Subsystems.Memory;

/// <summary>
/// An owner that keeps the words of its pages and must know when somebody else changes them: written by address, zeroed or dropped,
/// as by a fault, the page allocator or the loader.
/// </summary>
public interface IPageGuard
{
    /// <summary>A guarded page is about to change or is going away.</summary>
    /// <param name="pfn">Its page frame number.</param>
    void PageTouched(ulong pfn);
}
