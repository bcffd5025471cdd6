using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>Compares all that can be seen of the file systems with the model.</summary>
/// <param name="kernel">The file systems.</param>
/// <param name="model">What they should be.</param>
/// <param name="after">What has just been done, for the message.</param>
internal sealed class TmpfsModelComparison(TmpfsKernel kernel, TmpfsModel model, string after)
{
    public void Compare()
    {
        foreach (ModelMount mount in model.Mounts)
        {
            TmpfsFileSystem actual = kernel.Mounts.Find(mount.Name)!;
            List<ModelNode> all = mount.All();
            Same("inodes", (ulong)all.Count, (ulong)actual.Inodes.Count);
            Same("blocks", mount.UsedBlocks, actual.UsedBlocks);
            Same("inode space", mount.UsedSpace, actual.UsedInodeSpaceBytes);
            Same("orphans", (ulong)mount.Orphans.Count, (ulong)actual.UnlinkedOpenInodes);
            Same("next number", mount.NextNumber, actual.NextInodeNumber);
            ulong freeBlocks = mount.MaxBlocks == 0 ? 0 : mount.MaxBlocks - mount.UsedBlocks;
            ulong freeInodes = mount.MaxInodes == 0 ? 0 : ((mount.MaxInodes * 1024) - mount.UsedSpace) / 1024;
            Same("statfs", new KernelResult(0, mount.MaxBlocks, freeBlocks), kernel.Ask(TmpfsProtocol.StatFileSystem, mount.Name, 0));
            Same("statfs", new KernelResult(0, mount.MaxInodes, freeInodes), kernel.Ask(TmpfsProtocol.StatFileSystem, mount.Name, 1));
            CompareTree(mount, mount.Root, "/" + mount.Name, actual);
            for (int i = 1; i < actual.Inodes.Count; i++)
            {
                Assert.True(actual.Inodes[i - 1].Number < actual.Inodes[i].Number, after);
            }
        }

        foreach ((int descriptor, (ModelMount mount, ModelNode node, _)) in model.Open)
        {
            CompareNode(mount, node, $"fd:{descriptor}", kernel.Mounts.Find(mount.Name)!);
        }

        Same("pages", (ulong)model.Mounts.Sum(mount => (long)mount.UsedBlocks), (ulong)kernel.PagesInUse);
    }

    private void CompareTree(ModelMount mount, ModelNode node, string path, TmpfsFileSystem actual)
    {
        CompareNode(mount, node, path, actual);
        TmpfsInode inode = actual.FindInode(node.Number)!;
        Assert.True(node.Kids.Select(kid => kid.Name).SequenceEqual(inode.Entries.Select(entry => entry.Name)), $"{after}: names in {path}");
        foreach ((string name, ModelNode kid) in node.Kids)
        {
            CompareTree(mount, kid, $"{path}/{name}", actual);
        }
    }

    private void CompareNode(ModelMount mount, ModelNode node, string path, TmpfsFileSystem actual)
    {
        Same(path + " number, size", new KernelResult(0, node.Number, node.Size), kernel.Stat(path, TmpfsStatField.InodeAndSize));
        KernelResult owner = new(0, ((ulong)node.Mode << 32) | mount.Links(node), ((ulong)node.Uid << 32) | node.Gid);
        Same(path + " mode, links, owner", owner, kernel.Stat(path, TmpfsStatField.ModeLinksOwner));
        KernelResult blocks = new(0, (ulong)node.Pages.Count * 8, ((ulong)node.Device << 32) | node.Flags);
        Same(path + " blocks, device, flags", blocks, kernel.Stat(path, TmpfsStatField.BlocksDevice));
        Same(path + " atime", ResultOf(node.Access), kernel.Stat(path, TmpfsStatField.AccessTime));
        Same(path + " mtime", ResultOf(node.Modify), kernel.Stat(path, TmpfsStatField.ModifyTime));
        Same(path + " ctime", ResultOf(node.Change), kernel.Stat(path, TmpfsStatField.ChangeTime));
        Same(path + " btime", ResultOf(node.Birth), kernel.Stat(path, TmpfsStatField.BirthTime));
        if (node.IsFile)
        {
            byte[] content = kernel.ContentOf(actual.FindInode(node.Number)!);
            Assert.True(content.AsSpan().SequenceEqual(node.Data), $"{after}: content of {path}");
        }
    }

    private static KernelResult ResultOf(TmpfsTime time) => new(0, (ulong)time.Seconds, time.Nanoseconds);

    private void Same<T>(string what, T expected, T actual)
        where T : IEquatable<T> => Assert.True(expected.Equals(actual), $"{after}: {what}: {actual}, the model says {expected}");
}
