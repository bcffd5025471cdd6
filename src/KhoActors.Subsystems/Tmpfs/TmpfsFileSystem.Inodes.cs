using System.Diagnostics;

namespace KhoActors.Subsystems.Tmpfs;

/// <content>Inodes: their making and their end, and a file system made of inodes that were handed over.</content>
public sealed partial class TmpfsFileSystem
{
    private const uint SetGroupId = 0x400;
    private const uint GroupExecute = 0x8;

    /// <summary>
    /// Builds a file system from inodes that were handed over: their numbers stay, blocks and inode space are charged at once. The pages already
    /// belong to the client, parents, entries and link counts agree: the layout has checked that.
    /// </summary>
    /// <param name="state">Everything but the inodes.</param>
    /// <param name="root">The root directory, one of <paramref name="inodes"/>.</param>
    /// <param name="inodes">Every inode once, in any order.</param>
    /// <param name="resources">What the kernel gives.</param>
    /// <returns>The file system.</returns>
    /// <exception cref="InvalidOperationException">Two inodes have one number, or the root is not among them: a defect of the layout.</exception>
    public static TmpfsFileSystem Restore(TmpfsState state, TmpfsInode root, IEnumerable<TmpfsInode> inodes, TmpfsResources resources)
    {
        TmpfsFileSystem restored = new(state, resources, noSwap: false) { Root = root };
        foreach (TmpfsInode inode in inodes)
        {
            restored.Insert(inode);
            restored.UsedBlocks += (ulong)inode.Pages.Count;
            restored.UsedInodeSpaceBytes += SpaceOf(inode);
        }

        return restored.FindInode(root.Number) == root ? restored : throw new InvalidOperationException("the root is not among the inodes");
    }

    /// <summary>A descriptor on an inode is opened.</summary>
    /// <param name="inode">The inode.</param>
    /// <param name="writable">Whether it may be written through it.</param>
    internal void Opened(TmpfsInode inode, bool writable)
    {
        inode.Opened++;
        OpenDescriptors++;
        WritableDescriptors += writable ? 1 : 0;
    }

    /// <summary>A descriptor is closed; with the last one of an unlinked inode that ends.</summary>
    /// <param name="inode">The inode.</param>
    /// <param name="writable">As it was opened.</param>
    internal void Closed(TmpfsInode inode, bool writable)
    {
        inode.Opened--;
        OpenDescriptors--;
        WritableDescriptors -= writable ? 1 : 0;
        if (inode.Opened == 0 && inode.IsOrphan)
        {
            UnlinkedOpenInodes--;
            Evict(inode);
        }
    }

    /// <summary>Inode space that an inode takes with its links and extended attributes.</summary>
    private static ulong SpaceOf(TmpfsInode inode)
    {
        ulong extraLinks = inode.IsDirectory || inode.LinkCount == 0 ? 0 : inode.LinkCount - 1;
        return (InodeSpaceBytes * (1 + extraLinks)) + inode.ExtendedAttributeBytes;
    }

    /// <summary>shmem_get_inode and inode_init_owner; nothing names the inode yet.</summary>
    private int NewInode(TmpfsInode? directory, uint mode, uint uid, uint gid, uint device, TmpfsTime now, out TmpfsInode? inode)
    {
        inode = null;
        int error = ChargeInodeSpace();
        if (error != 0)
        {
            return error;
        }

        error = _hooks.NumberInode(ref _nextInodeNumber, out ulong number);
        if (error != 0)
        {
            UsedInodeSpaceBytes -= InodeSpaceBytes;
            return error;
        }

        bool inheritsGroup = directory is not null && (directory.Mode & SetGroupId) != 0;
        bool isDirectory = (mode & TmpfsInode.TypeMask) == DirectoryType;
        inode = new TmpfsInode
        {
            Number = number,
            Mode = inheritsGroup && isDirectory ? mode | SetGroupId : mode,
            Uid = uid,
            Gid = inheritsGroup ? directory!.Gid : gid,
            DeviceNumber = device,
            LinkCount = 1,
            AccessTime = now,
            ModifyTime = now,
            ChangeTime = now,
            BirthTime = now,
            Generation = (uint)_resources.Random(),
            Flags = (directory?.Flags ?? 0) & InheritedFlags,
        };
        Insert(inode);
        _hooks.InodeCreated(inode);
        return 0;
    }

    /// <summary>A link is gone: an inode without links ends unless it is open.</summary>
    private void Unlinked(TmpfsInode inode)
    {
        if (inode.LinkCount != 0)
        {
            return;
        }

        if (inode.Opened != 0)
        {
            UnlinkedOpenInodes++;
            inode.IsOrphan = true;
        }
        else
        {
            Evict(inode);
        }
    }

    private void Evict(TmpfsInode inode)
    {
        Debug.Assert(inode.LinkCount == 0 && inode.Entries.Count == 0, "an inode in use ends");
        RemovePages(inode, 0, inode.Pages.Count);
        UsedInodeSpaceBytes -= SpaceOf(inode);
        int at = PositionFrom(inode.Number);
        while (_inodes[at] != inode)
        {
            at++;
        }

        _inodes.RemoveAt(at);
        _hooks.InodeRemoved(inode);
    }
}
