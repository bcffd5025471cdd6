using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs;

/// <summary>Reads the option text of a tmpfs mount (shmem_parse_options and shmem_parse_one, mm/shmem.c; fs/fs_parser.c).</summary>
public static class TmpfsOptionParser
{
    private const uint InvalidId = uint.MaxValue;

    /// <summary>
    /// Reads options, parted by commas; a comma in front of a digit belongs to the value. The last of several wins.
    /// </summary>
    /// <param name="text">The options; empty for none. Hostile text is refused, never thrown at.</param>
    /// <param name="mounter">Who mounts: <c>noswap</c> needs privilege in the initial user namespace.</param>
    /// <param name="ramPages">Pages of RAM, for sizes in percent.</param>
    /// <param name="bareSuffix">How the kernel reads a size suffix without digits; see <see cref="MemParse.Parse"/>.</param>
    /// <param name="options">The options, complete only with result 0.</param>
    /// <returns>0, or -EINVAL for an unknown option or a bad value.</returns>
    public static int Parse(string text, TmpfsMounter mounter, ulong ramPages, bool bareSuffix, out TmpfsMountOptions options)
    {
        options = new TmpfsMountOptions { ReadOnly = (mounter & TmpfsMounter.ReadOnly) != 0 };
        ReadOnlySpan<char> rest = text;
        while (!rest.IsEmpty)
        {
            ReadOnlySpan<char> option = NextOption(ref rest);
            int equals = option.IndexOf('=');
            ReadOnlySpan<char> key = equals < 0 ? option : option[..equals];
            if (key.IsEmpty)
            {
                continue;
            }

            ReadOnlySpan<char> value = equals < 0 ? default : option[(equals + 1)..];
            TmpfsMountOptions? next = equals < 0 || key is "ro" or "rw" ? Flag(options, key, mounter) : Valued(options, key, value, ramPages, bareSuffix);
            if (next is null)
            {
                return -Errno.EINVAL;
            }

            options = next;
        }

        return 0;
    }

    private static ReadOnlySpan<char> NextOption(ref ReadOnlySpan<char> rest)
    {
        int end = 0;
        while (end < rest.Length && (rest[end] != ',' || (end + 1 < rest.Length && char.IsAsciiDigit(rest[end + 1]))))
        {
            end++;
        }

        ReadOnlySpan<char> option = rest[..end];
        rest = end < rest.Length ? rest[(end + 1)..] : default;
        return option;
    }

    private static TmpfsMountOptions? Flag(TmpfsMountOptions options, ReadOnlySpan<char> key, TmpfsMounter mounter) => key switch
    {
        "ro" => options with { ReadOnly = true },
        "rw" => options with { ReadOnly = false },
        "sync" or "async" or "dirsync" or "mand" or "nomand" or "lazytime" or "nolazytime" or "inode64" => options,
        "kho_must" => options with { KhoMust = true },
        "noswap" => (mounter & (TmpfsMounter.Unprivileged | TmpfsMounter.OtherUserNamespace)) == 0 ? options with { NoSwap = true } : null,
        _ => null,
    };

    private static TmpfsMountOptions? Valued(
        TmpfsMountOptions options, ReadOnlySpan<char> key, ReadOnlySpan<char> value, ulong ramPages, bool bareSuffix)
    {
        switch (key)
        {
            case "kho":
                return value.IsEmpty ? null : options with { KhoName = value.ToString() };
            case "size":
                return TrySize(value, ramPages, bareSuffix, out ulong blocks) ? options with { MaxBlocks = blocks } : null;
            case "nr_blocks":
                return TryCount(value, long.MaxValue, bareSuffix, out ulong count) ? options with { MaxBlocks = count } : null;
            case "nr_inodes":
                bool valid = TryCount(value, ulong.MaxValue / TmpfsFileSystem.InodeSpaceBytes, bareSuffix, out ulong inodes);
                return valid ? options with { MaxInodes = inodes } : null;
            case "mode":
                return TryUInt32(value, 8, out uint mode) ? options with { Mode = mode & TmpfsMountOptions.ModeMask } : null;
            case "uid":
                return TryUInt32(value, 0, out uint uid) && uid != InvalidId ? options with { Uid = uid } : null;
            case "gid":
                return TryUInt32(value, 0, out uint gid) && gid != InvalidId ? options with { Gid = gid } : null;
            case "huge":
                return value is "never" ? options : null;
            default:
                return null;
        }
    }

    /// <summary>Sizes wrap as the kernel's 64-bit arithmetic does: 2^64 - 1 bytes are 0 pages.</summary>
    private static bool TrySize(ReadOnlySpan<char> value, ulong ramPages, bool bareSuffix, out ulong blocks)
    {
        int used = MemParse.Parse(value, bareSuffix, out ulong bytes);
        if (used < value.Length && value[used] == '%')
        {
            bytes = unchecked((bytes << PageGeometry.Shift) * ramPages) / 100;
            used++;
        }

        blocks = unchecked(bytes + PageGeometry.SizeBytes - 1) >> PageGeometry.Shift;
        return !value.IsEmpty && used == value.Length;
    }

    private static bool TryCount(ReadOnlySpan<char> value, ulong limit, bool bareSuffix, out ulong count) =>
        MemParse.Parse(value, bareSuffix, out count) == value.Length && !value.IsEmpty && count <= limit;

    /// <summary>kstrtouint: an optional plus sign, digits, one optional newline; base 0 takes 0x and a leading 0 for 16 and 8.</summary>
    private static bool TryUInt32(ReadOnlySpan<char> value, uint radix, out uint number)
    {
        number = 0;
        if (!value.IsEmpty && value[0] == '+')
        {
            value = value[1..];
        }

        if (!value.IsEmpty && value[^1] == '\n')
        {
            value = value[..^1];
        }

        if (radix == 0)
        {
            radix = value.Length > 1 && value[0] == '0' ? 8U : 10;
            if (value.Length > 2 && value[0] == '0' && (value[1] | 0x20) == 'x')
            {
                radix = 16;
                value = value[2..];
            }
        }

        ulong sum = 0;
        foreach (char c in value)
        {
            int digit = char.IsAsciiHexDigit(c) ? (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10) : int.MaxValue;
            sum = (sum * radix) + (uint)digit;
            if (digit >= radix || sum > uint.MaxValue)
            {
                return false;
            }
        }

        number = (uint)sum;
        return !value.IsEmpty;
    }
}
