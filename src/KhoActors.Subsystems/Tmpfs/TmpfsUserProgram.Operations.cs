using System.Globalization;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Tmpfs;

/// <content>The operations that a scenario's mix may name.</content>
public sealed partial class TmpfsUserProgram
{
    private const ulong KeepSize = 1;
    private const ulong PunchHole = 2;
    private const ulong Exchange = 2;

    private static readonly string[] OperationNames =
    [
        "tmpfs_create", "tmpfs_write", "tmpfs_read", "tmpfs_rename", "tmpfs_link", "tmpfs_symlink", "tmpfs_unlink", "tmpfs_mkdir", "tmpfs_rmdir",
        "tmpfs_truncate", "tmpfs_fallocate", "tmpfs_punch", "tmpfs_map_write", "tmpfs_chmod", "tmpfs_mount", "tmpfs_umount", "tmpfs_remount",
        "tmpfs_freeze_thaw",
    ];

    /// <inheritdoc/>
    public void Operate(int operation, UserProcess process)
    {
        ArgumentNullException.ThrowIfNull(process);
        MountedTree mount = _mounts[process.NextBelow((ulong)_mounts.Length)];
        string name = OperationNames[operation];
        if (name == "tmpfs_freeze_thaw")
        {
            Ask(Step.Freeze, null, null, Request(process, TmpfsProtocol.FreezeNow, null), process);
        }
        else if (!mount.IsMounted)
        {
            if (mount.Manner != Manner.Never)
            {
                AskMount(mount, Step.Mount, process);
            }
        }
        else
        {
            Operate(name, mount, process);
        }
    }

    private void Operate(string name, MountedTree mount, UserProcess process)
    {
        switch (name)
        {
            case "tmpfs_create":
                Make(TmpfsKnownKind.Dense, mount, process);
                break;
            case "tmpfs_symlink":
                Make(TmpfsKnownKind.Link, mount, process);
                break;
            case "tmpfs_mkdir":
                Make(TmpfsKnownKind.Directory, mount, process);
                break;
            case "tmpfs_fallocate":
                Allocate(mount, process);
                break;
            case "tmpfs_umount":
                Ask(Step.Unmount, mount, null, Request(process, TmpfsProtocol.Unmount, mount.Point), process);
                break;
            case "tmpfs_remount":
                string size = string.Create(CultureInfo.InvariantCulture, $"size={128 << (int)process.NextBelow(4)}k");
                Ask(Step.Other, mount, null, Request(process, TmpfsProtocol.Remount, Two(mount.Point, size)), process);
                break;
            case "tmpfs_mount":
                // Again, under the same name: the second is refused.
                AskMount(mount, Step.MountAgain, process);
                break;
            case "tmpfs_rmdir":
                Remove(TmpfsKnownKind.Directory, TmpfsKnownKind.Directory, TmpfsProtocol.RemoveDirectory, mount, process);
                break;
            case "tmpfs_unlink":
                TmpfsKnownKind kind = process.NextBelow(4) == 0 ? TmpfsKnownKind.Link : TmpfsKnownKind.Dense;
                Remove(kind, TmpfsKnownKind.Sparse, TmpfsProtocol.Unlink, mount, process);
                break;
            default:
                OnFile(name, mount, process);
                break;
        }
    }

    private void OnFile(string name, MountedTree mount, UserProcess process)
    {
        TmpfsKnownKind kind = name == "tmpfs_punch" ? TmpfsKnownKind.Sparse : TmpfsKnownKind.Dense;
        if (mount.Files.Find(kind, kind, process.NextRandom()) is not { } file)
        {
            Make(kind, mount, process);
            return;
        }

        if (kind == TmpfsKnownKind.Dense && file.Content.SizeBytes is null)
        {
            AskCheck(mount, file, process);
            return;
        }

        ulong size = file.Content.SizeBytes ?? MostFileBytes;
        switch (name)
        {
            case "tmpfs_write":
                Write(file, size, mount, process);
                break;
            case "tmpfs_map_write" when size > 0:
                // Up to the end of the last page: hardware stores what lies behind the end of the file, too.
                ulong offset = process.NextBelow(size);
                ulong bytes = 1 + process.NextBelow(((size + 4095) & ~4095UL) - offset);
                Ask(Step.Other, mount, file, Request(process, TmpfsProtocol.MapWrite, file.Path, offset, bytes, file.Content.Seed), process);
                break;
            case "tmpfs_truncate":
                ulong shorter = process.NextBelow(size + 1);
                Ask(Step.Truncate, mount, file, Request(process, TmpfsProtocol.Truncate, file.Path, shorter), process, null, shorter);
                break;
            case "tmpfs_punch":
                AskAllocate(file, KeepSize | PunchHole, mount, process);
                break;
            case "tmpfs_rename":
                Rename(file, mount, process);
                break;
            case "tmpfs_link":
                Link(file, mount, process);
                break;
            case "tmpfs_chmod":
                Ask(Step.Other, mount, file, Request(process, TmpfsProtocol.ChangeMode, file.Path, process.NextBelow(0x200)), process);
                break;
            default:
                AskCheck(mount, file, process);
                break;
        }
    }

    private void Make(TmpfsKnownKind kind, MountedTree mount, UserProcess process)
    {
        if (mount.Files.Count >= TmpfsKnownFiles.Most)
        {
            Remove(TmpfsKnownKind.Dense, TmpfsKnownKind.Link, TmpfsProtocol.Unlink, mount, process);
            return;
        }

        ulong seed = process.NextRandom();
        string directory = kind == TmpfsKnownKind.Directory ? mount.Point : mount.Files.DirectoryFor(process.NextRandom());
        string path = $"{directory}/{TmpfsKnownFile.NameOf(kind, seed, 0)}";
        Message request = kind switch
        {
            TmpfsKnownKind.Directory => Request(process, TmpfsProtocol.MakeDirectory, path, 0x1ED),
            TmpfsKnownKind.Link => Request(process, TmpfsProtocol.SymbolicLink, Two(TmpfsKnownFile.TargetOf(seed), path)),
            _ => Request(process, TmpfsProtocol.Create, path, 0x1A4),
        };
        Ask(Step.Make, mount, null, request, process, path);
    }

    /// <summary>Writes over what is there and behind it, never leaving a hole.</summary>
    private void Write(TmpfsKnownFile file, ulong size, MountedTree mount, UserProcess process)
    {
        ulong offset = process.NextBelow(4) == 0 ? process.NextBelow(size + 1) : size;
        ulong bytes = 1 + process.NextBelow(process.NextBelow(8) == 0 ? 16384UL : 3000);
        if (offset + bytes <= MostFileBytes)
        {
            Ask(Step.Write, mount, file, Request(process, TmpfsProtocol.Write, file.Path, offset, bytes, file.Content.Seed), process, null, offset);
        }
        else
        {
            Ask(Step.Truncate, mount, file, Request(process, TmpfsProtocol.Truncate, file.Path), process);
        }
    }

    /// <summary>Space without content: reads as zero for ever, whatever lies in RAM.</summary>
    private void Allocate(MountedTree mount, UserProcess process)
    {
        if (mount.Files.Find(TmpfsKnownKind.Sparse, TmpfsKnownKind.Sparse, process.NextRandom()) is not { } file)
        {
            Make(TmpfsKnownKind.Sparse, mount, process);
            return;
        }

        ulong mode = process.NextBelow(2) == 0 ? KeepSize : 0;
        AskAllocate(file, mode, mount, process);
    }

    private void AskAllocate(TmpfsKnownFile file, ulong mode, MountedTree mount, UserProcess process)
    {
        ulong offset = process.NextBelow(MostFileBytes);
        ulong bytes = 1 + process.NextBelow(8192);
        Ask(Step.Other, mount, file, Request(process, TmpfsProtocol.Allocate, file.Path, mode, offset, bytes), process);
    }

    private void Rename(TmpfsKnownFile file, MountedTree mount, UserProcess process)
    {
        // Only names that promise nothing about their content are exchanged.
        TmpfsKnownFile? one = mount.Files.Find(TmpfsKnownKind.Sparse, TmpfsKnownKind.Sparse, process.NextRandom());
        TmpfsKnownFile? other = mount.Files.Find(TmpfsKnownKind.Sparse, TmpfsKnownKind.Sparse, process.NextRandom());
        if (one is not null && other is not null && one != other && process.NextBelow(4) == 0)
        {
            Ask(Step.Other, mount, one, Request(process, TmpfsProtocol.Rename, Two(one.Path, other.Path), Exchange), process);
            return;
        }

        string path = NewNameOf(file, mount, process);
        Ask(Step.Rename, mount, file, Request(process, TmpfsProtocol.Rename, Two(file.Path, path)), process, path);
    }

    private void Link(TmpfsKnownFile file, MountedTree mount, UserProcess process)
    {
        if (mount.Files.Count < TmpfsKnownFiles.Most)
        {
            string path = NewNameOf(file, mount, process);
            Ask(Step.Make, mount, file, Request(process, TmpfsProtocol.Link, Two(file.Path, path)), process, path);
        }
    }

    private static string NewNameOf(TmpfsKnownFile file, MountedTree mount, UserProcess process)
    {
        string directory = mount.Files.DirectoryFor(process.NextRandom());
        uint variant = 1 + (uint)process.NextBelow(1 << 24);
        return $"{directory}/{TmpfsKnownFile.NameOf(file.Kind, file.Content.Seed, variant)}";
    }

    private void Remove(TmpfsKnownKind kind, TmpfsKnownKind orKind, byte request, MountedTree mount, UserProcess process)
    {
        if (mount.Files.Find(kind, orKind, process.NextRandom()) is { } file)
        {
            Ask(Step.Remove, mount, file, Request(process, request, file.Path), process);
        }
    }

    /// <summary>Takes in what a change did, when it did anything.</summary>
    private static void AfterChange(in Task task, KernelResult result)
    {
        if (result.Code == -Errno.ENOENT && task.File is { } gone)
        {
            task.Mount!.Files.Remove(gone);
        }

        if (!result.Succeeded)
        {
            return;
        }

        switch (task.Step)
        {
            case Step.Make when task.Mount!.IsMounted:
                int name = task.Path!.LastIndexOf('/');
                TmpfsKnownFile made = TmpfsKnownFile.Read(task.Path[..name], task.Path[(name + 1)..])!;
                made.Content.SizeBytes = made.Kind == TmpfsKnownKind.Dense ? 0 : null;
                task.Mount.Files.Add(made);
                break;
            case Step.Write:
                TmpfsKnownContent content = task.File!.Content;
                content.SizeBytes = Math.Max(content.SizeBytes ?? 0, task.SizeBytes + result.Value);
                break;
            case Step.Truncate:
                task.File!.Content.SizeBytes = task.SizeBytes;
                break;
            case Step.Remove:
                task.Mount!.Files.Remove(task.File!);
                break;
            case Step.Rename:
                task.Mount!.Files.Remove(task.File!);
                task.Mount.Files.Add(task.File! with { Path = task.Path! });
                break;
            default:
                break;
        }
    }
}
