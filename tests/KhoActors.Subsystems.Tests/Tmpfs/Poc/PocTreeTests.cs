using System.Diagnostics;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tests.Fdt;
using KhoActors.Subsystems.Tmpfs.Poc;

namespace KhoActors.Subsystems.Tests.Tmpfs.Poc;

/// <summary>The device tree of the proof of concept: its bytes, and what comes of damaged ones.</summary>
public class PocTreeTests
{
    private static readonly PocSuper Super = new("test", 1000, 100, 0x3FF, 0x4000, 0x5000, 0x1400000, 0x70810000, 0xFFFF888001200000);

    [Fact]
    public void The_tree_has_the_nodes_and_properties_of_2024_numbers_big_endian_and_mem_native()
    {
        byte[] tree = PocTree.Write([0x1234, 0x1235], [0x1200000], 0xFFFF888001220000, [Super])!;

        using StringWriter text = new();
        FdtDts.Print(tree, text);
        const string Expected = """
            /dts-v1/;

            / {
            	compatible = "kho-v1";

            	tmpfs {
            		compatible = "tmpfs-kho-v1";
            		mem = <0x402301 0x00 0x100000 0x00 0x502301 0x00 0x100000 0x00>;

            		inodes {
            			compatible = "simple-slab-v1";
            			mem = <0x2001 0x00 0x2000 0x00>;
            			slabsize = <0x00 0x4000>;
            			first-free = <0xffff8880 0x1220000>;
            		};

            		supers {

            			test {
            				compatible = "tmpfs-kho-super-v1";
            				uid = <0x3e8>;
            				gid = <0x64>;
            				mode = <0x3ff>;
            				max-blocks = <0x00 0x4000>;
            				max-inodes = <0x00 0x5000>;
            				free-ispace = <0x00 0x1400000>;
            				flags = <0x00 0x70810000>;
            				root = <0xffff8880 0x1200000>;
            			};
            		};
            	};
            };
            """;
        Assert.Equal(Normal(Expected), Normal(text.ToString()));
        Assert.Equal(0, FdtReader.CheckFull(tree));
        Assert.Equal(FdtReader.TotalSize(tree), (uint)tree.Length);
    }

    [DtcFact]
    public void Dtc_has_nothing_to_say()
    {
        byte[] tree = PocTree.Write([0x1234], [0x1200000], 0, [Super, Super with { Name = "other" }])!;
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            File.WriteAllBytes(path, tree);
            using Process process = Process.Start(new ProcessStartInfo("dtc", ["-I", "dtb", "-O", "dts", path])
            {
                RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();

            Assert.Equal((0, ""), (process.ExitCode, errors.Result.Trim()));
            Assert.Contains("compatible = \"simple-slab-v1\";", text, StringComparison.Ordinal);
            Assert.Matches("root = <0xffff8880 0x0*1200000>;", text);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Without_data_there_is_no_mem_and_without_mounts_the_node_is_there_all_the_same()
    {
        byte[] tree = PocTree.Write([], [], 0, [])!;

        Assert.Equal(0, PocTreeReader.FindTmpfs(tree, out int tmpfs));
        Assert.Equal(-FdtError.NotFound, FdtReader.GetProperty(tree, tmpfs, "mem"u8, out _));
        int inodes = FdtReader.SubnodeOffset(tree, tmpfs, "inodes"u8);
        Assert.Equal(0, FdtReader.GetProperty(tree, inodes, "mem"u8, out ReadOnlySpan<byte> mem));
        Assert.True(mem.IsEmpty);
        Assert.Empty(PocTreeReader.ReadNames(tree, tmpfs));
    }

    [Fact]
    public void What_was_written_is_read_back_names_in_order_and_twice()
    {
        PocSuper second = Super with { Name = "\u00E4 b", Root = 7 };
        byte[] tree = PocTree.Write([3, 70000], [0x200000, 0x400000], 42, [Super, second, Super with { Uid = 1 }])!;

        Assert.Equal(0, PocTreeReader.FindTmpfs(tree, out int tmpfs));
        Assert.Equal([new PocRange(0x3000, 4096), new PocRange(70000UL << 12, 4096)], PocTreeReader.ReadMem(tree, tmpfs));
        Assert.Equal(0, PocTreeReader.ReadSlab(tree, tmpfs, out List<PocRange> blocks, out ulong firstFree));
        Assert.Equal([new PocRange(0x200000, 2 << 20), new PocRange(0x400000, 2 << 20)], blocks);
        Assert.Equal(42UL, firstFree);
        List<(string Name, int Node)> names = PocTreeReader.ReadNames(tree, tmpfs);
        Assert.Equal(["test", second.Name, "test"], names.Select(name => name.Name));
        Assert.Equal([Super, second, Super with { Uid = 1 }], names.Select(name => PocTreeReader.ReadSuper(tree, name.Node, name.Name)));
    }

    [Fact]
    public void A_tree_above_4_MiB_is_not_written()
    {
        ulong[] most = [.. Enumerable.Range(0, 262_000).Select(pfn => (ulong)pfn)];

        Assert.InRange(PocTree.Write(most, [], 0, [])!.Length, 262_000 * 16, PocTree.LimitBytes);
        Assert.Null(PocTree.Write([.. most, .. most.Take(200)], [], 0, []));
    }

    [Theory]
    [InlineData("uid", 5)]
    [InlineData("mode", 8)]
    [InlineData("max-blocks", 4)]
    [InlineData("flags", 0)]
    [InlineData("root", 9)]
    public void A_super_block_with_a_property_of_another_length_is_not_read(string property, int bytes)
    {
        byte[] tree = Edit(PocTree.Write([], [], 0, [Super])!, (fdt, node) => Assert.Equal(0, FdtEditor.SetProperty(fdt, node, property, new byte[bytes])));

        PocTreeReader.FindTmpfs(tree, out int tmpfs);
        (string name, int node) = Assert.Single(PocTreeReader.ReadNames(tree, tmpfs));
        Assert.Null(PocTreeReader.ReadSuper(tree, node, name));
    }

    [Fact]
    public void Damaged_trees_are_read_to_an_end_without_an_exception()
    {
        byte[] good = PocTree.Write([1, 2, 3], [0x200000], 42, [Super, Super])!;
        for (ulong seed = 0; seed < 20_000; seed++)
        {
            SplitMix64 random = new(seed);
            byte[] tree = [.. good];
            for (ulong damage = 1 + random.Below(8); damage > 0; damage--)
            {
                tree[random.Below((ulong)tree.Length)] = (byte)random.Next();
            }

            ReadAll(random.Below(4) == 0 ? tree[..(int)random.Below((ulong)tree.Length)] : tree);
        }
    }

    private static void ReadAll(byte[] tree)
    {
        if (PocTreeReader.FindTmpfs(tree, out int tmpfs) != 0)
        {
            return;
        }

        PocTreeReader.ReadMem(tree, tmpfs);
        PocTreeReader.ReadSlab(tree, tmpfs, out _, out _);
        foreach ((string name, int node) in PocTreeReader.ReadNames(tree, tmpfs))
        {
            PocTreeReader.ReadSuper(tree, node, name);
        }
    }

    private static byte[] Edit(byte[] tree, Action<byte[], int> edit)
    {
        var roomy = new byte[tree.Length + 4096];
        tree.CopyTo(roomy, 0);
        Assert.Equal(0, FdtEditor.OpenInto(roomy));
        PocTreeReader.FindTmpfs(roomy, out int tmpfs);
        edit(roomy, PocTreeReader.ReadNames(roomy, tmpfs)[0].Node);
        return roomy;
    }

    private static string Normal(string text) => string.Join('\n', text.Split('\n').Select(line => line.Trim()).Where(line => line.Length != 0));
}
