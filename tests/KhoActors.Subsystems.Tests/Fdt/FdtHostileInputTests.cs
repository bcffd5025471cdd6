using System.Globalization;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Subsystems.Tests.Fdt;

/// <summary>
/// Damaged blobs: every public call ends, with a code or a value, and stays in its span. Each call works on an array of exactly the
/// blob's bytes, so that a read outside throws.
/// </summary>
public sealed class FdtHostileInputTests
{
    private const int Mutations = 30_000;

    [Fact]
    public void Mutated_blobs_are_read_without_exception_and_to_an_end()
    {
        var blobs = Blobs();
        for (var seed = 0ul; seed < Mutations; seed++)
        {
            var draws = new Draws(seed);
            var blob = Mutate(draws, blobs[draws.Next(blobs.Length)]);
            try
            {
                ReadEverything(blob);
            }
            catch (Exception defect)
            {
                Assert.Fail($"seed {seed}, {Convert.ToHexString(blob)}: {defect}");
            }
        }
    }

    [Fact]
    public void Mutated_blobs_are_edited_without_exception()
    {
        var blobs = Blobs();
        for (var seed = 0ul; seed < Mutations; seed++)
        {
            var draws = new Draws(seed);
            var blob = Mutate(draws, blobs[draws.Next(blobs.Length)]);
            var page = new byte[draws.Next(2) == 0 ? 4096 : blob.Length];
            blob.CopyTo(page, 0);
            try
            {
                EditEverything(page, (int)(seed % 64) * 4);
            }
            catch (Exception defect)
            {
                Assert.Fail($"seed {seed}, {Convert.ToHexString(blob)}: {defect}");
            }
        }
    }

    [Fact]
    public void What_passes_the_full_check_is_printed_whole()
    {
        var blobs = Blobs();
        var passed = 0;
        for (var seed = 0ul; seed < Mutations; seed++)
        {
            var draws = new Draws(seed);
            var blob = Mutate(draws, blobs[draws.Next(blobs.Length)]);
            if (FdtReader.CheckFull(blob) == 0)
            {
                passed++;
                Assert.True(FdtDts.Print(blob, TextWriter.Null) == 0, $"seed {seed}");
            }
        }

        Assert.InRange(passed, Mutations / 100, Mutations);
    }

    [Fact]
    public void Any_prefix_of_a_blob_is_truncated()
    {
        foreach (var blob in Blobs().Where(blob => FdtReader.CheckFull(blob) == 0))
        {
            for (var length = 0; length < blob.Length; length++)
            {
                var prefix = blob[..length];
                Assert.Equal(-FdtError.Truncated, FdtReader.CheckFull(prefix));
                ReadEverything(prefix);
            }
        }
    }

    [Fact]
    public void Deep_nesting_and_overlong_names_end()
    {
        // 128 KiB of nested nodes with empty names, then of properties that all have one name of 128 KiB.
        var deep = Huge(static (room, offset) => room[offset + 3] = 1, 8);
        ReadEverything(deep);
        Assert.Equal(-FdtError.BadStructure, FdtDts.Print(deep, TextWriter.Null));

        var wide = Huge(
            static (room, offset) =>
            {
                room[offset + 3] = 3;
                room[offset + 11] = 0;
            },
            12);
        wide[67] = 1;
        wide[68..72].AsSpan().Clear();
        ReadEverything(wide);
    }

    private static byte[] Huge(Action<byte[], int> unit, int unitBytes)
    {
        const int structBytes = 1 << 17;
        var blob = new byte[56 + (2 * structBytes)];
        uint[] header = [0xd00dfeed, (uint)blob.Length, 56, 56 + structBytes, 40, 17, 16, 0, structBytes, structBytes];
        for (var field = 0; field < header.Length; field++)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(blob.AsSpan(field * 4), header[field]);
        }

        for (var offset = 56; offset + unitBytes <= 56 + structBytes; offset += unitBytes)
        {
            unit(blob, offset);
        }

        blob[59] = 1;
        blob.AsSpan(56 + structBytes, structBytes - 1).Fill((byte)'n');
        return blob;
    }

    private static byte[] Mutate(Draws draws, byte[] original)
    {
        var blob = original.ToArray();
        for (var count = 1 + draws.Next(4); count > 0; count--)
        {
            var at = draws.Next(draws.Next(3) == 0 ? 40 : blob.Length);
            var word = blob.AsSpan(Math.Min(at, blob.Length - 4) & ~3, 4);
            switch (draws.Next(5))
            {
                case 0:
                    blob[at] ^= (byte)(1 << draws.Next(8));
                    break;
                case 1:
                    blob[at] = (byte)draws.Next(256);
                    break;
                case 2:
                    blob[at] = (byte)draws.Next(12);
                    break;
                case 3:
                    word.Fill(0xff);
                    break;
                default:
                    word.Clear();
                    word[3] = (byte)draws.Next(10);
                    break;
            }
        }

        return draws.Next(10) == 0 ? blob[..draws.Next(blob.Length)] : blob;
    }

    private static void ReadEverything(ReadOnlySpan<byte> fdt)
    {
        FdtReader.CheckHeader(fdt);
        FdtReader.CheckFull(fdt);
        FdtReader.ReservationCount(fdt);
        RootFdt.Compatible(fdt, KhoAbi.V4);
        RootFdt.MemoryMap(fdt, out _);
        RootFdt.FindSubtree(fdt, KhoAbi.V4, "memblock", out _, out _);
        MemblockFdt.CheckCompatible(fdt);
        MemblockFdt.FindEntry(fdt, "trace", out _, out _);
        FdtDts.Print(fdt, TextWriter.Null, FdtDtsStyle.NativeNumbers);

        var depth = 0;
        var steps = 0;
        var view = new FdtView(fdt);
        for (var node = view.NextNode(-1, ref depth); node >= 0 && depth >= 0; node = view.NextNode(node, ref depth))
        {
            Assert.True(++steps <= fdt.Length, "the walk does not end");
            if (steps < 200)
            {
                ReadNode(fdt, node);
            }
        }

        ReadNode(fdt, -1);
        ReadNode(fdt, 2);
        ReadNode(fdt, int.MaxValue - 3);
    }

    private static void ReadNode(ReadOnlySpan<byte> fdt, int node)
    {
        FdtReader.NodeName(fdt, node, out _);
        FdtReader.SubnodeOffset(fdt, node, "memblock");
        FdtReader.FirstSubnode(fdt, node);
        FdtReader.NextSubnode(fdt, node);
        FdtReader.GetProperty(fdt, node, "blob-size", out _);
        FdtReader.NodeCheckCompatible(fdt, node, "reserve-mem-v1");
        FdtReader.PropertyAt(fdt, node, out _, out _);
        var steps = 0;
        for (var property = FdtReader.FirstProperty(fdt, node); property >= 0 && steps < 200; property = FdtReader.NextProperty(fdt, property))
        {
            Assert.True(++steps <= fdt.Length, "the properties do not end");
            FdtReader.PropertyAt(fdt, property, out _, out _);
        }
    }

    private static void EditEverything(byte[] page, int node)
    {
        FdtEditor.AddSubnode(page, node, "early");
        FdtEditor.OpenInto(page);
        FdtEditor.AddSubnode(page, 0, "new");
        FdtEditor.SetProperty(page, node, "blob-size", new byte[12]);
        FdtEditor.SetProperty(page, 0, "compatible", new byte[3]);
        FdtEditor.DeleteNode(page, node);
        FdtEditor.Pack(page);
        RootFdt.AddSubtree(page, KhoAbi.V4, "kho_test", 0x1000, 1);
        RootFdt.SetMemoryMap(page, 1);
        RootFdt.RemoveSubtree(page, KhoAbi.V4, 0x1000);
        new FdtSequentialWriter(page).BeginNode("late");
        new FdtSequentialWriter(page).Finish();
    }

    private static byte[][] Blobs()
    {
        var root = new byte[4096];
        RootFdt.Setup(root, KhoAbi.V4, 0x104a30000);
        for (var index = 0; index < 3; index++)
        {
            RootFdt.AddSubtree(root, KhoAbi.V4, "client" + index.ToString(CultureInfo.InvariantCulture), 0x1000, 73);
        }

        RootFdt.AddSubtree(root, KhoAbi.V4, "memblock", 0x2000, 210);
        var memblock = new byte[4096];
        MemblockFdt.Write(memblock, [new("trace", 0x13fe00000, 2 << 20), new("oops", 0x1000, 0x1000)]);
        var unfinished = new byte[300];
        var writer = new FdtSequentialWriter(unfinished);
        writer.Create();
        writer.FinishReservemap();
        writer.BeginNode("");
        writer.PropertyString("compatible"u8, "memblock-v1");
        return [FdtBytes.Blob(root), FdtBytes.Blob(memblock), unfinished];
    }
}
