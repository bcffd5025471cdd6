namespace KhoActors.Subsystems.Memblock;

/// <summary>The sub-trees that a predecessor handed over: what reserve_mem needs of the KHO core while it boots.</summary>
public interface IIncomingSubtrees
{
    /// <summary>Looks up a sub-tree by name (kho_retrieve_subtree).</summary>
    /// <param name="name">For example <c>memblock</c>.</param>
    /// <param name="phys">Its physical address.</param>
    /// <param name="sizeBytes">Its bytes, where the ABI carries them; else 0.</param>
    /// <returns>0, -ENOENT when there is none, or another negative errno.</returns>
    int Retrieve(string name, out ulong phys, out ulong sizeBytes);
}
