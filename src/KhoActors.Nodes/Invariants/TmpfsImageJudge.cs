using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Invariants;

/// <summary>Compares a file system that is handed over with the model: T6, and T7.</summary>
/// <param name="memory">RAM.</param>
/// <param name="image">What is handed over.</param>
/// <param name="report">Receives violations: invariant, detail.</param>
internal sealed class TmpfsImageJudge(PhysicalMemory memory, TmpfsImageMount image, Action<string, string> report)
{
    /// <summary>Compares the whole tree.</summary>
    public void Judge(TmpfsModelMount mount) => JudgeDirectory(mount.Root, image.RootNumber, $"{mount.Name}:");

    private void JudgeDirectory(TmpfsModelNode expected, ulong number, string path)
    {
        if (image.Find(number) is not { } found)
        {
            report(InvariantCatalog.TmpfsContent, $"{path} is not handed over");
            return;
        }

        if (found.Entries.Count != expected.Entries.Count)
        {
            report(InvariantCatalog.TmpfsContent, $"{path} has {found.Entries.Count} entries, expected {expected.Entries.Count}");
        }

        foreach ((string name, ulong child, _) in found.Entries)
        {
            if (!expected.Entries.TryGetValue(name, out TmpfsModelNode? node))
            {
                report(InvariantCatalog.TmpfsContent, $"{path}/{name} is handed over and should not be there");
            }
            else if (node.Number != 0 && node.Number != child)
            {
                report(InvariantCatalog.TmpfsContent, $"{path}/{name} is inode {child}, expected {node.Number}");
            }
            else
            {
                JudgeNode(node, image.Find(child), $"{path}/{name}");
            }
        }
    }

    private void JudgeNode(TmpfsModelNode expected, TmpfsImageInode? found, string path)
    {
        if (found is null)
        {
            report(InvariantCatalog.TmpfsContent, $"{path} is not handed over");
            return;
        }

        bool sizesAgree = expected.IsDirectory || expected.SizeBytes == found.SizeBytes;
        bool devicesAgree = (expected.Mode & 0xF000) is not (0x2000 or 0x6000) || expected.DeviceNumber == found.DeviceNumber;
        bool agree = sizesAgree && devicesAgree && expected.Target == found.Target && expected.Flags == found.Flags
            && (expected.Mode, expected.Links, expected.Uid, expected.Gid) == (found.Mode, found.Links, found.Uid, found.Gid);
        if (!agree)
        {
            report(
                InvariantCatalog.TmpfsContent,
                $"{path}: expected mode {expected.Mode:x}, {expected.Links} links, owner {expected.Uid}:{expected.Gid}, {expected.SizeBytes} bytes; "
                + $"handed over is mode {found.Mode:x}, {found.Links} links, owner {found.Uid}:{found.Gid}, {found.SizeBytes} bytes");
        }
        else if (expected.IsDirectory)
        {
            JudgeDirectory(expected, found.Number, path);
        }
        else if (expected.IsRegular)
        {
            JudgePages(expected, found, path);
        }
    }

    private void JudgePages(TmpfsModelNode expected, TmpfsImageInode found, string path)
    {
        ulong next = 0;
        Span<byte> page = stackalloc byte[PageGeometry.SizeBytes];
        foreach ((ulong index, ulong phys, bool isUpToDate) in found.Pages)
        {
            JudgeHoles(expected, next, index, path);
            next = index + 1;
            ulong start = index << PageGeometry.Shift;
            int inside = (int)Math.Min(PageGeometry.SizeBytes, expected.SizeBytes - Math.Min(expected.SizeBytes, start));
            if (!expected.Content.Matches(memory, index, isUpToDate ? phys : 0, inside))
            {
                report(InvariantCatalog.TmpfsContent, $"{path}: page {index} at 0x{phys:x} holds other bytes than were written");
            }

            if (inside < PageGeometry.SizeBytes && isUpToDate)
            {
                memory.Read(phys, page);
                if (page[inside..].IndexOfAnyExcept((byte)0) >= 0)
                {
                    report(InvariantCatalog.TmpfsTail, $"{path}: page {index} holds bytes behind the end of the file, {expected.SizeBytes}");
                }
            }
        }

        JudgeHoles(expected, next, (expected.SizeBytes + PageGeometry.SizeBytes - 1) >> PageGeometry.Shift, path);
    }

    private void JudgeHoles(TmpfsModelNode expected, ulong first, ulong end, string path)
    {
        if (expected.Content.FirstWritten(first << PageGeometry.Shift, end << PageGeometry.Shift) is { } offset)
        {
            report(InvariantCatalog.TmpfsContent, $"{path}: bytes at {offset} were written, and no page is handed over");
        }
    }
}
