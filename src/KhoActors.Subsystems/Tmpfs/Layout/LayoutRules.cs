using System.Text;

namespace KhoActors.Subsystems.Tmpfs.Layout;

/// <summary>What holds in every structure of tmpfs-kho-v1: names of mounts, pointers, texts.</summary>
public static class LayoutRules
{
    /// <summary>Bytes of a page.</summary>
    public const int PageBytes = 4096;

    /// <summary>Bytes of the field that holds a mount's name.</summary>
    public const int NameBytes = 48;

    /// <summary>The longest name of a mount, in bytes.</summary>
    public const int NameLengthMax = NameBytes - 1;

    /// <summary>The largest size of a file in bytes (MAX_LFS_FILESIZE).</summary>
    public const ulong FileSizeMax = long.MaxValue;

    /// <summary>Bytes of inode space that an inode takes, and each further link of a file.</summary>
    public const ulong InodeSpaceBytes = 1024;

    /// <summary>Whether a text may name a mount: 1 to 47 of A-Z, a-z, 0-9, dot, underscore, dash.</summary>
    /// <param name="name">The text.</param>
    /// <returns>Whether it may.</returns>
    public static bool IsMountName(ReadOnlySpan<char> name)
    {
        foreach (char letter in name)
        {
            if (!char.IsAsciiLetterOrDigit(letter) && letter is not ('.' or '_' or '-'))
            {
                return false;
            }
        }

        return name.Length is >= 1 and <= NameLengthMax;
    }

    /// <summary>Whether a pointer may be followed: not 0 and on a page's border.</summary>
    /// <param name="phys">The pointer.</param>
    /// <returns>Whether it may.</returns>
    public static bool IsPagePointer(ulong phys) => phys != 0 && (phys & (PageBytes - 1)) == 0;

    /// <summary>Whether bytes are all zero, as reserved ones must be.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <returns>Whether they are.</returns>
    internal static bool IsZero(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExcept((byte)0);

    /// <summary>Reads a mount's name from its field.</summary>
    /// <param name="field">48 bytes.</param>
    /// <returns>The name, or null when it is no name or not padded with NUL.</returns>
    internal static string? ReadMountName(ReadOnlySpan<byte> field)
    {
        int length = field.IndexOf((byte)0);
        if (length < 0 || !IsZero(field[length..]))
        {
            return null;
        }

        Span<char> name = stackalloc char[NameBytes];
        name = name[..length];
        Encoding.Latin1.GetChars(field[..length], name);
        return IsMountName(name) ? name.ToString() : null;
    }
}
