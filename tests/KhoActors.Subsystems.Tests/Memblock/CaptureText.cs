using System.Globalization;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Subsystems.Tests.Memblock;

/// <summary>Captured and computed values as text, so that a difference can be read.</summary>
internal static class CaptureText
{
    private const string NotCaptured = "not captured";

    public static string Of(IEnumerable<ScratchArea>? areas) =>
        areas is null ? NotCaptured : string.Join(' ', areas.Select(area => string.Create(CultureInfo.InvariantCulture, $"{area.Phys:x}+{area.SizeBytes:x}")));

    public static string Of(IEnumerable<ScratchArea> areas, object? captured) => captured is null ? NotCaptured : Of(areas);

    public static string Of(MemblockFdtEntry[]? entries) => entries is null
        ? NotCaptured
        : string.Join(' ', entries.Select(entry => string.Create(CultureInfo.InvariantCulture, $"{entry.Name}@{entry.Start:x}+{entry.SizeBytes:x}")));

    public static string Of(ReadOnlySpan<MemblockFdtEntry> entries, object? captured) => captured is null ? NotCaptured : Of(entries.ToArray());
}
