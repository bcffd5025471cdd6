using System.Buffers.Binary;
using ICSharpCode.SharpZipLib.Checksum;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Tests.Invariants;

/// <summary>The bytes of a hand-over of tmpfs-kho-v1, to be damaged: offsets as in docs/abi.md. Of the first mount, with at most 16 inodes.</summary>
internal sealed class TmpfsHandOverBytes(PhysicalMemory memory, ulong anchor)
{
    private const int InodeBytes = 256;

    public ulong Super => memory.ReadUInt64(anchor + 0x40 + 48);

    private ulong InodeTable => memory.ReadUInt64(Super + 0x90);

    /// <summary>Adds to a word of the anchor and makes its checksum right.</summary>
    public void AddToAnchor(int offset, ulong value) => Add(anchor, 4096, offset, value, 0x2C);

    /// <summary>Writes a word of the super page and makes its checksum right.</summary>
    public void PutSuper(int offset, ulong value)
    {
        memory.WriteUInt64(Super + (ulong)offset, value);
        Add(Super, 4096, offset, 0, 0xBC);
    }

    public void AddToSuper(int offset, ulong value) => Add(Super, 4096, offset, value, 0xBC);

    /// <summary>Adds to an aligned word of an inode and makes its checksum right.</summary>
    public void AddToInode(ulong number, int offset, ulong value) => Add(InodeOf(number), InodeBytes, offset, value, 0x78);

    public void FlipAnchorChecksum() => memory.WriteUInt64(anchor + 0x28, memory.ReadUInt64(anchor + 0x28) ^ (1UL << 40));

    /// <summary>Address of a page of a file that has more than one.</summary>
    public ulong PageOf(ulong number, int index) => memory.ReadUInt64(MapOf(number) + ((ulong)index * 8)) & ~0xFFFUL;

    /// <summary>Enters a page of a file a second time.</summary>
    public void EnterTwice(ulong number, int from, int to) =>
        memory.WriteUInt64(MapOf(number) + ((ulong)to * 8), memory.ReadUInt64(MapOf(number) + ((ulong)from * 8)));

    public ulong SizeOf(ulong number) => memory.ReadUInt64(InodeOf(number) + 0x18);

    private ulong MapOf(ulong number) => memory.ReadUInt64(InodeOf(number) + 0x68);

    private ulong InodeOf(ulong number)
    {
        ulong at = InodeTable;
        while (memory.ReadUInt64(at) != number)
        {
            at += InodeBytes;
            Assert.True(at < InodeTable + 4096, $"there is no inode {number}");
        }

        return at;
    }

    private void Add(ulong structure, int length, int offset, ulong value, int checksumAt)
    {
        memory.WriteUInt64(structure + (ulong)offset, memory.ReadUInt64(structure + (ulong)offset) + value);
        byte[] bytes = new byte[length];
        memory.Read(structure, bytes);
        bytes.AsSpan(checksumAt, 4).Clear();
        Crc32 crc = new();
        crc.Update(bytes);
        Span<byte> checksum = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, (uint)crc.Value);
        memory.Write(structure + (ulong)checksumAt, checksum);
    }
}
