using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Memblock;

/// <summary>
/// What a captured kernel received, played by the test: the captured pages in RAM, and a KHO core that accepts what the captured kernel
/// accepted and reserves the captured blocks.
/// </summary>
internal sealed class CapturedHandoff : IKhoEarlyHooks, IIncomingSubtrees
{
    private readonly ulong _arrayPhys;
    private readonly ulong _arrayBytes;
    private readonly bool _accepted;
    private readonly byte[] _rootFdt = new byte[PageGeometry.SizeBytes];
    private readonly List<(ulong Phys, int Order)> _blocks = [];
    private readonly List<ulong> _trackerPages = [];
    private readonly bool _extends;

    public CapturedHandoff(Capture capture, int generation, bool extends)
    {
        _extends = extends;
        JsonElement incoming = capture.Generation(generation).GetProperty("incoming_setup_data");
        _arrayPhys = Capture.Hex(incoming.GetProperty("scratch_addr").GetString()!);
        _arrayBytes = incoming.GetProperty("scratch_size").GetUInt64();
        _accepted = capture.Dmesg(generation).Any(line => line.Text == "KHO: found kexec handover data.");
        ReadPages(capture.Bytes(generation - 1, "pages.json.gz"));
        Memory.Read(Capture.Hex(incoming.GetProperty("fdt_addr").GetString()!), _rootFdt);
        ReadBlocks(capture, generation - 1);
        ulong node = Capture.Hex(capture.Generation(generation - 1).GetProperty("setup_data_node_phys").GetString()!);

        // The node with the hand-off and behind it the one with the random seed: each 16 bytes and 32 of payload.
        SetupData = [new PhysicalRange(node, 48), new PhysicalRange(node + 48, 48)];
    }

    public PhysicalMemory Memory { get; } = new();

    public PhysicalRange[] SetupData { get; }

    public void Populate(EarlyMemory early, KernelLog log)
    {
        if (_accepted)
        {
            early.Scratch.TakeOver(Memory, early.Memblock, _arrayPhys, _arrayBytes, log);
        }
    }

    /// <summary>Marks every GiB without preserved memory or tracker pages, the pages of the temporary tree being given back at once.</summary>
    public void MemoryInitEarly(EarlyMemory early, KernelLog log)
    {
        if (!_extends || !_accepted)
        {
            return;
        }

        SortedSet<ulong> busy = [.. _trackerPages.Select(phys => phys >> 30)];
        foreach ((ulong phys, int order) in _blocks)
        {
            for (ulong gib = phys >> 30; gib <= (phys + (4096UL << order) - 1) >> 30; gib++)
            {
                busy.Add(gib);
            }
        }

        ulong next = 0;
        foreach (ulong gib in busy)
        {
            early.Memblock.MarkKhoScratch(next << 30, (gib - next) << 30);
            next = gib + 1;
        }

        early.Memblock.MarkKhoScratch(next << 30, ulong.MaxValue - (next << 30));
    }

    public IIncomingSubtrees? Subtrees(EarlyMemory early) => early.IsKhoBoot ? this : null;

    public void ReservePreserved(EarlyMemory early, KernelLog log)
    {
        foreach ((ulong phys, int order) in _blocks)
        {
            early.Memblock.Reserve(phys, 4096UL << order);
            early.Memblock.MarkReservedNoInit(phys, 4096UL << order);
        }
    }

    public int Retrieve(string name, out ulong phys, out ulong sizeBytes)
    {
        phys = sizeBytes = 0;
        int node = FdtReader.SubnodeOffset(_rootFdt, 0, name);
        if (node < 0)
        {
            return -Errno.ENOENT;
        }

        if (FdtReader.GetProperty(_rootFdt, node, "preserved-data"u8, out ReadOnlySpan<byte> address) < 0 || address.Length != 8
            || FdtReader.GetProperty(_rootFdt, node, "blob-size"u8, out ReadOnlySpan<byte> size) < 0 || size.Length != 8)
        {
            return -Errno.EINVAL;
        }

        phys = BinaryPrimitives.ReadUInt64LittleEndian(address);
        sizeBytes = BinaryPrimitives.ReadUInt64LittleEndian(size);
        return 0;
    }

    private void ReadPages(byte[]? compressed)
    {
        if (compressed is null)
        {
            return;
        }

        using GZipStream stream = new(new MemoryStream(compressed), CompressionMode.Decompress);
        using JsonDocument document = JsonDocument.Parse(stream);
        foreach (JsonElement page in document.RootElement.GetProperty("pages").EnumerateArray())
        {
            ulong phys = Capture.Hex(page.GetProperty("phys").GetString()!);
            Memory.Write(phys, page.GetProperty("data").GetBytesFromBase64());
            if (page.GetProperty("role").EnumerateArray().Any(role => role.GetString()!.StartsWith("radix", StringComparison.Ordinal)))
            {
                _trackerPages.Add(phys);
            }
        }
    }

    private void ReadBlocks(Capture capture, int generation)
    {
        if (capture.Bytes(generation, "blocks.txt.gz") is { } compressed)
        {
            using StreamReader reader = new(new GZipStream(new MemoryStream(compressed), CompressionMode.Decompress));
            while (reader.ReadLine() is { Length: > 0 } line)
            {
                string[] parts = line.Split(' ');
                _blocks.Add((Capture.Hex(parts[0]), int.Parse(parts[1], CultureInfo.InvariantCulture)));
            }
        }
        else if (capture.Generation(generation).TryGetProperty("handover", out JsonElement handover)
            && handover.TryGetProperty("blocks", out JsonElement blocks))
        {
            _blocks.AddRange(blocks.EnumerateArray().Select(block => (Capture.Hex(block[0].GetString()!), block[1].GetInt32())));
        }
    }
}
