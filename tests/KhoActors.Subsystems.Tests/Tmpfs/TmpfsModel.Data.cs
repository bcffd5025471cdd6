using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <content>Content, descriptors and attributes.</content>
internal sealed partial class TmpfsModel
{
    private const int Page = 4096;

    public KernelResult Write(string path, ulong offset, byte[] bytes, bool nonBlocking)
    {
        int error = FindWritable(path, out ModelMount? mount, out ModelNode? file);
        if (error == 0 && mount!.Frozen)
        {
            error = nonBlocking ? -Errno.EAGAIN : Blocked;
        }

        if (error != 0 || bytes.Length == 0)
        {
            return new KernelResult(error);
        }

        Touched(file!);
        int stored = 0;
        while (stored < bytes.Length)
        {
            ulong at = offset + (ulong)stored;
            error = Reserve(mount!, file!, at / Page, written: true);
            if (error != 0)
            {
                break;
            }

            int length = Math.Min(bytes.Length - stored, Page - (int)(at % Page));
            Grow(file!, at + (ulong)length);
            bytes.AsSpan(stored, length).CopyTo(file!.Data.AsSpan((int)at));
            stored += length;
        }

        return stored == 0 ? new KernelResult(error) : new KernelResult(0, (ulong)stored);
    }

    public KernelResult MapWrite(string path, ulong offset, byte[] bytes)
    {
        int error = FindWritable(path, out ModelMount? mount, out ModelNode? file);
        if (error != 0 || mount!.Frozen)
        {
            return new KernelResult(error != 0 ? error : Blocked);
        }

        TouchAccess(mount, file!);
        ulong mapped = ((ulong)file!.Data.Length + Page - 1) / Page * Page;
        for (int stored = 0; stored < bytes.Length; stored++)
        {
            ulong at = offset + (ulong)stored;
            bool isFault = stored == 0 || at % Page == 0;
            if (isFault && (at >= mapped || Reserve(mount, file, at / Page, written: true) != 0))
            {
                return new KernelResult(-Errno.EFAULT, (ulong)stored);
            }

            Touched(file);
            if (at < (ulong)file.Data.Length)
            {
                file.Data[at] = bytes[stored];
            }
        }

        return new KernelResult(0, (ulong)bytes.Length);
    }

    public KernelResult Read(string path, ulong offset, ulong length)
    {
        int error = Find(path, follow: true, out ModelMount? mount, out ModelNode? file);
        if (error == 0 && file is not { IsFile: true })
        {
            error = file is null or { IsDirectory: true } ? -Errno.EISDIR : path.StartsWith("fd", StringComparison.Ordinal) ? -Errno.ESPIPE : -Errno.ENXIO;
        }

        if (error != 0)
        {
            return new KernelResult(error);
        }

        TouchAccess(mount!, file!);
        byte[] read = file!.Data.Skip((int)Math.Min(offset, int.MaxValue)).Take((int)length).ToArray();
        return new KernelResult(0, (ulong)read.Length, BitwiseCrc(read));
    }

    public int Truncate(string path, ulong size)
    {
        bool open = path.StartsWith("fd:", StringComparison.Ordinal);
        int error = Find(path, follow: true, out ModelMount? mount, out ModelNode? file);
        if (error != 0)
        {
            return error;
        }

        if (open && !Open[int.Parse(path[3..])].Writable)
        {
            return -Errno.EINVAL;
        }

        if (file is not { IsFile: true })
        {
            return file is null or { IsDirectory: true } ? -Errno.EISDIR : -Errno.EINVAL;
        }

        bool locked = open ? (file.Flags & 0x20) != 0 : file.IsLocked;
        error = open && locked ? -Errno.EPERM : open && mount!.Frozen ? Blocked : open ? 0 : WantWrite(mount);
        if (error != 0 || locked)
        {
            return error != 0 ? error : -Errno.EPERM;
        }

        ulong before = (ulong)file.Data.Length;
        if (open || size != before || (size <= before && file.Pages.Count != 0))
        {
            Touched(file);
        }

        if (size <= before)
        {
            ulong pages = (size + Page - 1) / Page;
            file.Pages.Keys.Where(page => page >= pages).ToList().ForEach(page => file.Pages.Remove(page));
        }

        byte[] data = file.Data;
        Array.Resize(ref data, (int)size);
        file.Data = data;
        return 0;
    }

    public int Allocate(string path, ulong mode, ulong offset, ulong length)
    {
        int error = FindWritable(path, out ModelMount? mount, out ModelNode? file);
        if (error != 0 || mount!.Frozen)
        {
            return error != 0 ? error : Blocked;
        }

        if (length == 0 || mode is not (0 or 1 or 3))
        {
            return length == 0 ? -Errno.EINVAL : -Errno.EOPNOTSUPP;
        }

        if ((file!.Flags & (mode == 3 ? 0x30U : 0x10U)) != 0)
        {
            return -Errno.EPERM;
        }

        if (mode == 3)
        {
            for (ulong at = offset; at < offset + length; at++)
            {
                if (at < (ulong)file.Data.Length)
                {
                    file.Data[at] = 0;
                }

                if (at % Page == 0 && at + Page <= offset + length)
                {
                    file.Pages.Remove(at / Page);
                }
            }
        }
        else
        {
            ulong first = offset / Page;
            ulong end = (offset + length + Page - 1) / Page;
            ulong missing = (ulong)Enumerable.Range((int)first, (int)(end - first)).Count(page => !file.Pages.ContainsKey((ulong)page));
            ulong room = mount.MaxBlocks == 0 ? ulong.MaxValue : mount.MaxBlocks - mount.UsedBlocks;
            if (missing > room || (mount.MaxBlocks != 0 && end - first > mount.MaxBlocks) || (long)missing > FreePages)
            {
                // Whichever runs out first on the way; blocks are looked at first.
                bool blocks = (mount.MaxBlocks != 0 && end - first > mount.MaxBlocks) || (missing > room && room <= (ulong)FreePages);
                return blocks ? -Errno.ENOSPC : -Errno.ENOMEM;
            }

            for (ulong page = first; page < end; page++)
            {
                file.Pages.TryAdd(page, false);
            }

            if (mode == 0)
            {
                Grow(file, offset + length);
            }
        }

        Touched(file);
        return 0;
    }

    public KernelResult Seek(string path, ulong offset, bool data)
    {
        int error = Find(path, follow: true, out _, out ModelNode? file);
        if (error == 0 && file is not { IsFile: true })
        {
            error = file is null or { IsDirectory: true } ? -Errno.EINVAL : path.StartsWith("fd", StringComparison.Ordinal) ? -Errno.ESPIPE : -Errno.ENXIO;
        }

        if (error != 0)
        {
            return new KernelResult(error);
        }

        ulong size = (ulong)file!.Data.Length;
        ulong at = offset;
        while (at < size && (file.Pages.TryGetValue(at / Page, out bool written) && written) != data)
        {
            at++;
        }

        return offset >= size || (at >= size && data) ? new KernelResult(-Errno.ENXIO) : new KernelResult(0, at);
    }

    public KernelResult OpenFile(string path)
    {
        int error = Find(path, follow: true, out ModelMount? mount, out ModelNode? node);
        if (error != 0 || node is null)
        {
            return new KernelResult(error != 0 ? error : -Errno.EOPNOTSUPP);
        }

        if (!node.IsFile && !node.IsDirectory && node.Mode >> 12 != 1)
        {
            return new KernelResult(-Errno.ENXIO);
        }

        int descriptor = 3;
        while (Open.ContainsKey(descriptor))
        {
            descriptor++;
        }

        node.Opened++;
        Open.Add(descriptor, (mount!, node, node.IsFile && !mount!.ReadOnly && !node.IsLocked));
        return new KernelResult(0, (ulong)descriptor);
    }

    public int Close(string path)
    {
        if (!path.StartsWith("fd:", StringComparison.Ordinal) || !Open.Remove(int.Parse(path[3..]), out (ModelMount Mount, ModelNode Node, bool Writable) open))
        {
            return -Errno.EBADF;
        }

        open.Node.Opened--;
        if (open.Node.Opened == 0)
        {
            open.Mount.Orphans.Remove(open.Node);
        }

        return 0;
    }

    public KernelResult ReadLink(string path)
    {
        int error = Find(path, follow: false, out ModelMount? mount, out ModelNode? node);
        error = error == 0 && node is null ? -Errno.EOPNOTSUPP : error == 0 && !node!.IsLink ? -Errno.EINVAL : error;
        if (error != 0)
        {
            return new KernelResult(error);
        }

        TouchAccess(mount!, node!);
        Text = node!.Target;
        return new KernelResult(0, node.Size);
    }

    public int ReadDirectory(string path, out List<string> names)
    {
        names = [];
        int error = Find(path, follow: true, out ModelMount? mount, out ModelNode? node);
        error = error == 0 && node is null ? -Errno.EOPNOTSUPP : error == 0 && !node!.IsDirectory ? -Errno.ENOTDIR : error;
        if (error != 0 || mount!.Orphans.Contains(node!))
        {
            return error != 0 ? error : -Errno.ENOENT;
        }

        TouchAccess(mount, node!);
        names = [".", "..", .. node!.Kids.Select(kid => kid.Name)];
        return 0;
    }

    /// <summary>chmod, chown, utimensat, setxattr and FS_IOC_SETFLAGS.</summary>
    public int Change(string path, bool needsUnlocked, Func<ModelMount, ModelNode, int> change, bool isFlags = false)
    {
        int error = Find(path, follow: true, out ModelMount? mount, out ModelNode? node);
        if (error != 0)
        {
            return error;
        }

        if (isFlags && node is null)
        {
            return -Errno.EOPNOTSUPP;
        }

        if (isFlags && !node!.IsFile && !node.IsDirectory)
        {
            return node.Mode >> 12 == 1 ? -Errno.ENOTTY : -Errno.ENXIO;
        }

        error = WantWrite(mount);
        error = error != 0 ? error : needsUnlocked && node!.IsLocked ? -Errno.EPERM : change(mount!, node!);
        if (error == 0)
        {
            node!.Change = Now;
        }

        return error;
    }

    private int FindWritable(string path, out ModelMount? mount, out ModelNode? file)
    {
        int error = Find(path, follow: true, out mount, out file);
        if (error != 0)
        {
            return error;
        }

        if (path.StartsWith("fd:", StringComparison.Ordinal))
        {
            return Open[int.Parse(path[3..])].Writable ? 0 : -Errno.EBADF;
        }

        if (file is not { IsFile: true })
        {
            return file is null or { IsDirectory: true } ? -Errno.EISDIR : -Errno.ENXIO;
        }

        return mount!.ReadOnly ? -Errno.EROFS : file.IsLocked ? -Errno.EPERM : 0;
    }

    private int Reserve(ModelMount mount, ModelNode file, ulong page, bool written)
    {
        if (!file.Pages.ContainsKey(page))
        {
            if (mount.MaxBlocks != 0 && mount.UsedBlocks >= mount.MaxBlocks)
            {
                return -Errno.ENOSPC;
            }

            if (FreePages <= 0)
            {
                return -Errno.ENOMEM;
            }
        }

        file.Pages[page] = written;
        return 0;
    }

    private static uint BitwiseCrc(byte[] bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
            }
        }

        return ~crc;
    }

    private static void Grow(ModelNode file, ulong size)
    {
        if (size > (ulong)file.Data.Length)
        {
            byte[] data = file.Data;
            Array.Resize(ref data, (int)size);
            file.Data = data;
        }
    }
}
