using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Tmpfs;

/// <content>Requests on content and descriptors. Without a descriptor each opens the file, works and closes it.</content>
public sealed partial class TmpfsSystemCalls
{
    /// <summary>One read returns at most this many bytes.</summary>
    public const ulong ReadLimitBytes = 1 << 20;

    private const ulong SeekData = 3;
    private const ulong SeekHole = 4;
    private const uint FifoType = 0x1000;

    private KernelResult Write(ReadOnlySpan<char> path, in Message request, ulong bytes, scoped in TmpfsContent content, TmpfsTime now)
    {
        int error = FindWritable(path, now, out TmpfsLocation file);
        if (error == 0 && file.FileSystem!.IsFrozen)
        {
            error = (request.D & 1) != 0 ? -Errno.EAGAIN : Blocks;
        }

        return error != 0 ? new KernelResult(error) : file.FileSystem!.Write(file.Inode!, request.A, bytes, content, now);
    }

    private KernelResult MapWrite(ReadOnlySpan<char> path, in Message request, TmpfsTime now)
    {
        int error = FindWritable(path, now, out TmpfsLocation file);
        error = error == 0 && file.FileSystem!.IsFrozen ? Blocks : error;
        return error != 0
            ? new KernelResult(error)
            : file.FileSystem!.MapWrite(file.Inode!, request.A, request.B, TmpfsContent.Pattern(request.C), now);
    }

    private KernelResult Allocate(ReadOnlySpan<char> path, in Message request, TmpfsTime now)
    {
        int error = FindWritable(path, now, out TmpfsLocation file);
        error = error == 0 && file.FileSystem!.IsFrozen ? Blocks : error;
        return new KernelResult(error != 0 ? error : file.FileSystem!.Allocate(file.Inode!, request.A, request.B, request.C, now));
    }

    private KernelResult Read(ReadOnlySpan<char> path, ulong offset, ulong bytes, TmpfsTime now)
    {
        int error = FindReadable(path, Errno.EISDIR, now, out TmpfsLocation file);
        if (error == 0 && (bytes > ReadLimitBytes || offset >= TmpfsFileSystem.OffsetLimit || offset + bytes >= TmpfsFileSystem.OffsetLimit))
        {
            error = -Errno.EINVAL;
        }

        return error != 0 ? new KernelResult(error) : file.FileSystem!.Read(file.Inode!, offset, bytes, now);
    }

    private KernelResult Seek(ReadOnlySpan<char> path, ulong offset, ulong whence, TmpfsTime now)
    {
        int error = FindReadable(path, Errno.EINVAL, now, out TmpfsLocation file);
        error = error == 0 && whence is not (SeekData or SeekHole) ? -Errno.EINVAL : error;
        return error != 0 ? new KernelResult(error) : TmpfsFileSystem.Seek(file.Inode!, offset, whence == SeekData);
    }

    private KernelResult Truncate(ReadOnlySpan<char> path, ulong size, TmpfsTime now)
    {
        if (size >= TmpfsFileSystem.OffsetLimit)
        {
            return Fail(Errno.EINVAL);
        }

        bool isOpen = TmpfsOpenFiles.IsDescriptor(path);
        int error = isOpen ? FindTruncatable(path, out TmpfsLocation file) : FindTruncatable(path, now, out file);
        if (error == 0)
        {
            file.FileSystem!.Truncate(file.Inode!, size, isOpen, now);
        }

        return new KernelResult(error);
    }

    /// <summary>truncate.</summary>
    private int FindTruncatable(ReadOnlySpan<char> path, TmpfsTime now, out TmpfsLocation file)
    {
        int error = _walk.Find(path, follow: true, now, out file);
        if (error == 0 && (file.Inode is null || !file.Inode.IsRegular))
        {
            error = file.IsDirectory ? -Errno.EISDIR : -Errno.EINVAL;
        }

        error = error != 0 ? error : WantWrite(file.FileSystem);
        return error == 0 && (file.Inode!.Flags & (TmpfsFileSystem.ImmutableFlag | TmpfsFileSystem.AppendFlag)) != 0 ? -Errno.EPERM : error;
    }

    /// <summary>ftruncate.</summary>
    private int FindTruncatable(ReadOnlySpan<char> descriptor, out TmpfsLocation file)
    {
        int error = _files.Find(descriptor, out TmpfsOpenFile open);
        file = new TmpfsLocation(open.FileSystem, open.Inode);
        if (error == 0 && !open.IsWritable)
        {
            error = -Errno.EINVAL;
        }

        if (error == 0 && (open.Inode.Flags & TmpfsFileSystem.AppendFlag) != 0)
        {
            error = -Errno.EPERM;
        }

        return error == 0 && open.FileSystem.IsFrozen ? Blocks : error;
    }

    /// <summary>A regular file opened for writing without O_APPEND, or a descriptor that was.</summary>
    private int FindWritable(ReadOnlySpan<char> path, TmpfsTime now, out TmpfsLocation file)
    {
        if (TmpfsOpenFiles.IsDescriptor(path))
        {
            int bad = _files.Find(path, out TmpfsOpenFile open);
            file = new TmpfsLocation(open.FileSystem, open.Inode);
            return bad == 0 && !open.IsWritable ? -Errno.EBADF : bad;
        }

        int error = _walk.Find(path, follow: true, now, out file);
        if (error != 0)
        {
            return error;
        }

        if (file.Inode is null || !file.Inode.IsRegular)
        {
            return file.IsDirectory ? -Errno.EISDIR : -Errno.ENXIO;
        }

        if (file.FileSystem!.IsReadOnly)
        {
            return -Errno.EROFS;
        }

        return (file.Inode.Flags & (TmpfsFileSystem.ImmutableFlag | TmpfsFileSystem.AppendFlag)) != 0 ? -Errno.EPERM : 0;
    }

    /// <summary>A regular file opened for reading. Nobody is behind a device, fifo or socket.</summary>
    private int FindReadable(ReadOnlySpan<char> path, int errnoOfDirectory, TmpfsTime now, out TmpfsLocation file)
    {
        int error = Find(path, follow: true, now, out file);
        if (error != 0 || file.Inode is { IsRegular: true })
        {
            return error;
        }

        if (file.IsDirectory)
        {
            return -errnoOfDirectory;
        }

        return TmpfsOpenFiles.IsDescriptor(path) ? -Errno.ESPIPE : -Errno.ENXIO;
    }

    /// <summary>open with O_RDWR where that works, else O_RDONLY; a fifo is opened at once, devices and sockets have nobody behind them.</summary>
    private KernelResult Open(ReadOnlySpan<char> path, TmpfsTime now)
    {
        int error = Find(path, follow: true, now, out TmpfsLocation file);
        if (error == 0 && file.Inode is null)
        {
            error = -Errno.EOPNOTSUPP;
        }

        if (error == 0 && !file.Inode!.IsRegular && !file.IsDirectory && file.Inode.Type != FifoType)
        {
            error = -Errno.ENXIO;
        }

        if (error != 0)
        {
            return new KernelResult(error);
        }

        bool isWritable = file.Inode!.IsRegular && !file.FileSystem!.IsReadOnly
            && (file.Inode.Flags & (TmpfsFileSystem.ImmutableFlag | TmpfsFileSystem.AppendFlag)) == 0;
        int descriptor = _files.Open(new TmpfsOpenFile(file.FileSystem!, file.Inode, isWritable));
        return descriptor < 0 ? new KernelResult(descriptor) : new KernelResult(0, (ulong)descriptor);
    }
}
