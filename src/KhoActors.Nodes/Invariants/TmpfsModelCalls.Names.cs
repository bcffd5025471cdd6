using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Invariants;

/// <content>Names: what is made, linked, removed and moved.</content>
internal sealed partial class TmpfsModelCalls
{
    private const uint InheritedFlags = 0xC0;
    private const ulong Exchange = 2;
    private const ulong Whiteout = 4;

    private void Made(ReadOnlySpan<char> path, in Message request, KernelResult result, uint mode, string? target = null)
    {
        if (_paths.FindParent(path, out string name).Node is not { } directory)
        {
            return;
        }

        TmpfsModelNode node = New(directory, result.Value, mode, (uint)(request.B >> 32), (uint)request.B);
        node.Target = target;
        node.SizeBytes = (ulong)(target?.Length ?? 0);
        node.DeviceNumber = (uint)request.C;
        if (node.IsDirectory)
        {
            node.Links = 2;
            node.Parent = directory;
            directory.Links++;
        }

        directory.Entries[name] = node;
    }

    /// <summary>A new inode takes the group of a directory that is set-group-ID, and some flags of any.</summary>
    private static TmpfsModelNode New(TmpfsModelNode directory, ulong number, uint mode, uint uid, uint gid)
    {
        bool inheritsGroup = (directory.Mode & SetGroupId) != 0;
        bool isDirectory = (mode & TmpfsModelNode.TypeMask) == 0x4000;
        return new TmpfsModelNode
        {
            Number = number,
            Mode = inheritsGroup && isDirectory ? mode | SetGroupId : mode,
            Uid = uid,
            Gid = inheritsGroup ? directory.Gid : gid,
            Flags = directory.Flags & InheritedFlags,
        };
    }

    private void Linked(ReadOnlySpan<char> oldPath, ReadOnlySpan<char> newPath)
    {
        if (Find(oldPath, followLast: false).Node is { } node && _paths.FindParent(newPath, out string name).Node is { } directory)
        {
            directory.Entries[name] = node;
            node.Links++;
        }
    }

    private void Removed(ReadOnlySpan<char> path)
    {
        if (_paths.FindParent(path, out string name).Node is { } directory && directory.Entries.Remove(name, out TmpfsModelNode? node))
        {
            Unlinked(directory, node);
        }
    }

    private static void Unlinked(TmpfsModelNode directory, TmpfsModelNode node)
    {
        node.Links -= node.IsDirectory ? 2u : 1;
        directory.Links -= node.IsDirectory ? 1u : 0;
    }

    private void Renamed(ReadOnlySpan<char> oldPath, ReadOnlySpan<char> newPath, ulong flags)
    {
        if (_paths.FindParent(oldPath, out string oldName).Node is not { } from || _paths.FindParent(newPath, out string newName).Node is not { } to
            || !from.Entries.TryGetValue(oldName, out TmpfsModelNode? moved))
        {
            return;
        }

        TmpfsModelNode? target = to.Entries.GetValueOrDefault(newName);
        if (ReferenceEquals(target, moved))
        {
            return;
        }

        from.Entries.Remove(oldName);
        to.Entries.Remove(newName);
        if (target is not null && (flags & Exchange) != 0)
        {
            Enter(from, oldName, target, to);
        }
        else if (target is not null)
        {
            Unlinked(to, target);
        }

        Enter(to, newName, moved, from);
        if ((flags & Whiteout) != 0)
        {
            // Its inode number is not told: 0 stands for any.
            from.Entries[oldName] = New(from, number: 0, mode: 0x2000, uid: 0, gid: 0);
        }
    }

    private static void Enter(TmpfsModelNode directory, string name, TmpfsModelNode node, TmpfsModelNode before)
    {
        directory.Entries[name] = node;
        if (node.IsDirectory)
        {
            node.Parent = directory;
            before.Links--;
            directory.Links++;
        }
    }
}
