using KhoActors.Subsystems.Fdt;

namespace KhoActors.Host.Reports;

/// <summary>Device tree source of a blob, with the numbers in it explained.</summary>
internal static class DeviceTreeSource
{
    /// <summary>Prints a blob.</summary>
    /// <param name="blob">The blob.</param>
    /// <returns>Its source, lines ended by a line feed; null when it is not sound.</returns>
    public static string? Of(ReadOnlySpan<byte> blob) => Print(blob, out string source) == 0 ? source : null;

    /// <summary>What is wrong with a blob.</summary>
    /// <param name="blob">The blob.</param>
    /// <returns>libfdt's name for it, for example <c>FDT_ERR_BADMAGIC</c>.</returns>
    public static string ProblemOf(ReadOnlySpan<byte> blob) => FdtError.Symbol(Print(blob, out _));

    private static int Print(ReadOnlySpan<byte> blob, out string source)
    {
        using StringWriter text = new() { NewLine = "\n" };
        int result = FdtDts.Print(blob, text, FdtDtsStyle.NativeNumbers);
        source = text.ToString();
        return result;
    }
}
