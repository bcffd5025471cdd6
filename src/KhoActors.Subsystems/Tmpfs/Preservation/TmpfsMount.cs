using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Subsystems.Tmpfs.Preservation;

/// <summary>A mounted file system.</summary>
/// <param name="fileSystem">The file system.</param>
/// <param name="carried">Kernels that had passed it on unmounted when it was mounted here.</param>
internal sealed class TmpfsMount(TmpfsFileSystem fileSystem, ulong carried = 0)
{
    /// <summary>The file system.</summary>
    public TmpfsFileSystem FileSystem => fileSystem;

    /// <summary>Kernels that had passed it on unmounted when it was mounted here.</summary>
    public ulong Carried => carried;

    /// <summary>Serializes it.</summary>
    public TmpfsSnapshotWriter Writer { get; } = new();

    /// <summary>Where its pages begin in the frozen ones.</summary>
    public int FirstFrozenPage { get; set; }
}
