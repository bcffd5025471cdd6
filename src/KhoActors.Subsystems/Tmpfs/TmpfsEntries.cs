using System.Collections;

namespace KhoActors.Subsystems.Tmpfs;

/// <summary>An entry of a directory.</summary>
/// <param name="Name">1 to 255 bytes, a character each; no slash, no NUL, not <c>.</c> or <c>..</c>.</param>
/// <param name="Inode">What it names.</param>
public readonly record struct TmpfsDirectoryEntry(string Name, TmpfsInode Inode)
{
    /// <summary>Where getdents finds it again: ascending in the directory, kept while other entries come and go.</summary>
    public ulong Cookie { get; init; }
}

/// <summary>
/// The entries of a directory in the order of their creation. Small directories are searched; larger ones have an index by name, which is
/// looked up and never enumerated.
/// </summary>
public sealed class TmpfsEntries : IReadOnlyList<TmpfsDirectoryEntry>
{
    private const int IndexedFrom = 16;

    private readonly List<TmpfsDirectoryEntry> _entries = [];
    private Dictionary<string, ulong>? _cookies;
    private ulong _nextCookie = 1;

    /// <summary>How many entries there are.</summary>
    public int Count => _entries.Count;

    /// <summary>An entry by position, 0 for the oldest.</summary>
    /// <param name="position">0..<see cref="Count"/> - 1.</param>
    public TmpfsDirectoryEntry this[int position] => _entries[position];

    /// <summary>Finds a name.</summary>
    /// <param name="name">The name.</param>
    /// <param name="position">Its position.</param>
    /// <returns>Whether it is there.</returns>
    public bool Find(ReadOnlySpan<char> name, out int position)
    {
        if (_cookies is not null)
        {
            bool found = _cookies.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out ulong cookie);
            position = found ? PositionFrom(cookie) : 0;
            return found;
        }

        for (position = 0; position < _entries.Count; position++)
        {
            if (name.SequenceEqual(_entries[position].Name))
            {
                return true;
            }
        }

        position = 0;
        return false;
    }

    /// <summary>The position of the first entry with this cookie or a later one.</summary>
    /// <param name="cookie">A cookie.</param>
    /// <returns>0..<see cref="Count"/>.</returns>
    public int PositionFrom(ulong cookie)
    {
        int low = 0;
        int high = _entries.Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_entries[middle].Cookie < cookie)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>Adds an entry behind all others.</summary>
    /// <param name="name">A name that is not there.</param>
    /// <param name="inode">What it names.</param>
    public void Add(string name, TmpfsInode inode)
    {
        ulong cookie = _nextCookie++;
        _entries.Add(new TmpfsDirectoryEntry(name, inode) { Cookie = cookie });
        if (_cookies is not null)
        {
            _cookies.Add(name, cookie);
        }
        else if (_entries.Count >= IndexedFrom)
        {
            BuildIndex();
        }
    }

    /// <summary>Lets an entry name something else; its place stays.</summary>
    /// <param name="position">Its position.</param>
    /// <param name="inode">What it names now.</param>
    public void Replace(int position, TmpfsInode inode) => _entries[position] = _entries[position] with { Inode = inode };

    /// <summary>Removes an entry.</summary>
    /// <param name="position">Its position.</param>
    public void RemoveAt(int position)
    {
        _cookies?.Remove(_entries[position].Name);
        _entries.RemoveAt(position);
    }

    /// <summary>The entries in order.</summary>
    /// <returns>An enumerator.</returns>
    public List<TmpfsDirectoryEntry>.Enumerator GetEnumerator() => _entries.GetEnumerator();

    IEnumerator<TmpfsDirectoryEntry> IEnumerable<TmpfsDirectoryEntry>.GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _entries.GetEnumerator();

    private void BuildIndex()
    {
        _cookies = new Dictionary<string, ulong>(StringComparer.Ordinal);
        foreach (TmpfsDirectoryEntry entry in _entries)
        {
            _cookies.Add(entry.Name, entry.Cookie);
        }
    }
}
