using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Invariants;

/// <summary>Compares a file system that is handed over with the model: T6, and T7.</summary>
/// <param name="memory">RAM.</param>
/// <param name="image">What is handed over.</param>
/// <param name="report">Receives violations: invariant, detail.</param>
internal sealed class TmpfsImageJudge(PhysicalMemory memory, TmpfsImageMount image, Action<string, string> report)
{
    /// <summary>Compares the whole tree.</summary>
    /// <param name="mount">What the system calls made.</param>
    public void Judge(TmpfsModelMount mount)
    {
        TmpfsImageInode root = image.Find(image.RootNumber)!;
        if (mount.IsRootKnown)
        {
            JudgeAttributes(mount.Root, root, mount.Name);
        }

        JudgeDirectory(mount.Root, root, mount.Name);
    }

    private void JudgeDirectory(TmpfsModelNode expected, TmpfsImageInode found, string name)
    {
        if (found.Entries.Length != expected.Entries.Count)
        {
            Report(name, $"the directory has {found.Entries.Length} entries, expected {expected.Entries.Count}");
        }

        foreach ((string entry, ulong number, _) in found.Entries)
        {
            if (!expected.Entries.TryGetValue(entry, out TmpfsModelNode? node))
            {
                Report(entry, "it is handed over and should not be there");
            }
            else if (node.Number != 0 && node.Number != number)
            {
                Report(entry, $"it is inode {number}, expected {node.Number}");
            }
            else
            {
                JudgeNode(node, image.Find(number)!, entry);
            }
        }
    }

    private void JudgeNode(TmpfsModelNode expected, TmpfsImageInode found, string name)
    {
        if (!JudgeAttributes(expected, found, name))
        {
            return;
        }

        if (expected.IsDirectory)
        {
            JudgeDirectory(expected, found, name);
        }
        else if (expected.IsRegular)
        {
            JudgePages(expected, found, name);
        }
    }

    private bool JudgeAttributes(TmpfsModelNode expected, TmpfsImageInode found, string name)
    {
        bool agree = expected.Mode == found.Mode && expected.Links == found.Links && expected.Uid == found.Uid && expected.Gid == found.Gid
            && (expected.IsDirectory || expected.SizeBytes == found.SizeBytes)
            && (!expected.IsDevice || expected.DeviceNumber == found.DeviceNumber)
            && expected.Target == found.Target && expected.Flags == found.Flags;
        if (!agree)
        {
            Report(
                name,
                $"expected mode {expected.Mode:x}, {expected.Links} links, owner {expected.Uid}:{expected.Gid}, flags {expected.Flags:x}, "
                + $"{expected.SizeBytes} bytes; handed over is mode {found.Mode:x}, {found.Links} links, owner {found.Uid}:{found.Gid}, "
                + $"flags {found.Flags:x}, {found.SizeBytes} bytes");
        }

        return agree;
    }

    private void JudgePages(TmpfsModelNode expected, TmpfsImageInode found, string name)
    {
        ulong next = 0;
        Span<byte> page = stackalloc byte[PageGeometry.SizeBytes];
        foreach ((ulong index, ulong phys, bool isUpToDate) in found.Pages)
        {
            JudgeHoles(expected, next, index, name);
            next = index + 1;
            ulong start = index << PageGeometry.Shift;
            int inside = (int)Math.Min(PageGeometry.SizeBytes, expected.SizeBytes - Math.Min(expected.SizeBytes, start));
            if (!expected.Content.Matches(memory, index, isUpToDate ? phys : 0, inside))
            {
                Report(name, $"page {index} at 0x{phys:x} holds other bytes than were written");
            }

            if (inside < PageGeometry.SizeBytes && isUpToDate)
            {
                memory.Read(phys, page);
                if (page[inside..].IndexOfAnyExcept((byte)0) >= 0)
                {
                    report(InvariantCatalog.TmpfsTail, $"'{image.Name}', {name}: page {index} holds bytes behind the end of the file, {expected.SizeBytes}");
                }
            }
        }

        JudgeHoles(expected, next, (expected.SizeBytes + PageGeometry.SizeBytes - 1) >> PageGeometry.Shift, name);
    }

    private void JudgeHoles(TmpfsModelNode expected, ulong first, ulong end, string name)
    {
        if (expected.Content.FirstWritten(first << PageGeometry.Shift, end << PageGeometry.Shift) is { } offset)
        {
            Report(name, $"bytes at {offset} were written, and no page is handed over");
        }
    }

    private void Report(string name, string detail) => report(InvariantCatalog.TmpfsContent, $"'{image.Name}', {name}: {detail}");
}
