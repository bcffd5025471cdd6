using System.Buffers.Binary;
using System.Text;

namespace KhoActors.Subsystems.Tmpfs.Layout;

/// <summary>How far a hand-over has come.</summary>
public enum AnchorState
{
    /// <summary>Nothing is handed over.</summary>
    Empty = 0,

    /// <summary>A snapshot is being made, or taken apart.</summary>
    Building = 1,

    /// <summary>Everything below the anchor is whole and does not change any more.</summary>
    Complete = 2,
}

/// <summary>A mount that is handed over.</summary>
/// <param name="Name">Its name.</param>
/// <param name="SuperPhys">Its super page.</param>
/// <param name="IsCarried">Whether the kernel that wrote the anchor passed it on without having mounted it.</param>
/// <param name="Pages">Pages of the mount, super page included.</param>
public readonly record struct MountSlot(string Name, ulong SuperPhys, bool IsCarried, uint Pages);

/// <summary>What an incoming anchor turned out to be.</summary>
public enum AnchorVerdict
{
    /// <summary>A whole hand-over.</summary>
    Complete,

    /// <summary>The kernel before handed nothing over: its anchor is empty, or it jumped in the middle of a snapshot.</summary>
    Nothing,

    /// <summary>Another version of the layout or another page size.</summary>
    OtherVersion,

    /// <summary>Damage.</summary>
    Corrupt,
}

/// <summary>An anchor that was read.</summary>
/// <param name="Verdict">What it is.</param>
/// <param name="Reason">The check that failed, for the log; empty when none did.</param>
/// <param name="Generation">The generation of a whole hand-over.</param>
public readonly record struct AnchorReading(AnchorVerdict Verdict, string Reason = "", ulong Generation = 0);

/// <summary>
/// The anchor page of tmpfs-kho-v1, sub-blob <c>tmpfs-kho</c>: who wrote it, how far the snapshot is, and a slot for each mount. Layout of our
/// own, documented in docs/abi.md; little-endian.
/// </summary>
public static class AnchorPage
{
    /// <summary>Name of the sub-blob.</summary>
    public const string SubtreeName = "tmpfs-kho";

    /// <summary>The compatible string; any change of layout or meaning takes another one.</summary>
    public const string Compatible = "tmpfs-kho-v1";

    /// <summary>Slots: as many names can be handed over.</summary>
    public const int SlotsMax = 63;

    /// <summary>The magic number, <c>TMPFSKHO</c>.</summary>
    public const ulong Magic = 0x4F48_4B53_4650_4D54;

    /// <summary>Offset of the compatible string, 24 bytes, NUL padded.</summary>
    public const int CompatibleAt = 0x08;

    /// <summary>Offset of page_shift, 16 bits: 12.</summary>
    public const int PageShiftAt = 0x20;

    /// <summary>Offset of header_size, 16 bits: 64.</summary>
    public const int HeaderSizeAt = 0x22;

    /// <summary>Offset of the <see cref="AnchorState"/>, 32 bits.</summary>
    public const int StateAt = 0x24;

    /// <summary>Offset of nr_mounts, 32 bits.</summary>
    public const int MountsAt = 0x28;

    /// <summary>Offset of the page's checksum, 32 bits, meaningful in a complete anchor.</summary>
    public const int CrcAt = 0x2C;

    /// <summary>Offset of the generation, 64 bits: 1 for the first kernel, one more for each that follows.</summary>
    public const int GenerationAt = 0x30;

    /// <summary>Offset of total_pages, 64 bits: all pages of the hand-over, the anchor included.</summary>
    public const int TotalPagesAt = 0x38;

    /// <summary>Offset of the first slot.</summary>
    public const int SlotsAt = 0x40;

    /// <summary>Bytes of a slot.</summary>
    public const int SlotBytes = 64;

    /// <summary>Offset of the super page's address in a slot, behind the name.</summary>
    public const int SlotSuperAt = 48;

    /// <summary>Offset of the flags in a slot, 32 bits.</summary>
    public const int SlotFlagsAt = 56;

    /// <summary>Offset of nr_pages in a slot, 32 bits.</summary>
    public const int SlotPagesAt = 60;

    /// <summary>Flag of every used slot.</summary>
    public const uint SlotValid = 1;

    /// <summary>Flag of a mount that was passed on without having been mounted.</summary>
    public const uint SlotCarried = 2;

    private const int CompatibleBytes = 24;
    private const ushort HeaderSize = 64;
    private const ushort PageShift = 12;

    // Page sizes that Linux has: 4 KiB to 256 KiB.
    private const ushort PageShiftMax = 18;

    /// <summary>Writes an anchor without a hand-over.</summary>
    /// <param name="page">The page; all of it is written.</param>
    /// <param name="state"><see cref="AnchorState.Empty"/> or <see cref="AnchorState.Building"/>.</param>
    public static void WriteHeader(Span<byte> page, AnchorState state)
    {
        page[..LayoutRules.PageBytes].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(page, Magic);
        Encoding.Latin1.GetBytes(Compatible, page[CompatibleAt..]);
        BinaryPrimitives.WriteUInt16LittleEndian(page[PageShiftAt..], PageShift);
        BinaryPrimitives.WriteUInt16LittleEndian(page[HeaderSizeAt..], HeaderSize);
        BinaryPrimitives.WriteUInt32LittleEndian(page[StateAt..], (uint)state);
    }

    /// <summary>Writes a whole hand-over; the state is the last thing that changes.</summary>
    /// <param name="page">The page; all of it is written.</param>
    /// <param name="generation">Of this kernel.</param>
    /// <param name="slots">At most 63 mounts by name in byte order.</param>
    public static void WriteComplete(Span<byte> page, ulong generation, IReadOnlyList<MountSlot> slots)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(slots.Count, SlotsMax);
        WriteHeader(page, AnchorState.Building);
        ulong totalPages = 1;
        for (int i = 0; i < slots.Count; i++)
        {
            MountSlot slot = slots[i];
            Span<byte> target = page.Slice(SlotsAt + (i * SlotBytes), SlotBytes);
            Encoding.Latin1.GetBytes(slot.Name, target);
            BinaryPrimitives.WriteUInt64LittleEndian(target[SlotSuperAt..], slot.SuperPhys);
            BinaryPrimitives.WriteUInt32LittleEndian(target[SlotFlagsAt..], SlotValid | (slot.IsCarried ? SlotCarried : 0));
            BinaryPrimitives.WriteUInt32LittleEndian(target[SlotPagesAt..], slot.Pages);
            totalPages += slot.Pages;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(page[MountsAt..], (uint)slots.Count);
        BinaryPrimitives.WriteUInt64LittleEndian(page[GenerationAt..], generation);
        BinaryPrimitives.WriteUInt64LittleEndian(page[TotalPagesAt..], totalPages);
        BinaryPrimitives.WriteUInt32LittleEndian(page[StateAt..], (uint)AnchorState.Complete);
        BinaryPrimitives.WriteUInt32LittleEndian(page[CrcAt..], LayoutCrc.OfStructure(page[..LayoutRules.PageBytes], CrcAt));
    }

    /// <summary>Reads an anchor that another kernel wrote: nothing in it is trusted.</summary>
    /// <param name="page">4096 bytes.</param>
    /// <param name="slots">Receives the mounts; empty unless the hand-over is whole.</param>
    /// <returns>What it is.</returns>
    public static AnchorReading Read(ReadOnlySpan<byte> page, List<MountSlot> slots)
    {
        slots.Clear();
        page = page[..LayoutRules.PageBytes];
        if (BinaryPrimitives.ReadUInt64LittleEndian(page) != Magic)
        {
            return new AnchorReading(AnchorVerdict.Corrupt, "magic");
        }

        ReadOnlySpan<byte> compatible = page.Slice(CompatibleAt, CompatibleBytes);
        if (!IsOurs(compatible))
        {
            return new AnchorReading(IsWellFormed(compatible) ? AnchorVerdict.OtherVersion : AnchorVerdict.Corrupt, "compatible");
        }

        ushort shift = BinaryPrimitives.ReadUInt16LittleEndian(page[PageShiftAt..]);
        if (shift != PageShift)
        {
            return new AnchorReading(shift is > PageShift and <= PageShiftMax ? AnchorVerdict.OtherVersion : AnchorVerdict.Corrupt, "page_shift");
        }

        if (BinaryPrimitives.ReadUInt16LittleEndian(page[HeaderSizeAt..]) != HeaderSize)
        {
            return new AnchorReading(AnchorVerdict.Corrupt, "header_size");
        }

        AnchorState state = (AnchorState)BinaryPrimitives.ReadUInt32LittleEndian(page[StateAt..]);
        if (state != AnchorState.Complete)
        {
            // An empty anchor holds nothing: one with content is a complete one whose state was damaged.
            bool isHeaderOnly = state == AnchorState.Building || (state == AnchorState.Empty && LayoutRules.IsZero(page[MountsAt..]));
            return isHeaderOnly ? new AnchorReading(AnchorVerdict.Nothing, "state") : new AnchorReading(AnchorVerdict.Corrupt, "state");
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(page[CrcAt..]) != LayoutCrc.OfStructure(page, CrcAt))
        {
            return new AnchorReading(AnchorVerdict.Corrupt, "crc32");
        }

        if (ReadSlots(page, slots) is { } problem)
        {
            slots.Clear();
            return new AnchorReading(AnchorVerdict.Corrupt, problem);
        }

        return new AnchorReading(AnchorVerdict.Complete, string.Empty, BinaryPrimitives.ReadUInt64LittleEndian(page[GenerationAt..]));
    }

    private static string? ReadSlots(ReadOnlySpan<byte> page, List<MountSlot> slots)
    {
        uint mounts = BinaryPrimitives.ReadUInt32LittleEndian(page[MountsAt..]);
        if (mounts > SlotsMax)
        {
            return "nr_mounts";
        }

        ulong totalPages = 1;
        for (int i = 0; i < (int)mounts; i++)
        {
            ReadOnlySpan<byte> slot = page.Slice(SlotsAt + (i * SlotBytes), SlotBytes);
            uint flags = BinaryPrimitives.ReadUInt32LittleEndian(slot[SlotFlagsAt..]);
            string? name = LayoutRules.ReadMountName(slot[..LayoutRules.NameBytes]);
            if ((flags & SlotValid) == 0 || (flags & ~(SlotValid | SlotCarried)) != 0)
            {
                return "slot flags";
            }

            if (name is null || (i != 0 && string.CompareOrdinal(slots[i - 1].Name, name) >= 0))
            {
                return "slot name";
            }

            uint pages = BinaryPrimitives.ReadUInt32LittleEndian(slot[SlotPagesAt..]);
            slots.Add(new MountSlot(name, BinaryPrimitives.ReadUInt64LittleEndian(slot[SlotSuperAt..]), (flags & SlotCarried) != 0, pages));
            totalPages += pages;
        }

        bool restIsZero = LayoutRules.IsZero(page[(SlotsAt + ((int)mounts * SlotBytes))..]);
        return !restIsZero ? "unused slots" : totalPages != BinaryPrimitives.ReadUInt64LittleEndian(page[TotalPagesAt..]) ? "total_pages" : null;
    }

    private static bool IsOurs(ReadOnlySpan<byte> compatible)
    {
        Span<byte> ours = stackalloc byte[CompatibleBytes];
        ours.Clear();
        Encoding.Latin1.GetBytes(Compatible, ours);
        return compatible.SequenceEqual(ours);
    }

    /// <summary>Whether bytes could be the compatible string of another version at all; if not, they are damaged.</summary>
    private static bool IsWellFormed(ReadOnlySpan<byte> compatible)
    {
        int length = compatible.IndexOf((byte)0);
        if (length <= 0 || !LayoutRules.IsZero(compatible[length..]))
        {
            return false;
        }

        foreach (byte letter in compatible[..length])
        {
            if (!char.IsAsciiLetterLower((char)letter) && !char.IsAsciiDigit((char)letter) && letter is not ((byte)'-' or (byte)'.' or (byte)','))
            {
                return false;
            }
        }

        return true;
    }
}
