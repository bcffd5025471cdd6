using System.Globalization;

namespace KhoActors.Subsystems.Tmpfs;

/// <summary>An open file.</summary>
/// <param name="FileSystem">Its file system.</param>
/// <param name="Inode">Its inode.</param>
/// <param name="IsWritable">Whether it may be written through this descriptor.</param>
internal readonly record struct TmpfsOpenFile(TmpfsFileSystem FileSystem, TmpfsInode Inode, bool IsWritable);

/// <summary>The descriptors of user space, which is one process: the lowest free number first, from 3 to 1023.</summary>
internal sealed class TmpfsOpenFiles
{
    private const int First = 3;
    private const int Limit = 1024;
    private const string Prefix = "fd:";

    private readonly List<TmpfsOpenFile?> _files = [];

    /// <summary>Whether a path names a descriptor.</summary>
    public static bool IsDescriptor(ReadOnlySpan<char> path) => path.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Opens.</summary>
    /// <returns>The descriptor, or -EMFILE.</returns>
    public int Open(in TmpfsOpenFile file)
    {
        int at = 0;
        while (at < _files.Count && _files[at] is not null)
        {
            at++;
        }

        if (at >= Limit - First)
        {
            return -Errno.EMFILE;
        }

        if (at == _files.Count)
        {
            _files.Add(null);
        }

        _files[at] = file;
        file.FileSystem.Opened(file.Inode, file.IsWritable);
        return First + at;
    }

    /// <summary>Finds an open file.</summary>
    /// <param name="path">A descriptor, <c>fd:N</c>.</param>
    /// <param name="file">The file.</param>
    /// <returns>0, or -EBADF.</returns>
    public int Find(ReadOnlySpan<char> path, out TmpfsOpenFile file)
    {
        file = TryPlace(path, out int at) ? _files[at]!.Value : default;
        return file.Inode is null ? -Errno.EBADF : 0;
    }

    /// <summary>Closes.</summary>
    /// <param name="path">A descriptor.</param>
    /// <returns>0, or -EBADF.</returns>
    public int Close(ReadOnlySpan<char> path)
    {
        if (!TryPlace(path, out int at))
        {
            return -Errno.EBADF;
        }

        TmpfsOpenFile file = _files[at]!.Value;
        _files[at] = null;
        file.FileSystem.Closed(file.Inode, file.IsWritable);
        return 0;
    }

    private bool TryPlace(ReadOnlySpan<char> path, out int at)
    {
        at = -1;
        if (!IsDescriptor(path) || !int.TryParse(path[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int number))
        {
            return false;
        }

        at = number - First;
        return at >= 0 && at < _files.Count && _files[at] is not null;
    }
}
