namespace KhoActors.Subsystems.Tmpfs;

/// <summary>A mounted file system and where.</summary>
/// <param name="Name">Its mount point: one name without a slash.</param>
/// <param name="FileSystem">The file system.</param>
public readonly record struct TmpfsMountPoint(string Name, TmpfsFileSystem FileSystem);

/// <summary>
/// What is mounted, in the order of the mount points' names. The directory that holds the mount points is a read-only one that belongs to no
/// tmpfs: <c>/data</c> and <c>/data/../data</c> are the same root directory, nothing else can be in it.
/// </summary>
public sealed class TmpfsMountTable
{
    private readonly List<TmpfsMountPoint> _mounts = [];

    /// <summary>The mounts in the order of their names.</summary>
    public IReadOnlyList<TmpfsMountPoint> Mounts => _mounts;

    /// <summary>Reads a mount point, with or without a slash in front.</summary>
    /// <param name="text">What user space gave.</param>
    /// <param name="name">The name.</param>
    /// <returns>Whether it is one legal name of 1 to 255 bytes.</returns>
    public static bool TryName(string text, out string name)
    {
        name = text.StartsWith('/') ? text[1..] : text;
        return name.Length is > 0 and <= TmpfsFileSystem.NameLimit && name is not ("." or "..") && name.AsSpan().IndexOfAny('/', '\0') < 0
            && !name.AsSpan().ContainsAnyExceptInRange('\x1', '\xFF');
    }

    /// <summary>Finds a mount.</summary>
    /// <param name="name">Name of the mount point.</param>
    /// <returns>The file system, or null.</returns>
    public TmpfsFileSystem? Find(ReadOnlySpan<char> name) => Search(name, out int at) ? _mounts[at].FileSystem : null;

    /// <summary>Adds a mount.</summary>
    /// <param name="name">A legal name.</param>
    /// <param name="fileSystem">The file system.</param>
    /// <exception cref="ArgumentException">The mount point is taken: whoever calls has looked.</exception>
    public void Add(string name, TmpfsFileSystem fileSystem)
    {
        if (Search(name, out int at))
        {
            throw new ArgumentException($"{name} is mounted", nameof(name));
        }

        _mounts.Insert(at, new TmpfsMountPoint(name, fileSystem));
    }

    /// <summary>Removes a mount.</summary>
    /// <param name="name">Name of the mount point.</param>
    /// <returns>Whether it was there.</returns>
    public bool Remove(ReadOnlySpan<char> name)
    {
        bool found = Search(name, out int at);
        if (found)
        {
            _mounts.RemoveAt(at);
        }

        return found;
    }

    private bool Search(ReadOnlySpan<char> name, out int at)
    {
        for (at = 0; at < _mounts.Count; at++)
        {
            int order = name.SequenceCompareTo(_mounts[at].Name);
            if (order <= 0)
            {
                return order == 0;
            }
        }

        return false;
    }
}
