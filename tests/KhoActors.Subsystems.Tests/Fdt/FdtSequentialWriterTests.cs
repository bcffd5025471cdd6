using KhoActors.Subsystems.Fdt;

namespace KhoActors.Subsystems.Tests.Fdt;

/// <summary>The writer's states, its sharing of names, and what it does when the buffer is full.</summary>
public sealed class FdtSequentialWriterTests
{
    [Fact]
    public void Calls_out_of_order_are_refused()
    {
        var buffer = new byte[256];
        var writer = new FdtSequentialWriter(buffer);
        Assert.Equal(-FdtError.BadMagic, writer.FinishReservemap());
        Assert.Equal(0, writer.Create());
        Assert.Equal(-FdtError.BadState, writer.BeginNode(""));
        Assert.Equal(0, writer.FinishReservemap());
        Assert.Equal(-FdtError.BadState, writer.FinishReservemap());
        Assert.Equal(0, writer.BeginNode(""));
        Assert.Equal(0, writer.EndNode());
        Assert.Equal(0, writer.Finish());
        Assert.Equal(-FdtError.BadState, writer.EndNode());
        Assert.Equal(-FdtError.BadState, writer.AddReservation(0, 1));
    }

    [Fact]
    public void An_unfinished_blob_is_not_valid()
    {
        var buffer = new byte[256];
        var writer = new FdtSequentialWriter(buffer);
        writer.Create();
        Assert.Equal(-FdtError.BadMagic, FdtReader.CheckHeader(buffer));
    }

    [Fact]
    public void A_name_that_ends_another_one_is_shared()
    {
        var buffer = new byte[256];
        var writer = new FdtSequentialWriter(buffer);
        _ = writer.Create() | writer.FinishReservemap() | writer.BeginNode("");
        Assert.Equal(0, writer.PropertyUInt32("blob-size"u8, 1) | writer.PropertyUInt32("size"u8, 2) | writer.EndNode() | writer.Finish());
        Assert.EndsWith("\0\0\0\u0009blob-size\0", System.Text.Encoding.Latin1.GetString(FdtBytes.Blob(buffer)), StringComparison.Ordinal);
        Assert.Equal(0, FdtReader.GetProperty(buffer, 0, "size", out var value));
        Assert.Equal("\u0002\0\0\0"u8, value);
    }

    [Fact]
    public void A_name_whose_property_does_not_fit_is_taken_back()
    {
        var buffer = new byte[120];
        var writer = new FdtSequentialWriter(buffer);
        _ = writer.Create() | writer.FinishReservemap() | writer.BeginNode("");
        Assert.Equal(-FdtError.NoSpace, writer.Property("name"u8, new byte[40]));
        Assert.Equal(0, writer.EndNode() | writer.Finish());
        Assert.Equal(64u + 8 + 4 + 4, FdtReader.TotalSize(buffer));
    }

    [Fact]
    public void A_placeholder_may_be_filled_after_the_end()
    {
        var buffer = new byte[256];
        var writer = new FdtSequentialWriter(buffer);
        _ = writer.Create() | writer.FinishReservemap() | writer.BeginNode("");
        Assert.Equal(0, writer.PropertyPlaceholder("map"u8, 3, out var value));
        Assert.Equal(0, writer.EndNode() | writer.Finish());
        value.Fill(7);
        FdtReader.GetProperty(buffer, 0, "map", out var read);
        Assert.Equal(new byte[] { 7, 7, 7 }, read);
    }

    [Fact]
    public void Reservations_are_counted_and_survive_editing()
    {
        var page = new byte[512];
        var writer = new FdtSequentialWriter(page);
        _ = writer.Create() | writer.AddReservation(0x1000, 0x2000) | writer.AddReservation(1, 2);
        Assert.Equal(0, writer.FinishReservemap() | writer.BeginNode("") | writer.EndNode() | writer.Finish());
        Assert.Equal(2, FdtReader.ReservationCount(page));
        Assert.Equal(0, FdtEditor.OpenInto(page));
        Assert.InRange(FdtEditor.AddSubnode(page, 0, "a"), 0, int.MaxValue);
        Assert.Equal(0, FdtEditor.Pack(page));
        Assert.Equal(2, FdtReader.ReservationCount(page));
        Assert.Equal(0, FdtReader.CheckFull(page));
    }

    [Fact]
    public void A_buffer_below_the_header_is_too_small()
    {
        Assert.Equal(-FdtError.NoSpace, new FdtSequentialWriter(new byte[47]).Create());
        var buffer = new byte[48];
        Assert.Equal(0, new FdtSequentialWriter(buffer).Create());
        Assert.Equal(-FdtError.NoSpace, new FdtSequentialWriter(buffer).FinishReservemap());
    }

    [Theory]
    [InlineData("a\0b")]
    [InlineData("\u20ac")]
    public void A_name_that_is_no_C_string_is_a_defect_of_the_caller(string name)
    {
        var buffer = new byte[256];
        Assert.Throws<ArgumentException>(() => new FdtSequentialWriter(buffer).BeginNode(name));
    }
}
