using System.Globalization;
using System.Text;
using System.Text.Json;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.Tests.History;

/// <summary>Rows that other programs read: their fields and texts are a promise.</summary>
public class HistoryExportTests
{
    private const string Header =
        "machine,generation,kernel,previous_kernel,boot,handed_over,end,survived,lost,restored,operations,failed_requests,messages,violations,digest\r\n";

    private static SliceRecord Slice
    {
        get
        {
            SliceRecord slice = SliceBench.Ordinary(machine: 12, first: 0, generations: 2);
            GenerationRecord second = slice.Generations[1];
            GenerationReport report = second.Report with { End = GenerationEnd.Last, HandedOver = false, Lost = 3, ViolationCount = 4 };
            return slice with { Generations = [slice.Generations[0], second with { Report = report }] };
        }
    }

    [Fact]
    public void Csv_has_a_header_and_a_line_for_each_generation()
    {
        StringWriter text = new(CultureInfo.InvariantCulture);
        Assert.Equal(2, HistoryExport.WriteCsv([Slice], text));
        Assert.Equal(
            Header
            + "12,0,7.3-rc7,,cold,false,kexec,12,0,9,14,1,300,0,000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\r\n"
            + "12,1,7.3-rc7,7.3-rc7,kexec,false,end-of-chain,13,3,9,14,1,301,4,0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\r\n",
            text.ToString());
    }

    [Fact]
    public void Json_is_one_array_with_an_object_for_each_generation()
    {
        MemoryStream bytes = new();
        Assert.Equal(2, HistoryExport.WriteJson([Slice], bytes));
        Assert.Equal(
            "["
            + """{"machine":12,"generation":0,"kernel":"7.3-rc7","previous_kernel":"","boot":"cold","handed_over":false,"end":"kexec","survived":12,"lost":0,"""
            + "\"restored\":9,\"operations\":14,\"failed_requests\":1,\"messages\":300,\"violations\":0,"
            + "\"digest\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"},"
            + """{"machine":12,"generation":1,"kernel":"7.3-rc7","previous_kernel":"7.3-rc7","boot":"kexec","handed_over":false,"end":"end-of-chain","survived":13,"""
            + "\"lost\":3,\"restored\":9,\"operations\":14,\"failed_requests\":1,\"messages\":301,\"violations\":4,"
            + "\"digest\":\"0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\"}]",
            Encoding.UTF8.GetString(bytes.ToArray()));
    }

    [Fact]
    public void A_run_without_records_is_a_header_or_an_empty_array()
    {
        StringWriter text = new(CultureInfo.InvariantCulture);
        MemoryStream bytes = new();
        Assert.Equal(0, HistoryExport.WriteCsv([], text));
        Assert.Equal(0, HistoryExport.WriteJson([], bytes));
        Assert.Equal((Header, "[]"), (text.ToString(), Encoding.UTF8.GetString(bytes.ToArray())));
    }

    [Theory]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("a\"b", "\"a\"\"b\"")]
    [InlineData("a\r\nb", "\"a\r\nb\"")]
    [InlineData("a b", "a b")]
    public void Names_that_separate_fields_are_quoted(string kernel, string expected)
    {
        GenerationRecord first = Slice.Generations[0];
        SliceRecord slice = Slice with { Generations = [first with { Report = first.Report with { Kernel = kernel } }] };
        StringWriter text = new(CultureInfo.InvariantCulture);
        HistoryExport.WriteCsv([slice], text);
        Assert.StartsWith($"{Header}12,0,{expected},,cold,", text.ToString());
        MemoryStream bytes = new();
        HistoryExport.WriteJson([slice], bytes);
        Assert.Equal(kernel, JsonDocument.Parse(bytes.ToArray()).RootElement[0].GetProperty("kernel").GetString());
    }

    /// <summary>A hundred thousand generations, each made when it is asked for: nothing of them may stay.</summary>
    [Fact]
    public void Memory_does_not_grow_with_the_history()
    {
        SliceRecord slice = Slice;
        long most = 0;
        IEnumerable<SliceRecord> Endless()
        {
            for (int i = 0; i < 50_000; i++)
            {
                if (i % 5000 == 0)
                {
                    most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true));
                }

                yield return slice with { Machine = i };
            }
        }

        long before = GC.GetTotalMemory(forceFullCollection: true);
        Assert.Equal(100_000, HistoryExport.WriteJson(Endless(), Stream.Null));
        Assert.Equal(100_000, HistoryExport.WriteCsv(Endless(), TextWriter.Null));

        // Other tests of this process allocate meanwhile; the rows alone would be 30 MiB.
        Assert.InRange(most - before, long.MinValue, 16L << 20);
    }
}
