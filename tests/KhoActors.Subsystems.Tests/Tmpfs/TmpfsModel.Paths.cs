namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>A plain tmpfs: what the specification says, with no thought of speed. Paths.</summary>
internal sealed partial class TmpfsModel
{
    private const int Blocked = int.MinValue;

    public List<ModelMount> Mounts { get; } = [];

    public SortedDictionary<int, (ModelMount Mount, ModelNode Node, bool Writable)> Open { get; } = [];

    public Subsystems.Tmpfs.TmpfsTime Now { get; set; }

    public string? Text { get; private set; }

    /// <summary>Pages that exist.</summary>
    public long Capacity { get; set; } = long.MaxValue;

    public long FreePages => Capacity - Mounts.Sum(mount => (long)mount.UsedBlocks);

    /// <summary>A slash at the end stands for <c>/.</c>, a link for its target in front of what is left; node null is the directory of mounts.</summary>
    private int Resolve(string path, bool follow, out ModelMount? mount, out ModelNode? node)
    {
        (mount, node) = (null, null);
        if (path.Length is 0 or >= 4096)
        {
            return path.Length == 0 ? -Errno.ENOENT : -Errno.ENAMETOOLONG;
        }

        LinkedList<string> left = Components(path);
        for (int links = 0; left.First is { } first;)
        {
            left.RemoveFirst();
            if (node is { IsDirectory: false })
            {
                return -Errno.ENOTDIR;
            }

            int error = StepInto(first.Value, ref mount, ref node, out ModelNode? from);
            if (error != 0)
            {
                return error;
            }

            if (node is { IsLink: true } && (left.Count != 0 || follow))
            {
                if (++links > 40)
                {
                    return -Errno.ELOOP;
                }

                TouchAccess(mount!, node);
                foreach (string component in Components(node.Target!).Reverse())
                {
                    left.AddFirst(component);
                }

                (mount, node) = node.Target![0] == '/' ? (null, null) : (mount, from);
            }
        }

        return 0;
    }

    private static LinkedList<string> Components(string path)
    {
        LinkedList<string> components = new(path.Split('/').Where(component => component.Length != 0));
        if (path[^1] == '/' && components.Count != 0)
        {
            components.AddLast(".");
        }

        return components;
    }

    private int StepInto(string name, ref ModelMount? mount, ref ModelNode? node, out ModelNode? from)
    {
        from = node;
        if (name == ".")
        {
            return 0;
        }

        if (name == "..")
        {
            (mount, node) = node is null || node == mount!.Root ? (null, null) : (mount, mount.ParentOf(node));
            return 0;
        }

        if (name.Length > 255)
        {
            return -Errno.ENAMETOOLONG;
        }

        if (node is null)
        {
            mount = Mounts.Find(candidate => candidate.Name == name);
            node = mount?.Root;
        }
        else
        {
            node = node.Kid(name);
        }

        return node is null ? -Errno.ENOENT : 0;
    }

    /// <summary>The directory of the last component; the component is empty for slashes only.</summary>
    private int ResolveParent(string path, out ModelMount? mount, out ModelNode? directory, out string name, out bool slash)
    {
        (mount, directory, name, slash) = (null, null, "", false);
        if (path.StartsWith("fd:", StringComparison.Ordinal))
        {
            return -Errno.EINVAL;
        }

        if (path.Length is 0 or >= 4096)
        {
            return path.Length == 0 ? -Errno.ENOENT : -Errno.ENAMETOOLONG;
        }

        string trimmed = path.TrimEnd('/');
        slash = trimmed.Length != path.Length;
        int at = trimmed.LastIndexOf('/');
        name = trimmed[(at + 1)..];
        if (trimmed.Length == 0)
        {
            return 0;
        }

        return at < 0 ? 0 : Resolve(trimmed[..(at + 1)], follow: true, out mount, out directory);
    }

    private int Find(string path, bool follow, out ModelMount? mount, out ModelNode? node)
    {
        if (!path.StartsWith("fd:", StringComparison.Ordinal))
        {
            return Resolve(path, follow, out mount, out node);
        }

        (mount, node) = (null, null);
        if (!Open.TryGetValue(int.Parse(path[3..]), out (ModelMount Mount, ModelNode Node, bool Writable) open))
        {
            return -Errno.EBADF;
        }

        (mount, node) = (open.Mount, open.Node);
        return 0;
    }

    private void TouchAccess(ModelMount mount, ModelNode node)
    {
        if (mount.ReadOnly || mount.Frozen || (node.Flags & 0x80) != 0)
        {
            return;
        }

        bool changedSince = Nanoseconds(node.Modify) >= Nanoseconds(node.Access) || Nanoseconds(node.Change) >= Nanoseconds(node.Access);
        if (changedSince || Now.Seconds - node.Access.Seconds >= 86_400)
        {
            node.Access = Now;
        }
    }

    private static Int128 Nanoseconds(Subsystems.Tmpfs.TmpfsTime time) => ((Int128)time.Seconds * 1_000_000_000) + time.Nanoseconds;

    private static int WantWrite(ModelMount? mount) => mount switch
    {
        null => -Errno.EROFS,
        { Frozen: true } => Blocked,
        { ReadOnly: true } => -Errno.EROFS,
        _ => 0,
    };
}
