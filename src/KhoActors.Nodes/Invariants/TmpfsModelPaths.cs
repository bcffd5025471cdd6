namespace KhoActors.Nodes.Invariants;

/// <summary>Where a path leads in the model; without a node it is the directory that holds the mount points.</summary>
/// <param name="Mount">The file system.</param>
/// <param name="Node">What is there.</param>
internal readonly record struct TmpfsModelPlace(TmpfsModelMount? Mount, TmpfsModelNode? Node);

/// <summary>The model's own walk of a path over all mounts: symbolic links and <c>..</c> may lead from one to another.</summary>
/// <param name="mounts">What is mounted.</param>
internal sealed class TmpfsModelPaths(List<TmpfsModelMount> mounts)
{
    private const int LimitLinksFollowed = 40;

    /// <summary>What a path names.</summary>
    /// <param name="path">The path.</param>
    /// <param name="followLast">Whether a symbolic link at its end is followed.</param>
    /// <returns>The place; without a node when there is nothing.</returns>
    public TmpfsModelPlace Find(ReadOnlySpan<char> path, bool followLast)
    {
        TmpfsModelPlace at = default;
        return Walk(path, isOfParent: false, followLast, ref at, out _) ? at : default;
    }

    /// <summary>The directory that holds a path's last name.</summary>
    /// <param name="path">The path.</param>
    /// <param name="name">The last name.</param>
    /// <returns>The directory; without a node when there is none, or it is no directory of a tmpfs.</returns>
    public TmpfsModelPlace FindParent(ReadOnlySpan<char> path, out string name)
    {
        TmpfsModelPlace at = default;
        return Walk(path, isOfParent: true, followLast: false, ref at, out name) ? at : default;
    }

    /// <summary>The file system that a path begins in.</summary>
    /// <param name="path">The path.</param>
    /// <returns>The mount, or null.</returns>
    public TmpfsModelMount? MountOf(ReadOnlySpan<char> path)
    {
        path = path.TrimStart('/');
        int end = path.IndexOf('/');
        return MountAt(end < 0 ? path : path[..end]);
    }

    private bool Walk(ReadOnlySpan<char> path, bool isOfParent, bool followLast, ref TmpfsModelPlace at, out string last)
    {
        last = string.Empty;
        for (int links = 0; ;)
        {
            path = path.TrimStart('/');
            int end = path.IndexOf('/');
            ReadOnlySpan<char> name = end < 0 ? path : path[..end];
            ReadOnlySpan<char> rest = end < 0 ? default : path[end..];
            if (name.IsEmpty || (isOfParent && rest.TrimStart('/').IsEmpty))
            {
                last = isOfParent ? name.ToString() : string.Empty;
                return true;
            }

            if (!Step(at, name, out TmpfsModelPlace next))
            {
                return false;
            }

            if (next.Node is { IsSymbolicLink: true } link && (followLast || !rest.IsEmpty))
            {
                if (++links > LimitLinksFollowed)
                {
                    return false;
                }

                at = link.Target![0] == '/' ? default : at;
                path = rest.IsEmpty ? link.Target : string.Concat(link.Target, rest);
                continue;
            }

            at = next;
            path = rest;
        }
    }

    private bool Step(TmpfsModelPlace at, ReadOnlySpan<char> name, out TmpfsModelPlace next)
    {
        next = at;
        if (name is ".")
        {
            return true;
        }

        if (name is "..")
        {
            next = at.Node is null || at.Node == at.Mount!.Root ? default : at with { Node = at.Node.Parent };
            return true;
        }

        if (at.Node is null)
        {
            TmpfsModelMount? mount = MountAt(name);
            next = new TmpfsModelPlace(mount, mount?.Root);
            return mount is not null;
        }

        next = at with { Node = at.Node.Find(name) };
        return next.Node is not null;
    }

    private TmpfsModelMount? MountAt(ReadOnlySpan<char> name)
    {
        foreach (TmpfsModelMount mount in mounts)
        {
            if (name.SequenceEqual(mount.Point))
            {
                return mount;
            }
        }

        return null;
    }
}
