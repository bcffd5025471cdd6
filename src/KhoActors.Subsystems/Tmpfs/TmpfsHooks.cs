namespace KhoActors.Subsystems.Tmpfs;

/// <summary>What made or removed a directory entry.</summary>
public enum TmpfsEntryCause
{
    /// <summary>open with O_CREAT, mkdir or mknod.</summary>
    Create,

    /// <summary>link.</summary>
    Link,

    /// <summary>symlink.</summary>
    SymbolicLink,

    /// <summary>unlink, rmdir, or a rename over the entry.</summary>
    Unlink,

    /// <summary>rename: the source's entry goes, the target's comes.</summary>
    Rename,

    /// <summary>The whiteout that a rename leaves behind.</summary>
    Whiteout,
}

/// <summary>An entry as a directory that was handed over lists it.</summary>
/// <param name="Next">Position of the next one.</param>
/// <param name="Number">Inode number; 0 behind the last entry.</param>
/// <param name="Type">FT_*.</param>
/// <param name="Name">Name; null behind the last entry.</param>
public readonly record struct TmpfsListedEntry(ulong Next, ulong Number, byte Type, string? Name);

/// <summary>
/// What a layout with live structures decides and hears while a file system runs. A layout that takes a snapshot at the freeze needs nothing of
/// it: this class is what it uses. A seam for the proof of concept of 2024, whose inode numbers are addresses and whose structures mirror part of
/// what happens.
/// </summary>
public class TmpfsHooks
{
    /// <summary>For file systems without live structures.</summary>
    public static TmpfsHooks None { get; } = new();

    /// <summary>Whether creating an inode fails with -ENOSPC at the limit. Freeing one always gives its space back.</summary>
    public virtual bool EnforcesInodeLimit => true;

    /// <summary>
    /// Inode space in use where the layout counts it by other rules, in bytes; below 0 when more was given back than taken. Null: it does not.
    /// </summary>
    public virtual long? UsedInodeSpaceBytes => null;

    /// <summary>Whether two inodes with one number are a defect.</summary>
    public virtual bool NumbersAreUnique => true;

    /// <summary>Chooses the number of a new inode, after its space was charged.</summary>
    /// <param name="next">The number that the next inode gets; moves on. Numbers never come back while the file system is mounted.</param>
    /// <param name="number">The number, not 0, unique in the file system.</param>
    /// <returns>0, or the errno with which the creation fails.</returns>
    public virtual int NumberInode(ref ulong next, out ulong number)
    {
        number = next == 0 ? 1 : next;
        next = number + 1;
        return 0;
    }

    /// <summary>An inode exists, with its attributes; nothing names it yet.</summary>
    /// <param name="inode">The inode.</param>
    public virtual void InodeCreated(TmpfsInode inode)
    {
    }

    /// <summary>An inode is gone; its pages were removed before.</summary>
    /// <param name="inode">The inode.</param>
    public virtual void InodeRemoved(TmpfsInode inode)
    {
    }

    /// <summary>An entry is about to be made; asked before anything is done.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="name">Its name.</param>
    /// <param name="cause">Why.</param>
    /// <returns>0, or the errno with which the operation fails.</returns>
    public virtual int EntryAllowed(TmpfsInode directory, ReadOnlySpan<char> name, TmpfsEntryCause cause) => 0;

    /// <summary>An entry was made.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="name">Its name.</param>
    /// <param name="inode">What it names.</param>
    /// <param name="cause">Why.</param>
    public virtual void EntryAdded(TmpfsInode directory, string name, TmpfsInode inode, TmpfsEntryCause cause)
    {
    }

    /// <summary>An entry was removed.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="name">Its name.</param>
    /// <param name="inode">What it named.</param>
    /// <param name="cause">Why.</param>
    public virtual void EntryRemoved(TmpfsInode directory, string name, TmpfsInode inode, TmpfsEntryCause cause)
    {
    }

    /// <summary>
    /// A name is not there. A layout that brings inodes back one by one looks it up and, when it finds it, adds inode and entry.
    /// </summary>
    /// <param name="fileSystem">Where.</param>
    /// <param name="directory">The directory.</param>
    /// <param name="name">The name.</param>
    /// <returns>0 whether it was found or not, or the errno with which the lookup fails.</returns>
    public virtual int EntryMissing(TmpfsFileSystem fileSystem, TmpfsInode directory, ReadOnlySpan<char> name) => 0;

    /// <summary>Whether a directory without entries has some that nobody looked up yet.</summary>
    /// <param name="directory">The directory.</param>
    /// <returns>Whether it is not empty.</returns>
    public virtual bool HasEntriesUnseen(TmpfsInode directory) => false;

    /// <summary>getdents of a directory that the layout lists itself.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="position">A position.</param>
    /// <returns>The entry there; null when the file system lists it.</returns>
    public virtual TmpfsListedEntry? ReadEntry(TmpfsInode directory, ulong position) => null;

    /// <summary>A page is about to be read or written and is not there. A layout that brings pages back one by one adds it when it has it.</summary>
    /// <param name="fileSystem">Where.</param>
    /// <param name="inode">Of which inode.</param>
    /// <param name="index">Its place: file offset / 4096.</param>
    /// <returns>0 whether there is one or not, or the errno with which the access fails.</returns>
    public virtual int PageMissing(TmpfsFileSystem fileSystem, TmpfsInode inode, ulong index) => 0;

    /// <summary>A page is about to be allocated; asked before anything is done for it.</summary>
    /// <param name="inode">For which inode.</param>
    /// <param name="index">Its place: file offset / 4096.</param>
    /// <returns>0, or the errno with which the allocation fails.</returns>
    public virtual int PageAllowed(TmpfsInode inode, ulong index) => 0;

    /// <summary>A page was added.</summary>
    /// <param name="inode">To which inode.</param>
    /// <param name="page">The page.</param>
    public virtual void PageAdded(TmpfsInode inode, in TmpfsPage page)
    {
    }

    /// <summary>A page is about to be freed: truncated, punched, or its inode goes.</summary>
    /// <param name="inode">Of which inode.</param>
    /// <param name="page">The page.</param>
    public virtual void PageRemoved(TmpfsInode inode, in TmpfsPage page)
    {
    }

    /// <summary>The size of a regular file changed.</summary>
    /// <param name="inode">The file, with its new size.</param>
    /// <param name="written">Whether by a write; false for truncate and fallocate.</param>
    public virtual void SizeChanged(TmpfsInode inode, bool written)
    {
    }

    /// <summary>Times, link count, mode or owner of an inode changed.</summary>
    /// <param name="inode">The inode.</param>
    public virtual void AttributesChanged(TmpfsInode inode)
    {
    }
}
