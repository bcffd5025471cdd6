using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Tmpfs;

/// <summary>
/// Carries out the requests of <see cref="TmpfsProtocol"/> that work on mounted file systems: what the VFS does with a path or a descriptor before
/// and around <see cref="TmpfsFileSystem"/>, errno by errno (fs/namei.c, open.c, read_write.c, stat.c, xattr.c). Each is complete when it returns.
/// One process as root with umask 0 makes them; its descriptors live here.
/// </summary>
/// <param name="mounts">What is mounted; whoever mounts and unmounts changes it.</param>
public sealed partial class TmpfsSystemCalls(TmpfsMountTable mounts)
{
    private const int Blocks = int.MinValue;

    private readonly TmpfsPathWalk _walk = new(mounts);
    private readonly TmpfsOpenFiles _files = new();

    /// <summary>Whether <see cref="Execute"/> carries a request out; the others mount, unmount and control, and are the layout's.</summary>
    /// <param name="number">A number of <see cref="TmpfsProtocol"/>.</param>
    /// <returns>Whether it does.</returns>
    public static bool Carries(byte number) => number is >= TmpfsProtocol.Create and <= TmpfsProtocol.MapWrite;

    /// <summary>
    /// Whether the caller sleeps until a frozen file system thaws: nothing happened, nobody is answered, and the request is to be executed again.
    /// </summary>
    /// <param name="result">What <see cref="Execute"/> returned.</param>
    /// <returns>Whether it is not an answer.</returns>
    public static bool IsBlocked(in KernelResult result) => result.Code == Blocks;

    /// <summary>Carries a request out.</summary>
    /// <param name="request">A request that <see cref="Carries"/> names; its texts may be anything.</param>
    /// <param name="nowTicks">Virtual time.</param>
    /// <param name="text">Text of the reply, or null.</param>
    /// <returns>
    /// Its answer; or see <see cref="IsBlocked"/>. Beside what the requests say: -EINVAL for characters that are no bytes and for a descriptor
    /// where a name is needed, -EBADF for one that is not open, -EOPNOTSUPP for the directory that holds the mount points.
    /// </returns>
    /// <exception cref="ArgumentException">It is not such a request.</exception>
    public KernelResult Execute(in Message request, ulong nowTicks, out string? text)
    {
        text = null;
        ReadOnlySpan<char> first = request.Text;
        if (first.ContainsAnyExceptInRange('\0', '\xFF'))
        {
            return Fail(Errno.EINVAL);
        }

        int split = first.IndexOf('\0');
        ReadOnlySpan<char> second = split < 0 ? default : first[(split + 1)..];
        first = split < 0 ? first : first[..split];
        byte number = ClientProtocol.NumberOf(request.Kind);
        if (number != TmpfsProtocol.WriteText && second.Contains('\0'))
        {
            return Fail(Errno.EINVAL);
        }

        TmpfsTime now = TmpfsFileSystem.TimeOf(nowTicks);
        return number switch
        {
            TmpfsProtocol.Create => Create(first, request, now),
            TmpfsProtocol.MakeDirectory => MakeDirectory(first, request, now),
            TmpfsProtocol.MakeNode => MakeNode(first, request, now),
            TmpfsProtocol.Link => Link(first, second, now),
            TmpfsProtocol.SymbolicLink => SymbolicLink(first, second, request, now),
            TmpfsProtocol.Unlink => Unlink(first, now),
            TmpfsProtocol.RemoveDirectory => RemoveDirectory(first, now),
            TmpfsProtocol.Rename => Rename(first, second, request.A, now),
            TmpfsProtocol.Write => Write(first, request, request.B, TmpfsContent.Pattern(request.C), now),
            TmpfsProtocol.WriteText => Write(first, request, (ulong)second.Length, TmpfsContent.Text(second, request.A), now),
            TmpfsProtocol.Read => Read(first, request.A, request.B, now),
            TmpfsProtocol.Truncate => Truncate(first, request.A, now),
            TmpfsProtocol.Allocate => Allocate(first, request, now),
            TmpfsProtocol.Seek => Seek(first, request.A, request.B, now),
            TmpfsProtocol.MapWrite => MapWrite(first, request, now),
            TmpfsProtocol.Open => Open(first, now),
            TmpfsProtocol.Close => new KernelResult(_files.Close(first)),
            TmpfsProtocol.ReadLink => ReadLink(first, now, out text),
            TmpfsProtocol.ReadDirectory => ReadDirectory(first, request.A, now, out text),
            _ => ExecuteOnAttributes(number, first, second, request, now),
        };
    }

    /// <summary>Finds the inode that a path or a descriptor names, for what the kernel itself does with it.</summary>
    /// <param name="path">The path.</param>
    /// <param name="now">The time.</param>
    /// <param name="inode">The inode.</param>
    /// <returns>0, or the errno of the walk.</returns>
    internal int FindFile(ReadOnlySpan<char> path, TmpfsTime now, out TmpfsInode? inode)
    {
        int error = FindInode(path, follow: true, now, out TmpfsLocation found);
        inode = found.Inode;
        return error;
    }

    private KernelResult ExecuteOnAttributes(byte number, ReadOnlySpan<char> path, ReadOnlySpan<char> name, in Message request, TmpfsTime now) => number switch
    {
        TmpfsProtocol.Stat => Stat(path, request.A, now),
        TmpfsProtocol.StatFileSystem => StatFileSystem(path, request.A, now),
        TmpfsProtocol.ChangeMode => ChangeMode(path, request.A, now),
        TmpfsProtocol.ChangeOwner => ChangeOwner(path, request.B, now),
        TmpfsProtocol.ChangeTimes => ChangeTimes(path, (long)request.A, (long)request.B, now),
        TmpfsProtocol.SetFlags => SetFlags(path, request.A, now),
        TmpfsProtocol.SetExtendedAttribute => SetExtendedAttribute(path, name, request.A, now),
        _ => throw new ArgumentException($"{request.Kind} is not a request on a mounted tmpfs", nameof(request)),
    };

    private static KernelResult Fail(int errno) => new(-errno);

    /// <summary>mnt_want_write: waits while frozen, refuses when read-only.</summary>
    private static int WantWrite(TmpfsFileSystem? fileSystem)
    {
        if (fileSystem is { IsFrozen: true })
        {
            return Blocks;
        }

        return fileSystem is null or { IsReadOnly: true } ? -Errno.EROFS : 0;
    }

    /// <summary>Finds what a path or a descriptor names.</summary>
    private int Find(ReadOnlySpan<char> path, bool follow, TmpfsTime now, out TmpfsLocation found)
    {
        if (!TmpfsOpenFiles.IsDescriptor(path))
        {
            return _walk.Find(path, follow, now, out found);
        }

        int error = _files.Find(path, out TmpfsOpenFile file);
        found = new TmpfsLocation(file.FileSystem, file.Inode);
        return error;
    }
}
