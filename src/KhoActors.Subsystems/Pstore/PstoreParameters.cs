using System.Globalization;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Pstore;

/// <summary>The parameters of pstore and of the log dumps, from the kernel's command line (fs/pstore/platform.c, kernel/printk/printk.c).</summary>
internal sealed class PstoreParameters
{
    /// <summary>CONFIG_PSTORE_DEFAULT_KMSG_BYTES.</summary>
    public const ulong DefaultKmsgBytes = 10240;

    /// <summary>The one compression there is, and the default.</summary>
    public const string Deflate = "deflate";

    /// <summary>How the kernel shows a string that is not set.</summary>
    public const string NotSet = "(null)";

    private const string None = "none";

    /// <summary>Reads the command line.</summary>
    public static PstoreParameters Of(ClientKernel kernel) => new()
    {
        Backend = kernel.Parameter("pstore.backend"),
        Compress = kernel.Parameter("pstore.compress") ?? Deflate,
        KmsgBytes = Number(kernel, "pstore.kmsg_bytes", long.MaxValue, out ulong kmsgBytes) ? kmsgBytes : DefaultKmsgBytes,
        UpdateMilliseconds = ReadUpdateInterval(kernel),
        AlwaysDumps = Truth(kernel, "printk.always_kmsg_dump", false),
    };

    /// <summary><c>backend</c>: the only one that may register, or the one that did; null for any.</summary>
    public string? Backend { get; set; }

    /// <summary><c>compress</c>: null when compression is off.</summary>
    public string? Compress { get; private set; }

    /// <summary><c>kmsg_bytes</c>: a dump ends when its records reach this.</summary>
    public ulong KmsgBytes { get; private set; }

    /// <summary><c>update_ms</c>: how long after an oops records are looked for; negative for never.</summary>
    public int UpdateMilliseconds { get; set; }

    /// <summary><c>printk.always_kmsg_dump</c>.</summary>
    public bool AlwaysDumps { get; private init; }

    /// <summary>The value as sysfs shows it.</summary>
    /// <param name="name">A parameter's name.</param>
    /// <returns>The text, or null when pstore has no such parameter.</returns>
    public string? Show(string? name) => name switch
    {
        "backend" => Backend ?? NotSet,
        "compress" => Compress ?? NotSet,
        "kmsg_bytes" => KmsgBytes.ToString(CultureInfo.InvariantCulture),
        "update_ms" => UpdateMilliseconds.ToString(CultureInfo.InvariantCulture),
        _ => null,
    };

    /// <summary>Chooses the compression when a backend registers (allocate_buf_for_compression).</summary>
    /// <returns>Whether records are compressed.</returns>
    public bool SettleCompression(KernelLog log)
    {
        if (Compress is null or None)
        {
            Compress = null;
            return false;
        }

        if (Compress != Deflate)
        {
            log.Write(LogLevel.Error, $"pstore: Unsupported compression '{Compress}', falling back to {Deflate}");
            Compress = Deflate;
        }

        log.Write(LogLevel.Info, $"pstore: Using crash dump compression: {Compress}");
        return true;
    }

    /// <summary>Reads mount options; what cannot be read is passed over.</summary>
    /// <param name="options">Separated by commas, or null.</param>
    public void ReadMountOptions(string? options)
    {
        foreach (Range part in options.AsSpan().Split(','))
        {
            ReadOnlySpan<char> option = options.AsSpan(part);
            const string KmsgBytesOption = "kmsg_bytes=";
            if (option.StartsWith(KmsgBytesOption, StringComparison.Ordinal)
                && KernelNumber.TryParse(option[KmsgBytesOption.Length..], uint.MaxValue, out ulong bytes))
            {
                KmsgBytes = bytes;
            }
        }
    }

    /// <summary>A boolean parameter of the command line.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="name">The parameter's full name.</param>
    /// <param name="unset">Its value when it is not given, or cannot be read.</param>
    /// <returns>The value.</returns>
    public static bool Truth(ClientKernel kernel, string name, bool unset)
    {
        string? text = kernel.Parameter(name);
        switch (text)
        {
            case null:
                return unset;
            case ['y' or 'Y' or '1' or 't' or 'T', ..] or ['o' or 'O', 'n' or 'N', ..]:
                return true;
            case ['n' or 'N' or '0' or 'f' or 'F', ..] or ['o' or 'O', 'f' or 'F', ..]:
                return false;
            default:
                Refuse(kernel, name, text);
                return unset;
        }
    }

    private static int ReadUpdateInterval(ClientKernel kernel)
    {
        const string Name = "pstore.update_ms";
        if (kernel.Parameter(Name) is not ['-', .. string magnitude])
        {
            return Number(kernel, Name, int.MaxValue, out ulong milliseconds) ? (int)milliseconds : -1;
        }

        if (KernelNumber.TryParse(magnitude, int.MaxValue, out ulong negative))
        {
            return -(int)negative;
        }

        Refuse(kernel, Name, "-" + magnitude);
        return -1;
    }

    private static bool Number(ClientKernel kernel, string name, ulong largest, out ulong value)
    {
        value = 0;
        if (kernel.Parameter(name) is not { } text)
        {
            return false;
        }

        if (KernelNumber.TryParse(text, largest, out value))
        {
            return true;
        }

        Refuse(kernel, name, text);
        return false;
    }

    private static void Refuse(ClientKernel kernel, string name, string text) =>
        kernel.Log.Write(LogLevel.Error, $"Booting kernel: `{text}' invalid for parameter `{name}'");
}
