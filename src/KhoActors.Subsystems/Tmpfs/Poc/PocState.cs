using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Tmpfs.Poc;

/// <summary>What all file systems of the proof of concept share in one kernel generation.</summary>
/// <param name="kernel">The kernel.</param>
/// <param name="addresses">Its direct map.</param>
internal sealed class PocState(ClientKernel kernel, PocAddresses addresses)
{
    /// <summary>Where KHO inodes come from.</summary>
    public PocSlab Slab { get; } = new(kernel, addresses);

    /// <summary>The pages that hold file data; null before the first KHO mount of a kernel that got nothing.</summary>
    public PocPageBitmap? Bitmap { get; private set; }

    /// <summary>Allocates the bitmap when it is not there.</summary>
    /// <returns>False when memory is exhausted.</returns>
    public bool EnsureBitmap()
    {
        Bitmap ??= PocPageBitmap.Create(kernel, addresses, kernel.RamPages);
        return Bitmap is not null;
    }

    /// <summary>A KHO inode.</summary>
    /// <param name="number">Its inode number.</param>
    /// <returns>The inode in RAM.</returns>
    /// <exception cref="SimulatedOopsException">It is not in RAM.</exception>
    public PocInode InodeOf(ulong number) => new(kernel.Memory, addresses.Follow(number, PocInode.SizeBytes));

    /// <summary>The entries of a directory.</summary>
    /// <param name="number">Its inode number.</param>
    /// <returns>The directory in RAM.</returns>
    /// <exception cref="SimulatedOopsException">It is not in RAM.</exception>
    public PocDirectory DirectoryOf(ulong number) => new(kernel.Memory, addresses, number);
}
