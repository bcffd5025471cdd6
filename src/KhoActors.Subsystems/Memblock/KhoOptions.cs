using System.Globalization;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Subsystems.Memblock;

/// <summary>What <c>kho=</c> and <c>kho_scratch=</c> ask for (kernel/liveupdate/kexec_handover.c).</summary>
/// <param name="Enabled">Whether KHO is on.</param>
/// <param name="ScalePercent">Scratch scale in percent; 0 means the explicit sizes hold.</param>
/// <param name="LowmemBytes">Explicit size of the lowmem area.</param>
/// <param name="GlobalBytes">Explicit size of the global area.</param>
/// <param name="PerNodeBytes">Explicit size of each node's area.</param>
public readonly record struct KhoOptions(bool Enabled, ulong ScalePercent, ulong LowmemBytes, ulong GlobalBytes, ulong PerNodeBytes)
{
    /// <summary>The scale without <c>kho_scratch=</c>.</summary>
    public const ulong DefaultScalePercent = 200;

    private const int LongestPercentText = 11;

    /// <summary>
    /// Handles the early options of a command line in order: later ones win, a malformed one is reported and leaves everything as it was.
    /// </summary>
    /// <param name="commandLine">The command line.</param>
    /// <param name="build">The kernel build.</param>
    /// <param name="log">Receives the kernel's lines.</param>
    /// <returns>The options.</returns>
    public static KhoOptions Parse(string commandLine, KernelBuild build, KernelLog log)
    {
        KhoOptions options = new(build.KhoEnabledByDefault, DefaultScalePercent, 0, 0, 0);
        if (!build.KhoBuilt)
        {
            return options with { Enabled = false };
        }

        BootOptions arguments = new(commandLine);
        while (arguments.MoveNext())
        {
            int result = 0;
            if (arguments.Is("kho"))
            {
                result = ParseBoolean(arguments.Value, out bool enabled);
                options = result == 0 ? options with { Enabled = enabled } : options;
            }
            else if (arguments.Is("kho_scratch"))
            {
                result = ParseScratch(arguments.Value, build, log, ref options);
            }

            if (result != 0)
            {
                log.Write(LogLevel.Warning, $"Malformed early option '{arguments.Name}'");
            }
        }

        return options;
    }

    /// <summary>A boolean option (lib/kstrtox.c, kstrtobool): only the first characters count.</summary>
    /// <param name="text">The value; empty is malformed.</param>
    /// <param name="value">What it says.</param>
    /// <returns>0 or -EINVAL.</returns>
    public static int ParseBoolean(ReadOnlySpan<char> text, out bool value)
    {
        char first = text.IsEmpty ? '\0' : text[0];
        char second = text.Length > 1 ? char.ToLowerInvariant(text[1]) : '\0';
        bool isOn = first is '1' or 'y' or 'Y' or 't' or 'T' or 'e' or 'E' || (first is 'o' or 'O' && second == 'n');
        bool isOff = first is '0' or 'n' or 'N' or 'f' or 'F' or 'd' or 'D' || (first is 'o' or 'O' && second == 'f');
        value = isOn;
        return isOn || isOff ? 0 : -Errno.EINVAL;
    }

    private static int ParseScratch(ReadOnlySpan<char> text, KernelBuild build, KernelLog log, ref KhoOptions options)
    {
        if (text.IsEmpty)
        {
            return -Errno.EINVAL;
        }

        return text[^1] == '%' ? ParseScale(text, log, ref options) : ParseSizes(text, build, log, ref options);
    }

    private static int ParseScale(ReadOnlySpan<char> text, KernelLog log, ref KhoOptions options)
    {
        if (text.Length > LongestPercentText)
        {
            return -Errno.EINVAL;
        }

        ReadOnlySpan<char> digits = text[..^1];
        digits = !digits.IsEmpty && digits[0] == '+' ? digits[1..] : digits;
        digits = !digits.IsEmpty && digits[^1] == '\n' ? digits[..^1] : digits;
        ulong scale = 0;
        foreach (char digit in digits)
        {
            if (!char.IsAsciiDigit(digit))
            {
                return -Errno.EINVAL;
            }

            scale = (scale * 10) + (ulong)(digit - '0');
        }

        if (digits.IsEmpty || scale > uint.MaxValue)
        {
            return digits.IsEmpty ? -Errno.EINVAL : -Errno.ERANGE;
        }

        options = options with { ScalePercent = scale };
        log.Write(LogLevel.Notice, string.Create(CultureInfo.InvariantCulture, $"KHO: scratch scale is {scale}%"));
        return 0;
    }

    private static int ParseSizes(ReadOnlySpan<char> text, KernelBuild build, KernelLog log, ref KhoOptions options)
    {
        Span<ulong> sizes = stackalloc ulong[3];
        for (int field = 0; field < sizes.Length; field++)
        {
            int length = MemParse.Parse(text, build.MemparseBareSuffix, out sizes[field]);
            bool last = field == sizes.Length - 1;
            if (length == 0 || (last ? length != text.Length : length >= text.Length || text[length] != ','))
            {
                return -Errno.EINVAL;
            }

            text = last ? default : text[(length + 1)..];
        }

        if (unchecked(sizes[0] + sizes[1] + sizes[2]) == 0)
        {
            return -Errno.EINVAL;
        }

        options = options with { ScalePercent = 0, LowmemBytes = sizes[0], GlobalBytes = sizes[1], PerNodeBytes = sizes[2] };
        log.Write(
            LogLevel.Notice,
            string.Create(
                CultureInfo.InvariantCulture,
                $"KHO: scratch areas: lowmem: {sizes[0] >> 20}MiB global: {sizes[1] >> 20}MiB pernode: {sizes[2] >> 20}MiB"));
        return 0;
    }
}
