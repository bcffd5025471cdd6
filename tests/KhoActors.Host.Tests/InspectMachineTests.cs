using System.Text;
using System.Text.Json;

namespace KhoActors.Host.Tests;

/// <summary><c>kho inspect SCENARIO</c>: a machine is executed again and shown in one of its generations.</summary>
public sealed class InspectMachineTests
{
    private static readonly string[] Dying =
        ["tiny", "--set", "kernels=7.2.13", "--set", "command_line=kho=on kho_scratch=16M,16M,4M", "--set", "hardware=[{memory: 4 GiB}]", "--at", "1"];

    [Fact]
    public void Debugfs_is_listed_with_modes_and_sizes()
    {
        ProgramRun run = Inspect("tiny", "--machine", "0", "--at", "0", "debugfs");

        Assert.Equal(ExitCode.Held, run.ExitCode);
        Assert.Equal(
            """
            drwxr-xr-x    0 kho
            drwxr-xr-x    0 kho/out
            -r--------  233 kho/out/fdt
            -r--------   30 kho/out/scratch_len
            -r--------   33 kho/out/scratch_phys
            drwxr-xr-x    0 kho/out/sub_fdts
            -r--------  964 kho/out/sub_fdts/blob-0097b166
            -r--------   73 kho/out/sub_fdts/kexec-metadata
            -r--------  210 kho/out/sub_fdts/memblock
            -r-------- 8192 kho/out/sub_fdts/workload

            """,
            run.Out);
        Assert.Equal("scenario tiny, seed 7, machine 0, generation 0, kernel 7.3-rc7", run.ErrorLine);
    }

    [Fact]
    public void The_last_generation_and_debugfs_are_what_is_shown_when_nothing_else_is_said()
    {
        ProgramRun run = Inspect("tiny");

        Assert.Equal(Inspect("tiny", "debugfs", "--machine", "0", "--at", "3", "--seed", "7").Out, run.Out);
        Assert.Contains("kho/in/sub_fdts/memblock", run.Out, StringComparison.Ordinal);
        Assert.Equal(run.Out, Inspect(ProgramRun.InTree("config/scenarios/tiny.yaml")).Out);
    }

    [Fact]
    public void Files_of_debugfs_are_shown_as_source_as_text_and_as_bytes()
    {
        Assert.Contains("preserved-data = <0x70c000 0x00>; /* u64 0xc07000 */", Inspect("tiny", "debugfs", "in/fdt").Out, StringComparison.Ordinal);
        Assert.Equal("0x1cc00000\n0x18c00000\n0x16c00000\n", Inspect("tiny", "debugfs", "kho/out/scratch_phys").Out);
        Assert.Equal(
            """
            00000000  01 00 00 00 37 2e 33 2e  30 2d 72 63 37 2d 61 00  |....7.3.0-rc7-a.|
            00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
            *
            00000040  00 00 00 00 00 03 00 00  00                       |.........|
            00000049

            """,
            Inspect("tiny", "debugfs", "in/sub_fdts/kexec-metadata").Out);
    }

    /// <summary>On a cold boot the file's length is that of the FDT with the metadata only; the kernel's readers get no more.</summary>
    [Fact]
    public void A_root_FDT_that_the_file_cuts_off_is_shown_whole_with_a_word_about_it()
    {
        ProgramRun run = Inspect("tiny", "--at", "0", "debugfs", "out/fdt");

        Assert.StartsWith("// The file ends after 233 of 417 bytes", run.Out, StringComparison.Ordinal);
        Assert.EndsWith(Inspect("tiny", "--at", "0", "fdt").Out, run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_as_JSON_holds_its_bytes()
    {
        JsonElement json = Inspect("tiny", "--json", "debugfs", "in/sub_fdts/memblock").Json;
        JsonElement content = json.GetProperty("content");

        Assert.Equal(
            ["scenario", "seed", "machine", "generation", "kernel", "command_line", "death", "view", "item", "run", "content"], ProgramRun.Fields(json));
        Assert.Equal(["path", "mode", "bytes", "phys", "data", "dts"], ProgramRun.Fields(content));
        Assert.Equal(210, content.GetProperty("data").GetBytesFromBase64().Length);
        Assert.Contains("reserve-mem-v1", content.GetProperty("dts").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_preserved_is_told_by_order()
    {
        ProgramRun run = Inspect("tiny", "radix");
        JsonElement content = Inspect("tiny", "radix", "--json").Json.GetProperty("content");

        Assert.Matches("(?m)^ +9 +1 2,048$", run.Out);
        Assert.Contains("tree at 0x400000: the root, 3 of level 4", run.Out, StringComparison.Ordinal);
        Assert.Equal(["root", "damage", "levels", "orders", "blocks"], ProgramRun.Fields(content));
        Assert.Equal(5, content.GetProperty("blocks").GetArrayLength());
        Assert.Equal(5, content.GetProperty("orders").EnumerateArray().Sum(static order => order.GetProperty("blocks").GetInt32()));
    }

    [Fact]
    public void Memory_is_shared_out_among_owners_without_a_rest()
    {
        Assert.Contains("reserve_mem trace", Inspect("tiny", "memory").Out, StringComparison.Ordinal);
        JsonElement content = Inspect("tiny", "memory", "--json").Json.GetProperty("content");

        Assert.Equal(["ram_pages", "free_pages", "free_cma_pages", "owners", "preserved", "scratch", "reserve_mem"], ProgramRun.Fields(content));
        JsonElement[] owners = [.. content.GetProperty("owners").EnumerateArray()];
        Assert.Equal(content.GetProperty("ram_pages").GetInt64(), owners.Sum(static owner => owner.GetProperty("pages").GetInt64()));
        Assert.Equal(content.GetProperty("free_pages").GetInt64(), owners[0].GetProperty("pages").GetInt64());
        Assert.Equal(["free", "memblock", "kho", "tracker", "workload"], owners.Select(static owner => owner.GetProperty("owner").GetString()!));
        Assert.Equal(3, content.GetProperty("scratch").GetArrayLength());
    }

    [Fact]
    public void The_log_is_shown_with_levels()
    {
        Assert.Contains("<6>KHO: exec from: 7.3.0-rc7-a (count 3)\n", Inspect("tiny", "dmesg").Out, StringComparison.Ordinal);
        JsonElement content = Inspect("tiny", "dmesg", "--json").Json.GetProperty("content");
        Assert.Equal(["level", "text"], ProgramRun.Fields(content[0]));
    }

    [Fact]
    public void The_root_FDT_of_one_generation_is_what_the_next_received()
    {
        Assert.Equal(Inspect("tiny", "fdt", "--at", "1").Out, Inspect("tiny", "fdt", "in", "--at", "2").Out);
        Assert.Equal(["phys", "totalsize", "dts"], ProgramRun.Fields(Inspect("tiny", "fdt", "--json").Json.GetProperty("content")));
    }

    [Fact]
    public void Machines_of_a_fleet_differ_and_the_options_of_the_run_say_which_run_it_was()
    {
        string first = Inspect("fleet", "--machine", "1", "--kexecs", "2", "fdt").Out;

        Assert.NotEqual(first, Inspect("fleet", "--machine", "2", "--kexecs", "2", "fdt").Out);
        Assert.NotEqual(first, Inspect("fleet", "--machine", "1", "--kexecs", "2", "--seed", "99", "fdt").Out);
        Assert.Equal(first, Inspect("fleet", "--machine", "1", "--set", "kexecs=2", "--machines", "5", "fdt").Out);
    }

    [Fact]
    public void A_dead_kernel_shows_its_log_only()
    {
        ProgramRun refused = Inspect([.. Dying, "memory"]);
        ProgramRun log = Inspect([.. Dying, "dmesg"]);

        Assert.Equal(ExitCode.Usage, refused.ExitCode);
        Assert.Equal(
            "kho: machine 0 is dead in generation 1: Failed to allocate 2097152 bytes for memory map; the view dmesg shows how it came to that",
            refused.ErrorLine);
        Assert.EndsWith("<0>Failed to allocate 2097152 bytes for memory map\n", log.Out, StringComparison.Ordinal);
        Assert.StartsWith("Failed to allocate", Inspect([.. Dying, "dmesg", "--json"]).Json.GetProperty("death").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("kho: scenario tiny has no machine 1; it has only 0", "tiny", "--machine", "1")]
    [InlineData("kho: scenario fleet has no machine 1000; it has 0 to 999", "fleet", "--machine", "1000")]
    [InlineData("kho: fleet has 1000 machines: --machine N says which one to look at", "fleet")]
    [InlineData("kho: --machine '-1': a whole number from 0 to", "tiny", "--machine", "-1")]
    [InlineData("kho: scenario tiny has no generation 4; it has 0 to 3", "tiny", "--at", "4")]
    [InlineData("kho: --at 'x': a whole number from 0 to", "tiny", "--at", "x")]
    [InlineData("kho: no view 'ram'; there are debugfs, fdt, radix, memory, dmesg, pstore, tmpfs", "tiny", "ram")]
    [InlineData("kho: the view radix is shown as a whole; 'x' is too much", "tiny", "radix", "x")]
    [InlineData("kho: no file 'in/fdt' in debugfs of this kernel; there are kho/out/fdt, ", "tiny", "debugfs", "in/fdt", "--at", "0")]
    [InlineData("kho: no file 'out' in debugfs of this kernel; there are ", "tiny", "debugfs", "out")]
    [InlineData("kho: no root FDT 'up'; there are out, in", "tiny", "fdt", "up")]
    [InlineData("kho: this kernel took over no root FDT", "tiny", "fdt", "in", "--at", "0")]
    [InlineData("kho: KHO is off in this kernel: there is no /sys/kernel/debug/kho", "tiny", "--set", "command_line=kho=off")]
    [InlineData("kho: KHO is off in this kernel: it hands no root FDT over", "tiny", "fdt", "--set", "command_line=kho=off")]
    [InlineData("kho: KHO is off in this kernel: it preserves nothing", "tiny", "radix", "--set", "command_line=kho=off")]
    [InlineData("kho: this kernel neither received nor hands over a blob pstore-kho", "tiny", "pstore")]
    [InlineData("kho: this kernel neither received nor hands over an anchor tmpfs-kho", "tiny", "tmpfs")]
    [InlineData("kho: the view tmpfs is shown as a whole; 'in' is too much", "tiny", "tmpfs", "in")]
    [InlineData("kho: --seed 'random': a number from 0 to 18446744073709551615 is accepted", "tiny", "--seed", "random")]
    public void What_cannot_be_shown_is_refused_in_one_line(string expected, params string[] arguments)
    {
        ProgramRun run = Inspect(arguments);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.StartsWith(expected, run.ErrorLine, StringComparison.Ordinal);
        Assert.Empty(run.Out);
        Assert.Equal(ExitCode.Usage, Inspect([.. arguments, "--json"]).ExitCode);
    }

    [Fact]
    public void What_pstore_handed_over_is_what_the_next_kernel_received()
    {
        string[] lines = Inspect("smoke", "--machine", "3", "--at", "5", "pstore").Out.Split('\n');
        JsonElement first = Inspect("smoke", "--machine", "3", "--at", "5", "pstore", "--json").Json.GetProperty("content");
        JsonElement second = Inspect("smoke", "--machine", "3", "--at", "6", "pstore", "--json").Json.GetProperty("content");

        Assert.Matches("^in: 0x[0-9a-f]+, 4144 bytes: version 1, Shutdown#1 Part1, [0-9]+ bytes of text, 17672256", lines[0]);
        Assert.Equal("  Shutdown#1 Part1", lines[1]);
        Assert.Equal("  <5>[    0.000000] Linux version 7.3.0-rc7-lab", lines[2]);
        Assert.Equal(["in", "out"], ProgramRun.Fields(first));
        Assert.Equal(["phys", "bytes", "layout", "problem", "record"], ProgramRun.Fields(first.GetProperty("out")));
        Assert.Equal(
            ["phys", "bytes", "seconds", "nanoseconds", "count", "reason", "reason_name", "part", "compressed", "text"],
            ProgramRun.Fields(first.GetProperty("out").GetProperty("record")));
        Assert.Equal(first.GetProperty("out").GetRawText(), second.GetProperty("in").GetRawText());
    }

    [Fact]
    public void A_kernel_after_a_cold_boot_that_dumped_nothing_has_an_empty_record_and_received_none()
    {
        string[] arguments = ["pstore-deflate", "--machine", "0", "--at", "1", "--kexecs", "1", "--set", "kexec.cold_boot=100 %",
            "--set", "kexec.panic_without_handover=0 %", "--set", "kexec.emergency_restart=0 %", "--set", "workload.mix.oops=0",
            "--set", "workload.mix.jump_and_return=0", "pstore"];
        JsonElement content = Inspect([.. arguments, "--json"]).Json.GetProperty("content");

        Assert.StartsWith("in: none\nout: 0x", Inspect(arguments).Out, StringComparison.Ordinal);
        Assert.EndsWith("131120 bytes: version 1, empty\n", Inspect(arguments).Out, StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, content.GetProperty("in").ValueKind);
        Assert.Equal(JsonValueKind.Null, content.GetProperty("out").GetProperty("record").ValueKind);
    }

    [Fact]
    public void A_compressed_record_is_shown_inflated()
    {
        JsonElement record = Inspect("pstore-deflate", "--machine", "0", "--at", "1", "pstore", "--json")
            .Json.GetProperty("content").GetProperty("in").GetProperty("record");

        Assert.Equal(1, record.GetProperty("compressed").GetInt32());
        string text = record.GetProperty("text").GetString()!;
        Assert.StartsWith("Shutdown#1 Part1\n<", text, StringComparison.Ordinal);
        Assert.True(text.Length > record.GetProperty("bytes").GetInt32());
    }

    [Fact]
    public void What_tmpfs_hands_over_is_a_tree_of_every_mount()
    {
        string[] arguments = ["tmpfs-chain", "--machine", "0", "--at", "2", "tmpfs"];
        string text = Inspect(arguments).Out;
        JsonElement content = Inspect([.. arguments, "--json"]).Json.GetProperty("content");
        JsonElement mount = content.GetProperty("out").GetProperty("mounts").EnumerateArray().Single(
            static mount => mount.GetProperty("name").GetString() == "data");

        Assert.Contains("out: anchor at 0x810000: complete, generation 3, mounts: 3\n", text, StringComparison.Ordinal);
        Assert.Contains("mount data: super page at 0xc1a000, 272 pages, carried\n", text, StringComparison.Ordinal);
        Assert.Contains("kernels that passed it on unmounted: 1,", text, StringComparison.Ordinal);
        Assert.Matches("(?m)^ +3 -rw-r--r-- +2 +0 +0 +1074765824 +253 /dir/renamed$", text);
        Assert.Matches("(?m)^ +4 lrwxrwxrwx +1 +0 +0 +8 +0 /link -> dir/file$", text);
        Assert.Contains("its pages are this kernel's by now", text, StringComparison.Ordinal);
        Assert.Equal(["phys", "state", "reason", "generation", "mounts"], ProgramRun.Fields(content.GetProperty("out")));
        Assert.Equal(["name", "phys", "pages", "carried", "problem", "super", "tree"], ProgramRun.Fields(mount));
        Assert.Equal(256, mount.GetProperty("super").GetProperty("max_blocks").GetInt32());
        Assert.Equal(
            ["/", "/dir", "/dir/file", "/dir/renamed", "/link", "/sparse", "/pipe"],
            mount.GetProperty("tree").EnumerateArray().Select(static entry => entry.GetProperty("path").GetString()!));
        Assert.Equal(
            ["path", "inode", "mode", "links", "uid", "gid", "bytes", "pages", "target"], ProgramRun.Fields(mount.GetProperty("tree")[0]));
    }

    [Fact]
    public void An_anchor_of_a_kernel_that_froze_nothing_is_empty_and_a_mount_that_nobody_took_is_shown_as_it_came()
    {
        string last = Inspect("tmpfs-chain", "--machine", "0", "--kexecs", "3", "--at", "3", "tmpfs").Out;

        Assert.Contains("out: anchor at 0x", last, StringComparison.Ordinal);
        Assert.Contains(": empty: nothing is frozen\n", last, StringComparison.Ordinal);
        Assert.Matches("(?s)^in: .*mount data: [^\n]*, carried\n.* /dir/renamed\n.*out: ", last);
    }

    [Fact]
    public void Captures_have_no_views()
    {
        ProgramRun run = Inspect(ProgramRun.InTree("tests/data/real/v4-7.3-explicit"), "debugfs");

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.EndsWith("is a capture: views are of simulated machines", run.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void An_interrupt_ends_it()
    {
        Assert.Equal(ExitCode.Interrupted, ProgramRun.Of(new CancellationToken(canceled: true), "inspect", "fleet", "--machine", "0").ExitCode);
    }

    private static ProgramRun Inspect(params string[] arguments)
    {
        ProgramRun run = ProgramRun.Of(["inspect", .. arguments]);
        return run with { Out = new StringBuilder(run.Out).Replace("\r\n", "\n").ToString() };
    }
}
