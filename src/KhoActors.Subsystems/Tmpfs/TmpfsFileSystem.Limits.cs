namespace KhoActors.Subsystems.Tmpfs;

/// <content>Limits: what they are, how they change, what they charge.</content>
public sealed partial class TmpfsFileSystem
{
    private const uint DefaultMode = 0x3FF;

    /// <summary>statfs: total blocks of 4096 bytes, 0 when unlimited.</summary>
    public ulong StatTotalBlocks => MaxBlocks;

    /// <summary>statfs: free blocks, 0 when unlimited.</summary>
    public ulong StatFreeBlocks => MaxBlocks == 0 ? 0 : MaxBlocks - UsedBlocks;

    /// <summary>statfs: total inodes, 0 when unlimited.</summary>
    public ulong StatTotalInodes => MaxInodes;

    /// <summary>statfs: free inodes, 0 when unlimited.</summary>
    public ulong StatFreeInodes
    {
        get
        {
            long free = unchecked((long)(MaxInodes * InodeSpaceBytes) - (_hooks.UsedInodeSpaceBytes ?? (long)UsedInodeSpaceBytes));
            return MaxInodes == 0 || free < 0 ? 0 : (ulong)free / InodeSpaceBytes;
        }
    }

    /// <summary>Whether limits may be set over what is in use; the check of a remount and of a mount that restores.</summary>
    /// <param name="options">The options given.</param>
    /// <param name="usedBlocks">Pages in use.</param>
    /// <param name="usedInodeSpaceBytes">Inode space in use.</param>
    /// <returns>0, or -EINVAL when a limit other than 0 is below use.</returns>
    public static int CheckLimits(TmpfsMountOptions options, ulong usedBlocks, ulong usedInodeSpaceBytes)
    {
        bool tooFewBlocks = options.MaxBlocks is { } blocks && blocks != 0 && blocks < usedBlocks;
        bool tooFewInodes = options.MaxInodes is { } inodes && inodes != 0 && inodes * InodeSpaceBytes < usedInodeSpaceBytes;
        return tooFewBlocks || tooFewInodes ? -Errno.EINVAL : 0;
    }

    /// <summary>
    /// mount with MS_REMOUNT (shmem_reconfigure): limits and read-only change; mode, uid and gid are read and do not act. Whoever calls refuses it
    /// while the file system is frozen.
    /// </summary>
    /// <param name="options">The options given, with the new read-only state.</param>
    /// <returns>
    /// 0; -EINVAL for a limit below use, a limit on an unlimited mount, swap switched on or off (<c>noswap</c> must be repeated), another
    /// <c>kho=</c>; -EBUSY for read-only while a file is open for writing or unlinked and open. Nothing changed then.
    /// </returns>
    public int Remount(TmpfsMountOptions options)
    {
        if (options.ReadOnly && !IsReadOnly && (WritableDescriptors != 0 || UnlinkedOpenInodes != 0))
        {
            return -Errno.EBUSY;
        }

        bool limitsUnlimited = (options.MaxBlocks is > 0 && MaxBlocks == 0) || (options.MaxInodes is > 0 && MaxInodes == 0);
        bool changesSwap = KhoName is null && options.NoSwap != _mountedNoSwap;
        bool changesName = options.KhoName is { } name && name != KhoName;
        if (limitsUnlimited || changesSwap || changesName || CheckLimits(options, UsedBlocks, UsedInodeSpaceBytes) != 0)
        {
            return -Errno.EINVAL;
        }

        MaxBlocks = options.MaxBlocks ?? MaxBlocks;
        MaxInodes = options.MaxInodes ?? MaxInodes;
        IsReadOnly = options.ReadOnly;
        return 0;
    }

    private static TmpfsState FreshState(TmpfsMountOptions options, TmpfsResources resources, uint mounterUid, uint mounterGid) => new()
    {
        MaxBlocks = options.MaxBlocks ?? (resources.RamPages / 2),
        MaxInodes = options.MaxInodes ?? (resources.RamPages / 2),
        Mode = options.Mode ?? DefaultMode,
        Uid = options.Uid ?? mounterUid,
        Gid = options.Gid ?? mounterGid,
        Uuid = RandomUuid(resources.Random),
        NextInodeNumber = 1,
        ReadOnly = options.ReadOnly,
        KhoName = options.KhoName,
    };

    /// <summary>uuid_gen: version 4, variant 1.</summary>
    private static UInt128 RandomUuid(Func<ulong> random)
    {
        ulong high = random();
        ulong low = random();
        return new UInt128((high & ~0xF000UL) | 0x4000, (low & (ulong.MaxValue >> 2)) | (1UL << 63));
    }

    private int ChargeInodeSpace()
    {
        if (_hooks.EnforcesInodeLimit && MaxInodes != 0 && UsedInodeSpaceBytes + InodeSpaceBytes > MaxInodes * InodeSpaceBytes)
        {
            return -Errno.ENOSPC;
        }

        UsedInodeSpaceBytes += InodeSpaceBytes;
        return 0;
    }
}
