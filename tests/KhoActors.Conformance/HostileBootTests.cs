using System.Buffers.Binary;
using System.Text.Json.Nodes;
using KhoActors.Nodes.Conformance;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Conformance;

/// <summary>Boots from memory that somebody else wrote: a simulated kernel may refuse it or die of it, the simulator may not.</summary>
public sealed class HostileBootTests
{
    private const string Pages = "gen-0/pages.json.gz";

    private static readonly ulong[] Words =
    [
        0, 1, 4, 0x1000, 0x1fff_f000, 0x2000_0000, 0x1_0000_0000, 0x1234_5678_9000, 1UL << 51, (1UL << 52) - 8, 1UL << 52, 1UL << 63, ulong.MaxValue - 4095,
        ulong.MaxValue,
    ];

    [Theory]
    [InlineData("v4-7.3-explicit", 250)]
    [InlineData("v4-7.3-numa2", 150)]
    [InlineData("v4-7.2-explicit", 150)]
    [InlineData("v3-7.1-explicit", 150)]
    [InlineData("v4-7.3-8g", 100)]
    public void Damaged_memory_ends_in_a_boot_or_in_an_oops(string name, int rounds)
    {
        using CaptureFolder folder = new(name);
        string original = string.Empty;
        folder.ReplaceInflated(Pages, text => original = text);
        KernelBuild build = Fixtures.Kernels.Find(Capture.Open(folder.Path).Generation(1).Description.KernelBuild)!;
        SplitMix64 random = new(5);
        int died = 0;
        for (int round = 0; round < rounds; round++)
        {
            folder.Compress(Pages, Damaged(original, random));
            CaptureBoot? boot = null;
            Exception? problem = Record.Exception(() => boot = CaptureBoot.Run(CapturedStart.After(Capture.Open(folder.Path).Generation(0)), build));
            Assert.True(problem is null, $"round {round}: {problem}");
            died += boot!.Kernel.Death is null ? 0 : 1;
            Exception? reading = Record.Exception(() => boot.ReadFound());
            Assert.True(reading is null, $"round {round}: {reading}");
        }

        // Damage that never kills and damage that always does would both test little.
        Assert.InRange(died, 1, rounds - 1);
    }

    [Theory]
    [InlineData("BIOS-e820: [mem 0x0000000000100000-0x000000001ffdffff]", "BIOS-e820: [mem 0x0000000000100000-0x0000000000103fff]")]
    [InlineData("BIOS-e820: [mem 0x0000000000100000-0x000000001ffdffff]", "BIOS-e820: [mem 0x0000000000100000-0x00000000afffffff]")]
    [InlineData("BIOS-e820: [mem 0x000000fd00000000-0x000000ffffffffff]  device reserved", "BIOS-e820: [mem 0x0000010000000000-0x000fffffffffffff]  System RAM")]
    [InlineData("RAMDISK: [mem 0x1d646000-", "RAMDISK: [mem 0x00000000-")]
    [InlineData("node   0: [mem", "node 999: [mem")]
    public void A_strange_machine_is_booted_or_refused(string old, string replacement)
    {
        using CaptureFolder folder = new("v4-7.3-explicit");
        folder.Replace("gen-1/dmesg.txt", old, replacement);

        Exception? problem = Record.Exception(() => RealCaptures.Run(folder.Full("gen-1"), Fixtures.Kernels));

        Assert.Null(problem);
    }

    [Theory]
    [InlineData("kho_scratch=16M,64M,32M", "kho_scratch=18446744073709551615,1,1")]
    [InlineData("kho_scratch=16M,64M,32M", "kho_scratch=99999999999%")]
    [InlineData("reserve_mem=2M:4096:trace", "reserve_mem=16E:18446744073709551615:trace")]
    [InlineData("reserve_mem=2M:4096:trace", "reserve_mem=2M:12345:trace")]
    public void Strange_options_are_booted_or_refused(string old, string replacement)
    {
        using CaptureFolder folder = new("v4-7.3-explicit");
        folder.Replace("gen-0/cmdline", old, replacement);
        folder.Replace("gen-1/cmdline", old, replacement);

        Assert.Null(Record.Exception(() => RealCaptures.Run(folder.Path, Fixtures.Kernels)));
    }

    /// <summary>One to three words of saved pages become something else; small offsets, where headers and properties are, more often.</summary>
    private static string Damaged(string original, SplitMix64 random)
    {
        JsonNode root = JsonNode.Parse(original)!;
        JsonArray pages = root["pages"]!.AsArray();
        for (int i = 1 + random.Index(3); i > 0; i--)
        {
            JsonNode page = pages[random.Index(pages.Count)]!;
            byte[] data = Convert.FromBase64String(page["data"]!.GetValue<string>());
            int[] used = [.. Enumerable.Range(0, data.Length / 8).Where(word => BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(word * 8)) != 0)];
            bool hitsUsed = used.Length > 0 && random.Below(4) != 0;
            int at = hitsUsed ? used[random.Index(used.Length)] : random.Index(512);
            ulong value = Words[random.Index(Words.Length)];
            Span<byte> word = data.AsSpan(at * 8, 8);
            if (random.Below(2) == 0)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(word, value);
            }
            else
            {
                word[random.Index(8)] ^= (byte)(1 << random.Index(8));
            }

            page["data"] = Convert.ToBase64String(data);
        }

        return root.ToJsonString();
    }
}
