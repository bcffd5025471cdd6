using System.Globalization;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs.Poc;

/// <summary>
/// What the kernel before handed over: claims its pages and the slab's blocks at boot, and remembers its file systems until they are mounted.
/// The tree stays where it is and is read there, as today's core expects of sub-trees.
/// </summary>
/// <param name="kernel">The kernel.</param>
/// <param name="state">Receives bitmap and slab.</param>
internal sealed class PocIncoming(ClientKernel kernel, PocState state)
{
    private readonly List<(string Name, int Node)> _remembered = [];
    private ulong _treePhys;
    private int _treeBytes;

    /// <summary>Names that nobody mounted yet, in the order of the tree.</summary>
    public IEnumerable<string> Names => _remembered.Select(super => super.Name);

    /// <summary>
    /// What tmpfs does at boot: sets bits and claims pages, rebuilds the slab, remembers names. When the node <c>tmpfs</c> is not compatible
    /// (-EINVAL) or there is no memory for the bitmap (-ENOMEM), nothing is claimed and what was handed over stays reserved for this boot; when
    /// the slab cannot be read (-EINVAL), the pages are claimed and the rest is not. Either is only logged: tmpfs works, its KHO mounts are empty.
    /// </summary>
    /// <returns>The calls to the KHO core.</returns>
    /// <exception cref="SimulatedOopsException">The tree, or the bit of a page that it lists, is not in RAM.</exception>
    public IEnumerator<KernelCall> Claim()
    {
        KernelCall retrieve = KernelCall.RetrieveSubtree(PocTree.SubtreeName);
        yield return retrieve;
        if (retrieve.Code != 0 || !Open(retrieve.Result.Value, retrieve.Result.Extra, out int tmpfs))
        {
            yield break;
        }

        foreach (PocRange page in PocTreeReader.ReadMem(ReadTree(), tmpfs))
        {
            // A claim that fails warns and is not noticed further: a page that is not there is used all the same.
            state.Bitmap!.Set(PageGeometry.PfnOf(page.Phys));
            yield return KernelCall.RestoreFolio(page.Phys);
        }

        int error = PocTreeReader.ReadSlab(ReadTree(), tmpfs, out List<PocRange> blocks, out ulong firstFree);
        if (error != 0)
        {
            Refuse("the slab cannot be read", error);
            yield break;
        }

        foreach (PocRange block in blocks)
        {
            state.Slab.AddBlock(block.Phys);
            yield return KernelCall.RestoreFolio(block.Phys);
        }

        state.Slab.FirstFree = firstFree;
        _remembered.AddRange(PocTreeReader.ReadNames(ReadTree(), tmpfs));
    }

    /// <summary>
    /// Takes the first remembered file system of a name off the list and reads it. Whether that succeeds or not, the list has lost it.
    /// </summary>
    /// <param name="name">The mount's name.</param>
    /// <param name="super">What the tree says of it; null when none is remembered.</param>
    /// <returns>0, or -EINVAL when it cannot be read.</returns>
    public int Take(string name, out PocSuper? super)
    {
        super = null;
        int at = _remembered.FindIndex(remembered => remembered.Name == name);
        if (at < 0)
        {
            return 0;
        }

        int node = _remembered[at].Node;
        _remembered.RemoveAt(at);
        super = PocTreeReader.ReadSuper(ReadTree(), node, name);
        return super is null ? -Errno.EINVAL : 0;
    }

    /// <summary>Finds the node <c>tmpfs</c>, and makes the bitmap that it will fill.</summary>
    private bool Open(ulong phys, ulong sizeBytes, out int tmpfs)
    {
        if (!kernel.IsRam(phys))
        {
            throw SimulatedOopsException.BadPhysicalAddress(phys);
        }

        _treePhys = phys;
        _treeBytes = FdtFormat.HeaderBytes;
        _treeBytes = (int)Math.Min(sizeBytes != 0 ? sizeBytes : FdtReader.TotalSize(ReadTree()), PocTree.LimitBytes);
        byte[] tree = ReadTree();
        if (PocTreeReader.FindTmpfs(tree, out tmpfs) != 0)
        {
            // The KHO of 2024 switched itself off here; to tmpfs it then was as if nothing had come.
            Refuse($"the tree is not '{PocTree.RootCompatible}'", -Errno.EINVAL);
            return false;
        }

        if (tmpfs < 0)
        {
            return false;
        }

        bool isCompatible = PocTreeReader.IsCompatible(tree, tmpfs, PocTree.Compatible);
        if (!isCompatible || !state.EnsureBitmap())
        {
            Refuse(
                isCompatible ? "no memory for the bitmap" : $"the node is not '{PocTree.Compatible}'", isCompatible ? -Errno.ENOMEM : -Errno.EINVAL);
            return false;
        }

        return true;
    }

    private byte[] ReadTree()
    {
        var tree = new byte[_treeBytes];
        kernel.Memory.Read(_treePhys, tree);
        return tree;
    }

    private void Refuse(string why, int error) => kernel.Log.Write(
        LogLevel.Error, string.Create(CultureInfo.InvariantCulture, $"tmpfs: kho: {why}, what was handed over is left alone: {error}"));
}
