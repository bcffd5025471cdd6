using System.Globalization;

namespace KhoActors.Subsystems.Tmpfs;

/// <summary>What a name says of what it names: user space remembers nothing across a kexec but names, so they tell it what to expect.</summary>
internal enum TmpfsKnownKind
{
    /// <summary><c>f...</c>: a file that was written from its beginning on with the pattern of the seed in its name; without holes.</summary>
    Dense,

    /// <summary><c>s...</c>: a file with holes.</summary>
    Sparse,

    /// <summary><c>d...</c>: a directory.</summary>
    Directory,

    /// <summary><c>l...</c>: a symbolic link whose target follows from the seed in its name.</summary>
    Link,
}

/// <summary>The content of a file, which several names may share.</summary>
/// <param name="seed">Seed of its pattern.</param>
internal sealed class TmpfsKnownContent(ulong seed)
{
    /// <summary>Seed of its pattern.</summary>
    public ulong Seed => seed;

    /// <summary>Its size, or null before it was read in this kernel.</summary>
    public ulong? SizeBytes { get; set; }

    /// <summary>Whether something is under way on it.</summary>
    public bool IsBusy { get; set; }
}

/// <summary>A name that user space knows in this kernel.</summary>
/// <param name="Path">The whole path.</param>
/// <param name="Kind">What it names.</param>
/// <param name="Content">What is known of its content.</param>
internal sealed record TmpfsKnownFile(string Path, TmpfsKnownKind Kind, TmpfsKnownContent Content)
{
    private const int SeedDigits = 16;
    private const int ShortTarget = 24;
    private const int LongTarget = 300;

    /// <summary>The last part of a new name.</summary>
    /// <param name="kind">What it names.</param>
    /// <param name="seed">The seed of its content.</param>
    /// <param name="variant">Tells names of one content apart; 0 for the first.</param>
    public static string NameOf(TmpfsKnownKind kind, ulong seed, uint variant) =>
        string.Create(CultureInfo.InvariantCulture, $"{"fsdl"[(int)kind]}{seed:x16}{(variant == 0 ? "" : $"-{variant:x}")}");

    /// <summary>The target of a symbolic link: short ones live in the inode, long ones take a page.</summary>
    /// <param name="seed">The seed in its name.</param>
    public static string TargetOf(ulong seed) =>
        string.Create(CultureInfo.InvariantCulture, $"to-{seed:x16}").PadRight((seed & 1) == 0 ? ShortTarget : LongTarget, '.');

    /// <summary>Reads what a name says.</summary>
    /// <param name="directory">Path of its directory.</param>
    /// <param name="name">The name.</param>
    /// <returns>The file, or null when the name is not one of ours.</returns>
    public static TmpfsKnownFile? Read(string directory, string name)
    {
        int kind = name.Length > SeedDigits ? "fsdl".IndexOf(name[0], StringComparison.Ordinal) : -1;
        return kind >= 0 && ulong.TryParse(name.AsSpan(1, SeedDigits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong seed)
            ? new TmpfsKnownFile($"{directory}/{name}", (TmpfsKnownKind)kind, new TmpfsKnownContent(seed))
            : null;
    }
}

/// <summary>The names that user space knows in one mount, found by listing it or made since.</summary>
/// <param name="point">The mount point with its slash.</param>
internal sealed class TmpfsKnownFiles(string point)
{
    /// <summary>More are not made.</summary>
    public const int Most = 24;

    private readonly List<TmpfsKnownFile> _files = [];

    /// <summary>How many names are known.</summary>
    public int Count => _files.Count;

    /// <summary>A known name.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public TmpfsKnownFile this[int index] => _files[index];

    /// <summary>Adds a name; names with one seed share their content.</summary>
    /// <param name="file">The name.</param>
    public void Add(TmpfsKnownFile file)
    {
        TmpfsKnownFile? other = _files.Find(other => other.Content.Seed == file.Content.Seed && other.Kind == file.Kind);
        _files.Add(other is null ? file : file with { Content = other.Content });
    }

    /// <summary>Forgets a name.</summary>
    /// <param name="file">The name.</param>
    public void Remove(TmpfsKnownFile file) => _files.Remove(file);

    /// <summary>Forgets everything: the file system is gone.</summary>
    public void Clear() => _files.Clear();

    /// <summary>Where a new name may be made: the root, or a known directory.</summary>
    /// <param name="pick">Chooses.</param>
    public string DirectoryFor(ulong pick)
    {
        TmpfsKnownFile? directory = Find(TmpfsKnownKind.Directory, TmpfsKnownKind.Directory, pick >> 1);
        return (pick & 1) == 0 || directory is null ? point : directory.Path;
    }

    /// <summary>A known name of one of two kinds on which nothing is under way.</summary>
    /// <param name="kind">A kind.</param>
    /// <param name="orKind">Another.</param>
    /// <param name="pick">Chooses.</param>
    /// <returns>The name, or null when there is none.</returns>
    public TmpfsKnownFile? Find(TmpfsKnownKind kind, TmpfsKnownKind orKind, ulong pick)
    {
        int start = _files.Count == 0 ? 0 : (int)(pick % (ulong)_files.Count);
        for (int i = 0; i < _files.Count; i++)
        {
            TmpfsKnownFile file = _files[(start + i) % _files.Count];
            if ((file.Kind == kind || file.Kind == orKind) && !file.Content.IsBusy)
            {
                return file;
            }
        }

        return null;
    }
}
