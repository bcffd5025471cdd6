namespace KhoActors.Subsystems.Tmpfs.Layout;

/// <summary>A mount that was read from what another kernel wrote, and found whole. Its pages are still the predecessor's.</summary>
public sealed class TmpfsSnapshot
{
    internal TmpfsSnapshot(SuperBlock super) => Super = super;

    /// <summary>The super page.</summary>
    public SuperBlock Super { get; }

    /// <summary>All inodes, ascending by number, complete with entries, parents and pages.</summary>
    public List<TmpfsInode> Inodes { get; } = [];

    /// <summary>The root directory.</summary>
    public TmpfsInode Root { get; internal set; } = null!;

    /// <summary>Super, inode, map and directory pages, in the order in which they were found: the super page first.</summary>
    public List<ulong> MetaPages { get; } = [];

    /// <summary>Pages of files and of long symbolic links.</summary>
    public List<ulong> DataPages { get; } = [];

    /// <summary>All pages: first the format's own, then the files'.</summary>
    public int Pages => MetaPages.Count + DataPages.Count;

    /// <summary>A page by position.</summary>
    /// <param name="position">0..<see cref="Pages"/> - 1.</param>
    /// <returns>Its physical address.</returns>
    public ulong PageAt(int position) => position < MetaPages.Count ? MetaPages[position] : DataPages[position - MetaPages.Count];
}
