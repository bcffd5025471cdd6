using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Tmpfs;

/// <content>Requests that read and change attributes, and directories and links that are read.</content>
public sealed partial class TmpfsSystemCalls
{
    private const int SectorsPerPageShift = 3;
    private const int NumberBits = 56;
    private const ulong FirstEntryPosition = 2;
    private const ulong NanosecondsPerSecond = 1_000_000_000;
    private const byte DirectoryEntryType = 2;

    private KernelResult Stat(ReadOnlySpan<char> path, ulong field, TmpfsTime now)
    {
        int error = FindInode(path, follow: false, now, out TmpfsLocation found);
        if (error != 0)
        {
            return new KernelResult(error);
        }

        TmpfsInode inode = found.Inode!;
        return field switch
        {
            (ulong)TmpfsStatField.InodeAndSize => new KernelResult(0, inode.Number, TmpfsFileSystem.StatSize(inode)),
            (ulong)TmpfsStatField.ModeLinksOwner => new KernelResult(0, Join(inode.Mode, inode.LinkCount), Join(inode.Uid, inode.Gid)),
            (ulong)TmpfsStatField.BlocksDevice =>
                new KernelResult(0, (ulong)inode.Pages.Count << SectorsPerPageShift, Join(inode.DeviceNumber, inode.Flags)),
            (ulong)TmpfsStatField.AccessTime => TimeResult(inode.AccessTime),
            (ulong)TmpfsStatField.ModifyTime => TimeResult(inode.ModifyTime),
            (ulong)TmpfsStatField.ChangeTime => TimeResult(inode.ChangeTime),
            (ulong)TmpfsStatField.BirthTime => TimeResult(inode.BirthTime),
            _ => Fail(Errno.EINVAL),
        };
    }

    private KernelResult StatFileSystem(ReadOnlySpan<char> path, ulong part, TmpfsTime now)
    {
        int error = FindInode(path, follow: true, now, out TmpfsLocation found);
        if (error != 0)
        {
            return new KernelResult(error);
        }

        TmpfsFileSystem fileSystem = found.FileSystem!;
        return part switch
        {
            0 => new KernelResult(0, fileSystem.StatTotalBlocks, fileSystem.StatFreeBlocks),
            1 => new KernelResult(0, fileSystem.StatTotalInodes, fileSystem.StatFreeInodes),
            2 => new KernelResult(0, TmpfsFileSystem.Magic, TmpfsFileSystem.NameLimit),
            _ => Fail(Errno.EINVAL),
        };
    }

    private KernelResult ChangeMode(ReadOnlySpan<char> path, ulong mode, TmpfsTime now)
    {
        int error = FindChangeable(path, now, out TmpfsLocation found);
        return new KernelResult(error != 0 ? error : found.FileSystem!.ChangeMode(found.Inode!, mode, now));
    }

    private KernelResult ChangeOwner(ReadOnlySpan<char> path, ulong ids, TmpfsTime now)
    {
        (uint uid, uint gid) = Split(ids);
        int error = FindChangeable(path, now, out TmpfsLocation found);
        return new KernelResult(error != 0 ? error : found.FileSystem!.ChangeOwner(found.Inode!, uid, gid, now));
    }

    private KernelResult ChangeTimes(ReadOnlySpan<char> path, long access, long modify, TmpfsTime now)
    {
        int error = FindChangeable(path, now, out TmpfsLocation found);
        return new KernelResult(error != 0 ? error : found.FileSystem!.ChangeTimes(found.Inode!, TimeOf(access), TimeOf(modify), now));
    }

    private KernelResult SetFlags(ReadOnlySpan<char> path, ulong flags, TmpfsTime now)
    {
        int error = FindInode(path, follow: true, now, out TmpfsLocation found);
        if (error == 0 && !found.Inode!.IsRegular && !found.IsDirectory)
        {
            error = found.Inode.Type == FifoType ? -Errno.ENOTTY : -Errno.ENXIO;
        }

        error = error != 0 ? error : WantWrite(found.FileSystem);
        return new KernelResult(error != 0 ? error : found.FileSystem!.SetFlags(found.Inode!, flags, now));
    }

    private KernelResult SetExtendedAttribute(ReadOnlySpan<char> path, ReadOnlySpan<char> name, ulong valueBytes, TmpfsTime now)
    {
        TmpfsLocation found = default;
        int error = TmpfsFileSystem.CheckAttributeSize(name, valueBytes);
        error = error != 0 ? error : FindChangeable(path, now, out found);
        return new KernelResult(error != 0 ? error : found.FileSystem!.SetExtendedAttribute(found.Inode!, name.ToString(), valueBytes, now));
    }

    private KernelResult ReadLink(ReadOnlySpan<char> path, TmpfsTime now, out string? target)
    {
        target = null;
        int error = FindInode(path, follow: false, now, out TmpfsLocation found);
        if (error == 0 && !found.Inode!.IsSymbolicLink)
        {
            error = -Errno.EINVAL;
        }

        if (error != 0)
        {
            return new KernelResult(error);
        }

        target = found.Inode!.Target;
        found.FileSystem!.TouchAccess(found.Inode, now);
        return new KernelResult(0, (ulong)target!.Length);
    }

    private KernelResult ReadDirectory(ReadOnlySpan<char> path, ulong position, TmpfsTime now, out string? name)
    {
        name = null;
        int error = FindInode(path, follow: true, now, out TmpfsLocation found);
        if (error == 0 && found.IsDirectory && found.FileSystem!.Hooks.ReadEntry(found.Inode!, position) is { } listed)
        {
            found.FileSystem.TouchAccess(found.Inode!, now);
            name = listed.Name;
            return new KernelResult(0, listed.Next, EntryWord(listed.Number, listed.Type));
        }

        if (error == 0 && (!found.IsDirectory || found.Inode!.LinkCount == 0))
        {
            error = found.IsDirectory ? -Errno.ENOENT : -Errno.ENOTDIR;
        }

        if (error != 0)
        {
            return new KernelResult(error);
        }

        TmpfsInode directory = found.Inode!;
        found.FileSystem!.TouchAccess(directory, now);
        if (position < FirstEntryPosition)
        {
            name = position == 0 ? "." : "..";
            return new KernelResult(0, position + 1, EntryWord((position == 0 ? directory : directory.Parent!).Number, DirectoryEntryType));
        }

        // Cookies begin with 1.
        int at = directory.Entries.PositionFrom(position - 1);
        if (at == directory.Entries.Count)
        {
            return new KernelResult(0, position);
        }

        TmpfsDirectoryEntry entry = directory.Entries[at];
        name = entry.Name;
        return new KernelResult(0, entry.Cookie + FirstEntryPosition, EntryWord(entry.Inode.Number, entry.Inode.EntryType));
    }

    private static ulong EntryWord(ulong number, byte type) => (number & ((1UL << NumberBits) - 1)) | ((ulong)type << NumberBits);

    private static ulong Join(uint high, uint low) => ((ulong)high << 32) | low;

    private static KernelResult TimeResult(TmpfsTime time) => new(0, (ulong)time.Seconds, time.Nanoseconds);

    private static TmpfsTime TimeOf(long nanoseconds)
    {
        (long seconds, long rest) = Math.DivRem(nanoseconds, (long)NanosecondsPerSecond);
        return rest < 0 ? new TmpfsTime(seconds - 1, (uint)(rest + (long)NanosecondsPerSecond)) : new TmpfsTime(seconds, (uint)rest);
    }

    /// <summary>Finds an inode of a tmpfs.</summary>
    private int FindInode(ReadOnlySpan<char> path, bool follow, TmpfsTime now, out TmpfsLocation found)
    {
        int error = Find(path, follow, now, out found);
        return error == 0 && found.Inode is null ? -Errno.EOPNOTSUPP : error;
    }

    /// <summary>Finds an inode whose attributes are to be changed.</summary>
    private int FindChangeable(ReadOnlySpan<char> path, TmpfsTime now, out TmpfsLocation found)
    {
        int error = Find(path, follow: true, now, out found);
        return error != 0 ? error : WantWrite(found.FileSystem);
    }
}
