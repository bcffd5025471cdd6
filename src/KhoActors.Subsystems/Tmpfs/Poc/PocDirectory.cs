using System.Buffers.Binary;
using System.Text;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs.Poc;

/// <summary>An entry of a directory of the proof of concept.</summary>
/// <param name="Number">Inode number: a virtual address.</param>
/// <param name="Type">FT_*: 1 regular, 2 directory, 3 character device, 4 block device, 5 fifo, 6 socket.</param>
/// <param name="Name">Name, a character a byte.</param>
internal readonly record struct PocEntry(ulong Number, byte Type, string Name);

/// <summary>
/// The entries in a directory's KHO inode: 264 bytes each (inode number 8, type 1, name 255 with its NUL), packed; entry 0 is <c>.</c>, there is no
/// <c>..</c>. Their number is the inode's size divided by 264, whatever the inode has room for.
/// </summary>
/// <param name="memory">RAM as the client may touch it.</param>
/// <param name="addresses">The direct map.</param>
/// <param name="number">The directory's inode number: its virtual address.</param>
internal readonly struct PocDirectory(OwnedMemory memory, PocAddresses addresses, ulong number)
{
    /// <summary>Bytes of an entry.</summary>
    public const int EntryBytes = 264;

    /// <summary>Longest name.</summary>
    public const int NameMax = 254;

    /// <summary>Entries that fit into a KHO inode.</summary>
    public const int EntriesThatFit = (PocInode.SizeBytes - PocInode.UnionOffset) / EntryBytes;

    private const int TypeOffset = 8;
    private const int NameOffset = 9;

    /// <summary>A directory with a damaged size is searched up to the end of its slot and no further.</summary>
    private const int SearchLimit = (PocSlab.StrideBytes - PocInode.UnionOffset) / EntryBytes;

    /// <summary>An entry with this index lies behind any RAM.</summary>
    private const ulong BeyondAllRam = 1UL << (PageGeometry.PhysicalAddressBits - 8);

    private readonly PocInode _inode = new(memory, addresses.Follow(number, PocInode.SizeBytes));

    /// <summary>The directory's KHO inode.</summary>
    public PocInode Inode => _inode;

    /// <summary>Entries, <c>.</c> included.</summary>
    public ulong Count => _inode.Size / EntryBytes;

    /// <summary>Whether one more entry is accepted: 0, or -ENOSPC. The check is one too lax; see <see cref="Append"/>.</summary>
    public int RoomForOne => Count > EntriesThatFit ? -Errno.ENOSPC : 0;

    /// <summary>The address of an entry.</summary>
    private ulong AddressOf(ulong index) => addresses.Follow(unchecked(number + PocInode.UnionOffset + (index * EntryBytes)), EntryBytes);

    /// <summary>Reads an entry.</summary>
    /// <param name="index">0..<see cref="Count"/> - 1.</param>
    /// <returns>The entry; a name without its NUL has 255 bytes.</returns>
    /// <exception cref="SimulatedOopsException">The directory's size is damaged, and the entry lies outside RAM.</exception>
    public PocEntry this[ulong index]
    {
        get
        {
            Span<byte> bytes = stackalloc byte[EntryBytes];
            memory.Read(AddressOf(index), bytes);
            return new PocEntry(BinaryPrimitives.ReadUInt64LittleEndian(bytes), bytes[TypeOffset], NameIn(bytes));
        }
    }

    /// <summary>Finds a name: the first entry that has it.</summary>
    /// <param name="name">The name.</param>
    /// <param name="index">Its index.</param>
    /// <param name="entry">The entry.</param>
    /// <returns>Whether it is there.</returns>
    /// <exception cref="SimulatedOopsException">The directory's size is damaged, and the search leaves RAM.</exception>
    public bool Find(string name, out ulong index, out PocEntry entry)
    {
        ulong count = Count;
        for (index = 0; index < count && index < SearchLimit; index++)
        {
            entry = this[index];
            if (entry.Name == name)
            {
                return true;
            }
        }

        entry = default;
        if (count > SearchLimit)
        {
            // What lies between is no directory and has no such name; what counts is whether the search comes to an end inside RAM.
            AddressOf(Math.Min(count - 1, BeyondAllRam));
        }

        return false;
    }

    /// <summary>
    /// Adds an entry at the end. With 61 entries, as many as fit, a 62nd is accepted and its last 80 bytes lie behind the inode, in the part of
    /// the slot that nothing uses.
    /// </summary>
    /// <param name="entry">The entry.</param>
    /// <param name="now">Becomes the directory's change and modification time.</param>
    /// <returns>0; -ENAMETOOLONG above 254 bytes; -ENOSPC with 62 entries.</returns>
    public int Append(PocEntry entry, TmpfsTime now)
    {
        if (entry.Name.Length > NameMax)
        {
            return -Errno.ENAMETOOLONG;
        }

        if (RoomForOne != 0)
        {
            return RoomForOne;
        }

        ulong count = Count;
        Span<byte> bytes = stackalloc byte[EntryBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, entry.Number);
        bytes[TypeOffset] = entry.Type;
        int length = Encoding.Latin1.GetBytes(entry.Name, bytes[NameOffset..]);
        memory.Write(AddressOf(count), bytes[..(NameOffset + length + 1)]);
        Changed(count + 1, now);
        return 0;
    }

    /// <summary>Takes an entry out; those behind it move down, and what the last one was stays behind the end.</summary>
    /// <param name="index">Its index, below <see cref="Count"/>.</param>
    /// <param name="now">Becomes the directory's change and modification time.</param>
    public void RemoveAt(ulong index, TmpfsTime now)
    {
        Span<byte> bytes = stackalloc byte[EntryBytes];
        ulong count = Count;
        for (ulong i = index + 1; i < count; i++)
        {
            memory.Read(AddressOf(i), bytes);
            memory.Write(AddressOf(i - 1), bytes);
        }

        Changed(count - 1, now);
    }

    private static string NameIn(ReadOnlySpan<byte> entry)
    {
        ReadOnlySpan<byte> name = entry[NameOffset..];
        int end = name.IndexOf((byte)0);
        return Encoding.Latin1.GetString(end < 0 ? name : name[..end]);
    }

    private void Changed(ulong count, TmpfsTime now)
    {
        PocInode inode = _inode;
        inode.Size = count * EntryBytes;
        inode.ChangeTime = now;
        inode.ModifyTime = now;
    }
}
