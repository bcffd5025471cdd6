using KhoActors.Subsystems.Actors;
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
    /// The init function. The node <c>tmpfs</c> must be compatible, or nothing at all is claimed and what was handed over stays reserved for
    /// this boot; then bits are set and pages claimed, the slab is rebuilt, and names are remembered.
    /// </summary>
    /// <param name="call">Carries the requests to the KHO core. Its result: 0; -EINVAL when something does not fit; -ENOMEM.</param>
    /// <returns>The requests, each to be answered before the next.</returns>
    public IEnumerator<Message> Claim(PocCall call)
    {
        yield return new RetrieveSubtree(PocTree.SubtreeName).ToMessage();
        if (call.Reply.Succeeded)
        {
            call.Result = Open(call.Reply.Value, call.Reply.Extra, out int tmpfs);
            if (tmpfs < 0)
            {
                yield break;
            }

            List<PocRange> pages = PocTreeReader.ReadMem(ReadTree(), tmpfs);
            for (int i = 0; i < pages.Count; i++)
            {
                // A claim that fails warns and is not noticed further: a page that is not there is used all the same.
                state.Bitmap!.Set(PageGeometry.PfnOf(pages[i].Phys));
                yield return new AddressRequest(pages[i].Phys).ToMessage(KhoProtocol.RestoreFolio);
            }

            call.Result = PocTreeReader.ReadSlab(ReadTree(), tmpfs, out List<PocRange> blocks, out ulong firstFree);
            if (call.Result != 0)
            {
                Refuse("the slab cannot be read");
                yield break;
            }

            for (int i = 0; i < blocks.Count; i++)
            {
                state.Slab.AddBlock(blocks[i].Phys);
                yield return new AddressRequest(blocks[i].Phys).ToMessage(KhoProtocol.RestoreFolio);
            }

            state.Slab.FirstFree = firstFree;
            _remembered.AddRange(PocTreeReader.ReadNames(ReadTree(), tmpfs));
        }
    }

    /// <summary>
    /// Takes the first remembered file system of a name off the list and reads it. Whether that succeeds or not, the list has lost it.
    /// </summary>
    /// <param name="name">The mount's name.</param>
    /// <param name="super">What the tree says of it.</param>
    /// <returns>1 when there is one; 0 when none is remembered; -EINVAL when it cannot be read.</returns>
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
        return super is null ? -Errno.EINVAL : 1;
    }

    private int Open(ulong phys, ulong sizeBytes, out int tmpfs)
    {
        tmpfs = -1;
        if (!kernel.IsRam(phys))
        {
            throw SimulatedOopsException.BadPhysicalAddress(phys);
        }

        // Generations without a blob size leave it to the header.
        _treePhys = phys;
        _treeBytes = sizeBytes != 0 ? (int)Math.Min(sizeBytes, PocTree.LimitBytes) : FdtFormat.HeaderBytes;
        if (sizeBytes == 0)
        {
            byte[] header = ReadTree();
            _treeBytes = (int)Math.Min(FdtReader.TotalSize(header), (uint)PocTree.LimitBytes);
        }

        byte[] tree = ReadTree();
        int found = PocTreeReader.FindTmpfs(tree, out int node);
        if (found < 0)
        {
            // The KHO of 2024 switched itself off here; to tmpfs it then was as if nothing had come.
            Refuse($"the tree is not '{PocTree.RootCompatible}'");
            return 0;
        }

        if (found == 0)
        {
            return 0;
        }

        if (!PocTreeReader.IsCompatible(tree, node, PocTree.Compatible))
        {
            Refuse($"the node is not '{PocTree.Compatible}'");
            return -Errno.EINVAL;
        }

        if (!state.EnsureBitmap())
        {
            return -Errno.ENOMEM;
        }

        tmpfs = node;
        return 0;
    }

    private byte[] ReadTree()
    {
        var tree = new byte[_treeBytes];
        kernel.Memory.Read(_treePhys, tree);
        return tree;
    }

    private void Refuse(string why) => kernel.Log.Write(LogLevel.Error, $"tmpfs: kho: {why}, what was handed over is left alone");
}
