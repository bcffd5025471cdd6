using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>How many pages tmpfs-kho-v1 takes (reference, B.7.3 and B.7.6), and its checksum.</summary>
public class LayoutCountTests
{
    [Theory]
    [InlineData(0UL, 0)]
    [InlineData(1UL, 1)]
    [InlineData(511UL, 1)]
    [InlineData(512UL, 2)]
    [InlineData(262143UL, 2)]
    [InlineData(262144UL, 3)]
    [InlineData((1UL << 27) - 1, 3)]
    [InlineData(1UL << 27, 4)]
    [InlineData((1UL << 36) - 1, 4)]
    [InlineData(1UL << 36, 5)]
    [InlineData((1UL << 51) - 1, 6)]
    public void B73_The_smallest_depth_that_reaches_a_page(ulong lastIndex, int depth) => Assert.Equal(depth, PageMap.DepthOf(lastIndex));

    [Theory]
    [InlineData(0UL, 0UL)]
    [InlineData(1UL, 0UL)]
    [InlineData(2UL, 1UL)]
    [InlineData(512UL, 1UL)]
    [InlineData(513UL, 3UL)]
    [InlineData(667UL, 3UL)]
    [InlineData(262144UL, 513UL)]
    [InlineData(262145UL, 516UL)]
    public void B76_Nodes_of_a_map_without_holes(ulong pages, ulong nodes)
    {
        Assert.Equal(nodes, PageMap.NodesOfDense(pages));
        TmpfsPages dense = new();
        for (ulong index = 0; index < pages; index++)
        {
            dense.Set(new TmpfsPage(index, (index + 1) << 12, true));
        }

        Assert.Equal(nodes, PageMap.NodesOf(dense));
    }

    [Fact]
    public void B73_Two_pages_at_0_and_513_take_three_nodes_of_depth_2()
    {
        LayoutBench bench = new();
        bench.Do(TmpfsProtocol.Create, "/m/f", 0x1A4);
        bench.Do(TmpfsProtocol.Write, "/m/f", a: 0, b: 1);
        bench.Do(TmpfsProtocol.Write, "/m/f", a: 513UL << 12, b: 1);

        bench.Write();

        // Super, inode page, root directory, three nodes.
        Assert.Equal((6, 2), (bench.Writer.MetaPages, bench.Writer.DataPages));
        ulong record = bench.RecordOf("/m/f"), node = bench.Memory.ReadUInt64(record + 0x68);
        Assert.Equal(2UL, bench.Memory.ReadUInt64(record + 0x60) >> 32);
        Assert.True(bench.Memory.ReadUInt64(node) != 0 && bench.Memory.ReadUInt64(node + 8) != 0 && bench.Memory.ReadUInt64(node + 16) == 0);
        Assert.Equal(1UL, bench.Memory.ReadUInt64(bench.Memory.ReadUInt64(node)) & 0xFFF);
        Assert.Equal(1UL, bench.Memory.ReadUInt64(bench.Memory.ReadUInt64(node + 8) + 8) & 0xFFF);
        Assert.NotNull(bench.Read(out _));
    }

    [Theory]
    [InlineData(1, 1, 0)]
    [InlineData(15, 1, 0)]
    [InlineData(16, 2, 1)]
    [InlineData(511, 32, 1)]
    [InlineData(8191, 512, 1)]
    [InlineData(8192, 513, 3)]
    public void B76_Inode_pages_hold_16_inodes(int files, int pages, int nodes)
    {
        LayoutBench bench = new();
        for (int i = 0; i < files; i++)
        {
            bench.Do(TmpfsProtocol.Create, $"/m/{i:d4}", 0x1A4);
        }

        bench.Write();

        // Records of 16 bytes: 256 to a page.
        ulong directoryPages = ((ulong)files + 255) / 256;
        Assert.Equal(1 + pages + nodes + (int)(directoryPages + PageMap.NodesOfDense(directoryPages)), bench.Writer.MetaPages);
        Assert.Equal(files + 1, bench.Read(out _)!.Inodes.Count);
    }

    [Fact]
    public void TF28_DirectoryOf10000NamesOf255Bytes_667PagesDepth2()
    {
        LayoutBench bench = new();
        bench.Do(TmpfsProtocol.Create, $"/m/{new string('a', 255)}", 0x1A4);
        for (int i = 1; i < 10_000; i++)
        {
            bench.Do(TmpfsProtocol.Link, $"/m/{new string('a', 255)}\0/m/{i.ToString("d5", null)}{new string('b', 250)}");
        }

        bench.Write();

        ulong root = bench.RecordOf(1);
        Assert.Equal((667UL, 2UL), (bench.Memory.ReadUInt64(root + 0x20), (bench.Memory.ReadUInt64(root + 0x60) >> 32) & 0xFF));
        Assert.Equal((666UL * 4096) + (10 * 272), bench.Memory.ReadUInt64(root + 0x18));
        Assert.Equal(1 + 1 + 667 + 3, bench.Writer.MetaPages);
        TmpfsSnapshot? read = bench.Read(out string problem);
        Assert.Equal(string.Empty, problem);
        Assert.Equal(bench.Describe(bench.FileSystem.Root), bench.Describe(read!.Root));
    }

    [Fact]
    public void TF3_SparseFileOf1TiBWith3Pages_Depth4()
    {
        LayoutBench bench = new();
        bench.Do(TmpfsProtocol.Create, "/m/f", 0x1A4);
        bench.Do(TmpfsProtocol.Truncate, "/m/f", a: 1UL << 40);
        foreach (ulong offset in new ulong[] { 0, 1UL << 39, (1UL << 40) - 1 })
        {
            bench.Do(TmpfsProtocol.Write, "/m/f", a: offset, b: 1, c: 9);
        }

        bench.Write();

        Assert.Equal(3, bench.Writer.DataPages);
        Assert.Equal(4UL, bench.Memory.ReadUInt64(bench.RecordOf("/m/f") + 0x60) >> 32);
        Assert.Equal(bench.Describe(bench.Inode("/m/f")), bench.Describe(bench.Read(out _)!.Inodes[1]));
    }

    [Fact]
    public void Everything_a_file_system_can_hold_is_read_as_it_was_written()
    {
        LayoutBench bench = LayoutBench.WithEverything();
        bench.Do(TmpfsProtocol.Open, "/m/holes");
        bench.Do(TmpfsProtocol.Unlink, "/m/holes");

        TmpfsSnapshot? read = bench.Write().Read(out string problem);

        Assert.Equal(string.Empty, problem);
        TmpfsInode[] named = [.. bench.FileSystem.Inodes.Where(inode => inode.LinkCount != 0)];
        Assert.Equal(named.Select(bench.Describe), read!.Inodes.Select(bench.Describe));
        Assert.Equal(bench.FileSystem.Inodes.Count - 1, named.Length);
    }

    [Fact]
    public void The_checksum_is_CRC32_whatever_zeros_stand_where()
    {
        SplitMix64 random = new(11);
        for (int round = 0; round < 3000; round++)
        {
            byte[] bytes = new byte[random.Below(9000)];
            for (ulong runs = random.Below(4); runs > 0 && bytes.Length != 0; runs--)
            {
                int at = (int)random.Below((ulong)bytes.Length);
                bytes[at] = (byte)random.Next();
            }

            int cut = (int)random.Below((ulong)bytes.Length + 1);
            LayoutCrc crc = default;
            crc.Add(bytes.AsSpan(0, cut));
            crc.Add(bytes.AsSpan(cut));
            ICSharpCode.SharpZipLib.Checksum.Crc32 expected = new();
            expected.Update(bytes);
            Assert.Equal((uint)expected.Value, crc.Value);
        }
    }
}
