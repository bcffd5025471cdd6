namespace KhoActors.Nodes.Invariants;

/// <content>The tree that the inodes of a file system make: T3, T4.</content>
internal sealed partial class TmpfsImageReader
{
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>T3 and T4: every inode is reached from the root, as often as its links say.</summary>
    private void JudgeTree(TmpfsImageMount mount)
    {
        int directories = 0;
        foreach (TmpfsImageInode directory in mount.Inodes)
        {
            if (directory.IsDirectory)
            {
                directories++;
                JudgeDirectory(directory, mount);
            }
        }

        foreach (TmpfsImageInode inode in mount.Inodes)
        {
            bool isRoot = inode.Number == mount.RootNumber;
            uint expected = isRoot ? 0 : inode.IsDirectory ? 1 : inode.Links;
            bool isNamed = inode.Names == expected && (isRoot || expected != 0);
            Require(isNamed, InvariantCatalog.TmpfsTree, mount.Name, "links and names differ of inode", inode.Number);
        }

        Require(mount.Find(mount.RootNumber) is { IsDirectory: true }, InvariantCatalog.TmpfsTree, mount.Name, "the root is no directory");
        JudgeDepth(mount, directories);
    }

    private void JudgeDirectory(TmpfsImageInode directory, TmpfsImageMount mount)
    {
        uint subdirectories = 0;
        foreach ((_, ulong number, byte type) in directory.Entries)
        {
            TmpfsImageInode? target = mount.Find(number);
            bool isRight = target is not null && type == ((target.Mode >> 12) switch { 8 => 1, 4 => 2, 2 => 3, 6 => 4, 1 => 5, 12 => 6, 10 => 7, _ => 0 });
            Require(isRight, InvariantCatalog.TmpfsTree, mount.Name, "an entry names no inode, or with another type: inode", number);
            if (target is not null)
            {
                target.Names++;
            }

            bool isDirectory = target is { IsDirectory: true };
            subdirectories += isDirectory ? 1u : 0;
            bool agrees = !isDirectory || target!.ParentNumber == directory.Number;
            Require(agrees, InvariantCatalog.TmpfsTree, mount.Name, "parent_ino names another directory: inode", number);
        }

        bool isSum = directory.Links == 2 + subdirectories;
        Require(isSum, InvariantCatalog.TmpfsTree, mount.Name, "links and subdirectories differ of directory", directory.Number);
        Require(!_judges || HasUniqueNames(directory), InvariantCatalog.TmpfsTree, mount.Name, "a name is there twice in directory", directory.Number);
    }

    private bool HasUniqueNames(TmpfsImageInode directory)
    {
        _names.Clear();
        bool isUnique = true;
        foreach ((string name, _, _) in directory.Entries)
        {
            isUnique &= _names.Add(name);
        }

        return isUnique;
    }

    /// <summary>No cycle: every directory comes to the root in fewer steps than there are directories.</summary>
    private void JudgeDepth(TmpfsImageMount mount, int directories)
    {
        foreach (TmpfsImageInode inode in mount.Inodes)
        {
            TmpfsImageInode? at = inode.IsDirectory ? inode : null;
            for (int steps = 0; at is not null && at.Number != mount.RootNumber; steps++)
            {
                at = steps < directories ? mount.Find(at.ParentNumber) : null;
            }

            Require(!inode.IsDirectory || at is not null, InvariantCatalog.TmpfsTree, mount.Name, "does not hang from the root: directory", inode.Number);
        }
    }
}
