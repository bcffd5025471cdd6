using System.Buffers.Binary;
using System.Text;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// What the kernel's test module left in memory, read without any code of the simulator but RAM itself: the blob's properties, the chunks of
/// its array, and the folios that the array lists.
/// </summary>
internal sealed class TestKhoRecord
{
    private const uint BeginNode = 1, EndNode = 2, Property = 3, Nop = 4;
    private const int EntriesMax = 1 << 20;

    private readonly Dictionary<string, byte[]> _properties = [];

    private TestKhoRecord(ulong blobPhys, byte[] page)
    {
        BlobPhys = blobPhys;
        Page = page;
    }

    /// <summary>Address of the blob.</summary>
    public ulong BlobPhys { get; }

    /// <summary>The blob's first page.</summary>
    public byte[] Page { get; }

    /// <summary>Chunks of the array, in order.</summary>
    public List<ulong> Chunks { get; } = [];

    /// <summary>Pages of the array, in order.</summary>
    public List<ulong> ArrayPages { get; } = [];

    /// <summary>The folios, in the array's order.</summary>
    public List<CaptureBlock> Folios { get; } = [];

    /// <summary>csum.</summary>
    public uint Checksum => BinaryPrimitives.ReadUInt32LittleEndian(Value("/data/csum", 4));

    /// <summary>nr_folios.</summary>
    public uint FolioCount => BinaryPrimitives.ReadUInt32LittleEndian(Value("/data/nr_folios", 4));

    /// <summary>The descriptor's chunk, pages, flags and order.</summary>
    public (ulong FirstChunk, uint Pages, ushort Flags, ushort Order) Array
    {
        get
        {
            byte[] info = Value("/data/folios_info", 16);
            return (BinaryPrimitives.ReadUInt64LittleEndian(info), BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(8)),
                BinaryPrimitives.ReadUInt16LittleEndian(info.AsSpan(12)), BinaryPrimitives.ReadUInt16LittleEndian(info.AsSpan(14)));
        }
    }

    /// <summary>Bytes of all folios.</summary>
    public ulong DataBytes => Folios.Aggregate(0UL, (sum, folio) => sum + ((ulong)PageGeometry.SizeBytes << folio.Order));

    /// <summary>Reads a blob and what it leads to.</summary>
    /// <param name="where">Name for messages.</param>
    /// <param name="memory">RAM.</param>
    /// <param name="blobPhys">Address of the blob.</param>
    /// <exception cref="CaptureFormatException">It is not such a blob.</exception>
    public static TestKhoRecord Read(string where, PhysicalMemory memory, ulong blobPhys)
    {
        byte[] page = new byte[PageGeometry.SizeBytes];
        memory.Read(blobPhys, page);
        TestKhoRecord record = new(blobPhys, page);
        try
        {
            record.ReadTree();
            Require(Encoding.ASCII.GetString(record.Value("/compatible", 12)) == "kho-test-v1\0", "compatible is not kho-test-v1");
            Require(record.Value("/magic", 4).AsSpan().SequenceEqual("!OHK"u8), "magic is not KHO! in native order");
            record.ReadArray(memory);
            return record;
        }
        catch (FormatException problem)
        {
            throw new CaptureFormatException(where, "kho_test", problem.Message);
        }
    }

    private void ReadTree()
    {
        Require(Cell(0) == 0xd00dfeed, "there is no FDT");
        List<string> path = [];
        int at = (int)Math.Min(Cell(8), PageGeometry.SizeBytes), strings = (int)Math.Min(Cell(12), PageGeometry.SizeBytes);
        while (true)
        {
            switch (Cell(at))
            {
                case BeginNode:
                    string name = Text(at + 4);
                    path.Add(name);
                    at += 4 + Padded(name.Length + 1);
                    break;
                case EndNode when path.Count > 0:
                    path.RemoveAt(path.Count - 1);
                    at += 4;
                    break;
                case Property:
                    int length = (int)Math.Min(Cell(at + 4), PageGeometry.SizeBytes);
                    Require(at + 12 + length <= Page.Length, "a property is longer than the page");
                    string key = $"{string.Join('/', path)}/{Text(strings + (int)Math.Min(Cell(at + 8), PageGeometry.SizeBytes))}";
                    _properties[key] = Page[(at + 12)..(at + 12 + length)];
                    at += 12 + Padded(length);
                    break;
                case Nop:
                    at += 4;
                    break;
                default:
                    return;
            }
        }
    }

    private void ReadArray(PhysicalMemory memory)
    {
        (ulong firstChunk, uint pages, _, ushort order) = Array;
        Require(order == 0, $"the array has groups of order {order}");
        Require(FolioCount <= EntriesMax && pages <= EntriesMax, "the array has no end");
        for (ulong chunk = firstChunk; chunk != 0; chunk = memory.ReadUInt64(chunk))
        {
            Require(Chunks.Count <= pages && chunk % PageGeometry.SizeBytes == 0, "the chunks of the array have no end");
            Chunks.Add(chunk);
            ulong page;
            for (int entry = 1; entry < PageGeometry.Words && (page = memory.ReadUInt64(chunk + ((ulong)entry * sizeof(ulong)))) != 0; entry++)
            {
                ArrayPages.Add(page);
            }
        }

        Require(ArrayPages.Count == pages, $"the chunks list {ArrayPages.Count} pages of {pages}");
        Require(FolioCount <= pages * PageGeometry.Words, "nr_folios is larger than the array");
        for (int i = 0; i < (int)FolioCount; i++)
        {
            ulong entry = memory.ReadUInt64(ArrayPages[i / PageGeometry.Words] + ((ulong)(i % PageGeometry.Words) * sizeof(ulong)));
            int folioOrder = (int)(entry % PageGeometry.SizeBytes);
            Require(folioOrder <= 10, $"folio {i} has order {folioOrder}");
            Folios.Add(new CaptureBlock(entry - (ulong)folioOrder, folioOrder));
        }
    }

    private byte[] Value(string path, int length) =>
        _properties.TryGetValue(path, out byte[]? value) && value.Length == length ? value : throw new FormatException($"{path} of {length} bytes is missing");

    private uint Cell(int offset)
    {
        Require(offset + 4 <= Page.Length, "the FDT runs out of its page");
        return BinaryPrimitives.ReadUInt32BigEndian(Page.AsSpan(offset));
    }

    private string Text(int offset)
    {
        int end = offset < Page.Length ? System.Array.IndexOf(Page, (byte)0, offset) : -1;
        Require(end >= 0, "a name has no end");
        return Encoding.Latin1.GetString(Page, offset, end - offset);
    }

    private static void Require(bool condition, string problem)
    {
        if (!condition)
        {
            throw new FormatException(problem);
        }
    }

    private static int Padded(int length) => (length + 3) & ~3;
}
