using System.Buffers.Binary;
using System.Text;

namespace KhoActors.Subsystems.Tmpfs.Layout;

/// <content>Directories: their streams, and the tree that they must form.</content>
public sealed partial class TmpfsSnapshotReader
{
    private readonly List<uint> _references = [];
    private readonly List<TmpfsInode> _reached = [];

    /// <summary>Reads a directory's stream from the leaves that are gathered.</summary>
    private bool ReadDirectory(TmpfsInode directory, in InodeRecord fields)
    {
        if (_leaves.Count != 0 && _leaves[^1].Index != (ulong)_leaves.Count - 1)
        {
            return Fail("directory has holes", directory);
        }

        LayoutCrc crc = default;
        int gap = 0;
        for (int page = 0; page < _leaves.Count; page++)
        {
            int length = (int)Math.Min(fields.SizeBytes - ((ulong)page * LayoutRules.PageBytes), LayoutRules.PageBytes);
            ReadOnlySpan<byte> bytes = BytesOf(_leaves[page].Value & ~PageMap.FlagBits);
            crc.Add(bytes[..length]);
            bool isLast = page == _leaves.Count - 1;
            if (!ReadDirectoryPage(directory, bytes, isLast ? length : -1, ref gap))
            {
                return Fail("directory stream", directory);
            }
        }

        return crc.Value == fields.DataCrc || Fail("data_crc", directory);
    }

    /// <summary>Reads the records of a page.</summary>
    /// <param name="directory">Receives the entries.</param>
    /// <param name="page">The page.</param>
    /// <param name="endOfStream">Where the last record ends, on the last page; -1 on others.</param>
    /// <param name="gap">Bytes left on the page before, which the first record must not have fitted into; receives this page's.</param>
    private bool ReadDirectoryPage(TmpfsInode directory, ReadOnlySpan<byte> page, int endOfStream, ref int gap)
    {
        int at = 0;
        while (at != endOfStream && page.Length - at >= DirectoryStream.NameAt)
        {
            ReadOnlySpan<byte> rest = page[at..];
            int bytes = BinaryPrimitives.ReadUInt16LittleEndian(rest[DirectoryStream.LengthAt..]);
            if (bytes == 0)
            {
                break;
            }

            int nameLength = rest[DirectoryStream.NameLengthAt];
            bool lengthIsSound = nameLength != 0 && bytes == DirectoryStream.RecordBytes(nameLength) && bytes <= rest.Length;
            if (!lengthIsSound || (at == 0 && gap != 0 && bytes <= gap) || !ReadEntry(directory, rest[..bytes], nameLength))
            {
                return false;
            }

            at += bytes;
        }

        gap = page.Length - at;
        return at != 0 && (endOfStream < 0 || at == endOfStream) && LayoutRules.IsZero(page[at..]);
    }

    private bool ReadEntry(TmpfsInode directory, ReadOnlySpan<byte> record, int nameLength)
    {
        ReadOnlySpan<byte> name = record.Slice(DirectoryStream.NameAt, nameLength);
        int index = IndexOf(BinaryPrimitives.ReadUInt64LittleEndian(record));
        if (index < 0 || !DirectoryStream.IsEntryName(name) || !LayoutRules.IsZero(record[(DirectoryStream.NameAt + nameLength)..]))
        {
            return false;
        }

        TmpfsInode inode = _snapshot.Inodes[index];
        string text = Encoding.Latin1.GetString(name);
        if (record[DirectoryStream.TypeAt] != inode.EntryType || directory.Entries.Find(text, out _))
        {
            return Fail($"entry {directory.Entries.Count}", directory);
        }

        directory.Entries.Add(text, inode);
        return true;
    }

    /// <summary>
    /// Directories form a tree below the root, each named once and by its parent; every other inode has as many names as links.
    /// </summary>
    private bool CheckTree()
    {
        _references.Clear();
        foreach (TmpfsInode inode in _snapshot.Inodes)
        {
            _references.Add(0);
            foreach (TmpfsDirectoryEntry entry in inode.Entries)
            {
                if (!CheckParent(inode, entry.Inode))
                {
                    return false;
                }
            }
        }

        _snapshot.Root.Parent = _snapshot.Root;
        return CountLinks() && ReachDirectories();
    }

    private bool CheckParent(TmpfsInode directory, TmpfsInode child)
    {
        if (!child.IsDirectory)
        {
            return true;
        }

        if (child == _snapshot.Root || child.Parent is not null)
        {
            return Fail("a directory has two names", child);
        }

        child.Parent = directory;
        return true;
    }

    private bool CountLinks()
    {
        List<TmpfsInode> all = _snapshot.Inodes;
        foreach (TmpfsInode directory in all)
        {
            foreach (TmpfsDirectoryEntry entry in directory.Entries)
            {
                _references[IndexOf(entry.Inode.Number)]++;
            }
        }

        for (int i = 0; i < all.Count; i++)
        {
            TmpfsInode inode = all[i];
            uint expected = _references[i];
            if (inode.IsDirectory)
            {
                expected = 2;
                foreach (TmpfsDirectoryEntry entry in inode.Entries)
                {
                    expected += entry.Inode.IsDirectory ? 1u : 0;
                }
            }

            if (inode.LinkCount != expected)
            {
                return Fail($"nlink is {inode.LinkCount}, found {expected}", inode);
            }

            if (inode.IsDirectory && inode.Parent?.Number != _records[i].ParentNumber)
            {
                return Fail("parent_ino", inode);
            }
        }

        return true;
    }

    private bool ReachDirectories()
    {
        _reached.Clear();
        _reached.Add(_snapshot.Root);
        for (int i = 0; i < _reached.Count; i++)
        {
            foreach (TmpfsDirectoryEntry entry in _reached[i].Entries)
            {
                if (entry.Inode.IsDirectory)
                {
                    _reached.Add(entry.Inode);
                }
            }
        }

        int directories = 0;
        foreach (TmpfsInode inode in _snapshot.Inodes)
        {
            directories += inode.IsDirectory ? 1 : 0;
        }

        return _reached.Count == directories || Fail("directories cannot be reached from the root");
    }
}
