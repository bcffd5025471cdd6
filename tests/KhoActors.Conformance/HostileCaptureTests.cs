using System.IO.Compression;
using System.Text;
using KhoActors.Nodes.Conformance;

namespace KhoActors.Conformance;

public sealed class HostileCaptureTests
{
    private const string Case = "v4-7.3-luo";
    private const string Pages = "gen-0/pages.json.gz";

    [Fact]
    public void Open_without_case_json_names_the_missing_file()
    {
        using CaptureFolder folder = new(Case);
        File.Delete(folder.Full("case.json"));

        CaptureFormatException problem = Assert.Throws<CaptureFormatException>(() => Capture.Open(folder.Path));

        Assert.Equal("case.json", problem.File);
        Assert.False(RealCaptures.Recognises(folder.Path));
    }

    [Theory]
    [InlineData("\"gen\": 1,", "\"gen\": \"one\",", "generations[1].gen")]
    [InlineData("\"gen\": 1,", "\"gen\": -1,", "generations[1].gen")]
    [InlineData("\"gen\": 1,", "\"gen\": 1e999,", "generations[1].gen")]
    [InlineData("\"gen\": 1,", "\"gen\": 0,", "generations[1]")]
    [InlineData("\"gen\": 1,", "", "generations[1].gen")]
    [InlineData("\"type\": 10,", "\"type\": {},", "generations[1].incoming_setup_data.type")]
    [InlineData("\"snapshot\":", "\"snapshot_\":", "generations[0].handover.snapshot")]
    [InlineData("\"root_fdt_phys\": \"0x", "\"root_fdt_phys\": \"0xfffffffff", "generations[0].handover.root_fdt_phys")]
    [InlineData("\"setup_data_node_phys\": \"0x", "\"setup_data_node_phys\": \"zz", "generations[0].setup_data_node_phys")]
    public void Open_with_a_wrong_field_names_file_and_field(string old, string replacement, string field)
    {
        using CaptureFolder folder = new(Case);
        folder.Replace("case.json", old, replacement);

        CaptureFormatException problem = Assert.Throws<CaptureFormatException>(() => Capture.Open(folder.Path));

        Assert.Equal("case.json", problem.File);
        Assert.Equal(field, problem.Field);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("")]
    [InlineData("{\"generations\": 3}")]
    [InlineData("{\"generations\": [null]}")]
    [InlineData("{\"generations\": [{}")]
    [InlineData("{\"description\": \"\\ud800\"}")]
    public void Open_with_other_json_complains_about_case_json(string content)
    {
        using CaptureFolder folder = new(Case);
        File.WriteAllText(folder.Full("case.json"), content);

        CaptureFormatException problem = Assert.Throws<CaptureFormatException>(() => Capture.Open(folder.Path));

        Assert.Equal("case.json", problem.File);
    }

    [Fact]
    public void Open_with_deeply_nested_json_complains()
    {
        using CaptureFolder folder = new(Case);
        File.WriteAllText(folder.Full("case.json"), new string('[', 100_000));

        Assert.Throws<CaptureFormatException>(() => Capture.Open(folder.Path));
    }

    [Fact]
    public void ReadPages_of_a_truncated_gzip_fails_with_its_name()
    {
        using CaptureFolder folder = new(Case);
        byte[] whole = File.ReadAllBytes(folder.Full(Pages));
        for (int length = 0; length < whole.Length; length += 97)
        {
            File.WriteAllBytes(folder.Full(Pages), whole[..length]);

            Assert.Equal(Pages, Assert.Throws<CaptureFormatException>(() => Capture.Open(folder.Path).Generation(0).ReadPages()).File);
        }
    }

    [Fact]
    public void ReadPages_of_a_gzip_bomb_stops_at_the_limit()
    {
        using CaptureFolder folder = new(Case);
        using (GZipStream gzip = new(File.Create(folder.Full(Pages)), CompressionLevel.Fastest))
        {
            byte[] blanks = Encoding.ASCII.GetBytes(new string(' ', 1 << 20));
            for (int i = 0; i <= 256; i++)
            {
                gzip.Write(blanks);
            }
        }

        CaptureFormatException problem = Assert.Throws<CaptureFormatException>(() => Capture.Open(folder.Path).Generation(0).ReadPages());

        Assert.Contains("268435456", problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "page_size")]
    [InlineData("{\"page_size\": 4095}", "page_size")]
    [InlineData("{\"page_size\": 4096, \"encoding\": \"hex\"}", "encoding")]
    [InlineData("{\"page_size\": 4096, \"encoding\": \"base64\", \"root_fdt_phys\": \"0x0\", \"pages\": {}}", "pages")]
    [InlineData("{\"page_size\": 4096, \"encoding\": \"base64\", \"root_fdt_phys\": \"0x0\", \"pages\": [{\"phys\": \"0x1001\"}]}", "pages[0].phys")]
    [InlineData("{\"page_size\": 4096, \"encoding\": \"base64\", \"root_fdt_phys\": \"0x0\", \"pages\": [{\"phys\": \"0x10000000000000\"}]}", "pages[0].phys")]
    [InlineData("{\"page_size\": 4096, \"encoding\": \"base64\", \"root_fdt_phys\": \"0x0\", \"pages\": [{\"phys\": \"0x1000\", \"data\": \"AAAA\"}]}", "pages[0].data")]
    [InlineData("{\"page_size\": 4096, \"encoding\": \"base64\", \"root_fdt_phys\": \"0x0\", \"pages\": [{\"phys\": \"0x1000\", \"data\": \"*\"}]}", "pages[0].data")]
    public void ReadPages_with_a_wrong_field_names_it(string content, string field)
    {
        using CaptureFolder folder = new(Case);
        folder.Compress(Pages, content);

        Assert.Equal(field, Assert.Throws<CaptureFormatException>(() => Capture.Open(folder.Path).Generation(0).ReadPages()).Field);
    }

    [Theory]
    [InlineData("gen-0/blocks.txt.gz", "0x1000 0\n0x2000")]
    [InlineData("gen-0/blocks.txt.gz", "0x1000 53")]
    public void ReadBlocks_with_a_wrong_line_names_it(string file, string content)
    {
        using CaptureFolder folder = new(Case);
        folder.Compress(file, content);

        var refusal = Assert.Throws<CaptureFormatException>(() => Capture.Open(folder.Path).Generation(0).ReadBlocks());
        Assert.StartsWith("line ", refusal.Field, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_reports_each_missing_file_as_a_failed_case()
    {
        using CaptureFolder folder = new(Case);
        File.Delete(folder.Full("gen-0/dmesg.txt"));

        CaseResult failed = RealCaptures.Run(folder.Path, Fixtures.Kernels).First(result => result.Outcome == CaseOutcome.Failed);

        Assert.Contains("gen-0/dmesg.txt: is missing", failed.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_with_random_damage_to_any_file_never_throws_anything_else()
    {
        using CaptureFolder folder = new("faults-v4-7.3-tree");
        string[] files = [.. Directory.EnumerateFiles(folder.Path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        SplitMix64 random = new(7);
        for (int round = 0; round < 100; round++)
        {
            string file = files[random.Index(files.Length)];
            byte[] before = File.ReadAllBytes(file);
            byte[] damaged = [.. before];
            for (int i = 0; i < 4 && damaged.Length > 0; i++)
            {
                damaged[random.Index(damaged.Length)] = (byte)random.Next();
            }

            File.WriteAllBytes(file, damaged);
            Exception? problem = Record.Exception(() => RealCaptures.Run(folder.Path, Fixtures.Kernels));
            Assert.True(problem is null, $"round {round}, {Path.GetFileName(file)}: {problem}");
            File.WriteAllBytes(file, before);
        }
    }

    [Fact]
    public void Run_with_random_damage_to_captured_memory_never_throws()
    {
        using CaptureFolder folder = new("v4-7.3-numa2");
        using MemoryStream content = new();
        using (GZipStream gzip = new(File.OpenRead(folder.Full(Pages)), CompressionMode.Decompress))
        {
            gzip.CopyTo(content);
        }

        string pages = Encoding.ASCII.GetString(content.ToArray());
        SplitMix64 random = new(11);
        for (int round = 0; round < 100; round++)
        {
            StringBuilder damaged = new(pages);
            for (int i = 0; i < 40; i++)
            {
                int at = random.Index(pages.Length);
                if (char.IsAsciiLetterOrDigit(damaged[at])
                    && pages.LastIndexOf("\"data\"", at, StringComparison.Ordinal) > pages.LastIndexOf("\"phys\"", at, StringComparison.Ordinal))
                {
                    damaged[at] = "AQgw/+79"[random.Index(8)];
                }
            }

            folder.Compress(Pages, damaged.ToString());
            Exception? problem = Record.Exception(() => RealCaptures.Run(folder.Path, Fixtures.Kernels));
            Assert.True(problem is null, $"round {round}: {problem}");
        }
    }
}
