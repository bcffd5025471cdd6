using System.Globalization;
using System.Text;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Kho;

/// <content>What the predecessor handed over, and how a file is made.</content>
public sealed partial class Debugfs
{
    private const int NameBytesMax = 255; // NAME_MAX

    /// <summary>
    /// Makes <c>kho/in</c> (kho_in_debugfs_init), which kho_init does last on a KHO boot. Sub-nodes without an address are passed over
    /// silently; those whose properties are malformed, or whose names no directory can hold, with a line. Files made here are never removed.
    /// </summary>
    /// <param name="fdtPhys">The incoming root FDT. Only its first page is looked at, as everywhere.</param>
    /// <exception cref="SimulatedOopsException">An ABI without sizes looks for the length in a blob outside RAM.</exception>
    public void CreateIn(ulong fdtPhys)
    {
        _hasIn = true;
        _incoming.Add(new BlobFile(FdtName, InSubFdts: false, fdtPhys, TotalSizeAt(fdtPhys)));
        Span<byte> page = stackalloc byte[PageGeometry.SizeBytes];
        _memory.Read(fdtPhys, page);
        for (int node = FdtReader.FirstSubnode(page, 0); node >= 0; node = FdtReader.NextSubnode(page, node))
        {
            AddIncoming(page, node);
        }
    }

    private void AddIncoming(ReadOnlySpan<byte> fdt, int node)
    {
        if (FdtReader.GetProperty(fdt, node, _abi.AddressProperty, out ReadOnlySpan<byte> address) != 0)
        {
            return;
        }

        // A node that can be found can be named.
        _ = FdtReader.NodeName(fdt, node, out ReadOnlySpan<byte> bytes);
        string name = Encoding.Latin1.GetString(bytes);
        SubtreeLookup lookup = RootFdt.ReadSubtree(fdt, node, _abi, out ulong phys, out ulong? sizeBytes);
        if (lookup == SubtreeLookup.AddressInvalid)
        {
            Warn($"KHO: node {name} prop {_abi.AddressProperty} has invalid length: {address.Length}");
        }
        else if (lookup == SubtreeLookup.SizeInvalid)
        {
            Warn($"KHO: node {name} missing or invalid {_abi.SizeProperty} property");
        }
        else if (AddBlob(_incoming, name, phys, sizeBytes) is var result and not 0)
        {
            string kind = _abi.SizeProperty is null ? "fdt" : "blob";
            Warn($"KHO: failed to add {kind} {name} to debugfs: {Errno.Symbol(result)}");
        }
    }

    /// <summary>debugfs_create_blob in <c>sub_fdts</c>.</summary>
    /// <param name="files">The files of <c>in</c> or <c>out</c>.</param>
    /// <param name="name">The file's name.</param>
    /// <param name="phys">The blob.</param>
    /// <param name="sizeBytes">Its length; null for the totalsize that the FDT there has now (up to 7.0 every blob is one).</param>
    /// <returns>0, -EACCES or -ENAMETOOLONG for what is no file name, -EEXIST.</returns>
    private int AddBlob(List<BlobFile> files, string name, ulong phys, ulong? sizeBytes)
    {
        ulong length = sizeBytes ?? TotalSizeAt(phys);
        if (name is "" or "." or ".." || name.Contains('/', StringComparison.Ordinal))
        {
            return -Errno.EACCES;
        }

        if (name.Length > NameBytesMax)
        {
            return -Errno.ENAMETOOLONG;
        }

        foreach (BlobFile file in files)
        {
            if (file.InSubFdts && file.Name == name)
            {
                _log.Write(LogLevel.Error, $"debugfs: '{name}' already exists in 'sub_fdts'");
                return -Errno.EEXIST;
            }
        }

        files.Add(new BlobFile(name, InSubFdts: true, phys, length));
        return 0;
    }

    private void Warn(FormattableString text) => _log.Write(LogLevel.Warning, text.ToString(CultureInfo.InvariantCulture));
}
