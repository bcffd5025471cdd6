using System.Buffers.Binary;

namespace KhoActors.Subsystems.Fdt;

/// <summary>The flattened device tree format, version 17: field positions, tags and sizes. Container fields are big-endian.</summary>
internal static class FdtFormat
{
    /// <summary>First word of a finished blob.</summary>
    public const uint Magic = 0xd00dfeed;

    /// <summary>First word while the sequential writer is at work: the complement, so that nobody reads the blob by accident.</summary>
    public const uint UnfinishedMagic = ~Magic;

    /// <summary>Bytes of the version 17 header.</summary>
    public const int HeaderBytes = 40;

    /// <summary>Bytes of the shortest (version 1) header.</summary>
    public const int ShortestHeaderBytes = 28;

    /// <summary>Bytes of one memory reservation: address and size.</summary>
    public const int ReservationBytes = 16;

    /// <summary>Bytes of a tag.</summary>
    public const int TagBytes = 4;

    /// <summary>Bytes of a property before its value: tag, length, name offset.</summary>
    public const int PropertyHeaderBytes = 12;

    /// <summary>Where in a property the offset of its name stands.</summary>
    public const int NameOffsetInProperty = 8;

    /// <summary>The version written, and the last one that is understood.</summary>
    public const uint LastSupportedVersion = 17;

    /// <summary>The oldest version that is understood.</summary>
    public const uint FirstSupportedVersion = 2;

    /// <summary>The oldest version that can read what is written.</summary>
    public const uint LastCompatibleVersion = 16;

    /// <summary>Tag of a node's start; its name follows.</summary>
    public const uint BeginNode = 1;

    /// <summary>Tag of a node's end.</summary>
    public const uint EndNode = 2;

    /// <summary>Tag of a property; length, name offset and value follow.</summary>
    public const uint Property = 3;

    /// <summary>Tag without meaning.</summary>
    public const uint Nop = 4;

    /// <summary>Tag of the structure block's end.</summary>
    public const uint End = 9;

    /// <summary>Longest name that is encoded without an allocation.</summary>
    public const int StackNameBytes = 256;

    /// <summary>Byte offsets of the header's fields.</summary>
    public static class Field
    {
        public const int Magic = 0;
        public const int TotalSize = 4;
        public const int StructOffset = 8;
        public const int StringsOffset = 12;
        public const int ReserveMapOffset = 16;
        public const int Version = 20;
        public const int LastCompatibleVersion = 24;
        public const int BootCpu = 28;
        public const int StringsSize = 32;
        public const int StructSize = 36;
    }

    /// <summary>Rounds up to a whole tag.</summary>
    public static int AlignTag(int bytes) => (bytes + TagBytes - 1) & ~(TagBytes - 1);

    /// <summary>Reads a container field; a field beyond the buffer (headers before version 17 are shorter) reads as 0.</summary>
    public static uint Read(ReadOnlySpan<byte> fdt, int offset) =>
        offset + sizeof(uint) <= fdt.Length ? BinaryPrimitives.ReadUInt32BigEndian(fdt[offset..]) : 0;

    /// <summary>Writes a container field.</summary>
    public static void Write(Span<byte> fdt, int offset, uint value) => BinaryPrimitives.WriteUInt32BigEndian(fdt[offset..], value);

    /// <summary>Bytes of the header of a version.</summary>
    public static uint HeaderBytesOf(uint version) => version switch
    {
        <= 1 => 28,
        <= 2 => 32,
        <= 16 => 36,
        _ => HeaderBytes,
    };

    /// <summary>
    /// Encodes a name as the kernel's bytes, one byte per character, so that every byte string has a name and comes back unchanged.
    /// </summary>
    /// <param name="name">Characters U+0001 to U+00FF.</param>
    /// <param name="buffer">At least as many bytes as the name has characters.</param>
    /// <exception cref="ArgumentException">The name holds a NUL or a character above U+00FF: no C string can.</exception>
    public static ReadOnlySpan<byte> Encode(string name, Span<byte> buffer)
    {
        for (var index = 0; index < name.Length; index++)
        {
            if (name[index] is '\0' or > '\u00ff')
            {
                throw new ArgumentException("A name in a device tree is a C string of bytes.", nameof(name));
            }

            buffer[index] = (byte)name[index];
        }

        return buffer[..name.Length];
    }

    /// <summary>
    /// Where a string starts in a strings block: the first place where it stands before a NUL, also as the tail of a longer one; -1 if nowhere.
    /// </summary>
    public static int FindString(ReadOnlySpan<byte> strings, ReadOnlySpan<byte> name)
    {
        for (var start = 0; start + name.Length < strings.Length; start++)
        {
            var found = strings[start..^1].IndexOf(name);
            if (found < 0)
            {
                return -1;
            }

            start += found;
            if (strings[start + name.Length] == 0)
            {
                return start;
            }
        }

        return -1;
    }
}
