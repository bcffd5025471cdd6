namespace KhoActors.Subsystems.Kho;

/// <summary>What a debugfs entry shows.</summary>
public enum DebugfsContent
{
    /// <summary>Nothing of its own: other entries.</summary>
    Directory,

    /// <summary>A text that the kernel makes when it is read.</summary>
    Text,

    /// <summary>A range of memory, whatever lies there when it is read.</summary>
    Memory,
}

/// <summary>One entry of <see cref="Debugfs"/> as it stands now.</summary>
/// <param name="Path">Its path below /sys/kernel/debug, for example <c>kho/out/fdt</c>.</param>
/// <param name="Content">What it shows.</param>
/// <param name="Permissions">Its permission bits, for example 0400 (octal).</param>
/// <param name="SizeBytes">How many bytes a reader gets; 0 for a directory. The kernel itself reports 0 for every file.</param>
/// <param name="Phys">Where the memory lies that it shows; 0 for anything else.</param>
public readonly record struct DebugfsEntry(string Path, DebugfsContent Content, int Permissions, ulong SizeBytes, ulong Phys)
{
    private const string Letters = "rwxrwxrwx";

    /// <summary>The mode as <c>ls -l</c> prints it, for example <c>-r--------</c>.</summary>
    public string Mode => string.Create(1 + Letters.Length, this, static (text, entry) =>
    {
        text[0] = entry.Content == DebugfsContent.Directory ? 'd' : '-';
        for (int i = 0; i < Letters.Length; i++)
        {
            text[i + 1] = (entry.Permissions >> (Letters.Length - 1 - i) & 1) != 0 ? Letters[i] : '-';
        }
    });
}
