using System.Text;
using System.Text.Unicode;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Invariants;

/// <summary>An invariant that did not hold.</summary>
/// <param name="Invariant">Its name in <see cref="InvariantCatalog"/>.</param>
/// <param name="Generation">The kernel generation that was running, 0 for the first boot.</param>
/// <param name="Detail">What was expected and what was found.</param>
public sealed record Violation(string Invariant, int Generation, string Detail)
{
    /// <summary>Most violations of one generation that are kept with their texts; all are counted.</summary>
    public const int KeptMax = 100;

    /// <summary>Most bytes of a detail in UTF-8.</summary>
    public const int DetailBytesMax = 4096;

    /// <summary>A detail as it is kept: cut where it is too long, for clients from outside may say anything, and in UTF-8's reach.</summary>
    /// <param name="detail">Any text.</param>
    /// <returns>The text, or the beginning of it; U+FFFD stands for what is no character.</returns>
    public static string Bounded(string detail)
    {
        Span<byte> kept = stackalloc byte[DetailBytesMax];
        Utf8.FromUtf16(detail, kept, out int charactersRead, out int bytes);
        return charactersRead == detail.Length && WellFormedText.Is(detail) ? detail : Encoding.UTF8.GetString(kept[..bytes]);
    }
}

/// <summary>An invariant that every machine is judged by.</summary>
/// <param name="Name">Its name in reports.</param>
/// <param name="Summary">What must hold.</param>
public sealed record Invariant(string Name, string Summary);

/// <summary>The invariants, by name.</summary>
public static class InvariantCatalog
{
    /// <summary>A hand-over between kernels with one ABI is accepted, and none between others.</summary>
    public const string HandOverAccepted = "hand-over-accepted";

    /// <summary>Preserved pages hold the same bytes after the boot as at the jump.</summary>
    public const string PreservedContent = "preserved-content";

    /// <summary>Memory that is preserved and not restored is never allocated.</summary>
    public const string PreservedNotAllocated = "preserved-not-allocated";

    /// <summary>What was preserved is restored, whole, and nothing else is.</summary>
    public const string RestoreExact = "restore-exact";

    /// <summary>The descriptor and the chunks of a preserved vmalloc area name all of its pages.</summary>
    public const string VmallocChain = "vmalloc-chain";

    /// <summary>Sub-blobs are found under their names with address and size, and removed ones are not.</summary>
    public const string SubtreeExact = "subtree-exact";

    /// <summary>No page is allocated twice.</summary>
    public const string AllocationDisjoint = "allocation-disjoint";

    /// <summary>Only movable memory is allocated inside scratch.</summary>
    public const string ScratchMovable = "scratch-movable";

    /// <summary>The kexec metadata names the previous release and counts the chain.</summary>
    public const string KexecMetadata = "kexec-metadata";

    /// <summary>reserve_mem regions keep their address across a hand-over.</summary>
    public const string ReserveMemRevived = "reserve-mem-revived";

    /// <summary>A simulated kernel that was handed good data does not crash.</summary>
    public const string KernelAlive = "kernel-alive";

    /// <summary>Nobody writes, frees or takes over a page of another owner.</summary>
    public const string PageOwnership = "page-ownership";

    /// <summary>P1: a loaded pstore backend has one sub-blob, in a folio of its own that is preserved.</summary>
    public const string PstorePublished = "pstore-published";

    /// <summary>P2: its blob is empty, or holds a record whose fields are in range.</summary>
    public const string PstoreRecordSound = "pstore-record-sound";

    /// <summary>P3: a record never changes within one boot.</summary>
    public const string PstoreRecordKept = "pstore-record-kept";

    /// <summary>P4, P6: what came in and what goes out do not overlap.</summary>
    public const string PstoreBlobsDisjoint = "pstore-blobs-disjoint";

    /// <summary>P5: the record that came in keeps its bytes until the next jump.</summary>
    public const string PstoreIncomingUnchanged = "pstore-incoming-unchanged";

    /// <summary>P7: every mount of pstore shows the same files.</summary>
    public const string PstoreReadingIdempotent = "pstore-reading-idempotent";

    /// <summary>P8: a failed init leaves nothing preserved and nothing published.</summary>
    public const string PstoreInitUndone = "pstore-init-undone";

    /// <summary>P9: the text begins with reason, count and part of its record.</summary>
    public const string PstoreHeader = "pstore-header";

    /// <summary>P10: the text ends with the last line before the dump.</summary>
    public const string PstoreLastLine = "pstore-last-line";

    /// <summary>P11: a backend that has just started has an empty blob.</summary>
    public const string PstoreReload = "pstore-reload";

    /// <summary>P12: there is no file without content.</summary>
    public const string PstoreNoEmptyFile = "pstore-no-empty-file";

    /// <summary>T1: at a jump the pages that tmpfs preserved are those that its anchor leads to, each once.</summary>
    public const string TmpfsPagesPreserved = "tmpfs-pages-preserved";

    /// <summary>T2: no page belongs to two inodes, two mounts, or data and metadata.</summary>
    public const string TmpfsOneOwner = "tmpfs-one-owner";

    /// <summary>T3, T4: every inode hangs from the root by as many names as it has links.</summary>
    public const string TmpfsTree = "tmpfs-tree";

    /// <summary>T5: counts of inodes, pages, blocks and inode space add up.</summary>
    public const string TmpfsSums = "tmpfs-sums";

    /// <summary>T6: files, directories and links are what the system calls made them, before and after a kexec.</summary>
    public const string TmpfsContent = "tmpfs-content";

    /// <summary>T7: bytes behind the end of a file are zero.</summary>
    public const string TmpfsTail = "tmpfs-tail";

    /// <summary>T8: a complete anchor is sound, and only a complete one is taken over.</summary>
    public const string TmpfsChecksums = "tmpfs-checksums";

    /// <summary>T9: nothing changes between freeze and jump.</summary>
    public const string TmpfsFrozen = "tmpfs-frozen";

    /// <summary>T10: freeze and thaw leave preserved memory as it was.</summary>
    public const string TmpfsThaw = "tmpfs-thaw";

    /// <summary>T11: a mount that is refused changes nothing.</summary>
    public const string TmpfsMountRetry = "tmpfs-mount-retry";

    /// <summary>T12: a mount takes every page of its file system over, once.</summary>
    public const string TmpfsClaim = "tmpfs-claim";

    /// <summary>T13: the generation counts the kexecs of a complete anchor.</summary>
    public const string TmpfsGeneration = "tmpfs-generation";

    /// <summary>T14: a file system stays within its limits.</summary>
    public const string TmpfsLimits = "tmpfs-limits";

    /// <summary>What a client's user program checks itself, and what a script expects, holds.</summary>
    public const string ClientCheck = "client-check";

    /// <summary>All of them, in the order of reports.</summary>
    public static IReadOnlyList<Invariant> All { get; } =
    [
        new(HandOverAccepted, "a hand-over between kernels with one ABI is accepted, and none between others"),
        new(PreservedContent, "preserved pages hold the same bytes after the boot as at the jump"),
        new(PreservedNotAllocated, "memory that is preserved and not restored is never allocated"),
        new(RestoreExact, "what was preserved is restored, whole, and nothing else is"),
        new(VmallocChain, "the descriptor and the chunks of a preserved vmalloc area name all of its pages"),
        new(SubtreeExact, "sub-blobs are found under their names with address and size, and removed ones are not"),
        new(AllocationDisjoint, "no page is allocated twice"),
        new(ScratchMovable, "only movable memory is allocated inside scratch"),
        new(KexecMetadata, "the kexec metadata names the previous release and counts the chain"),
        new(KernelAlive, "a simulated kernel that was handed good data does not crash"),
        new(PageOwnership, "nobody writes, frees or takes over a page of another owner"),
        new(PstorePublished, "P1: a loaded pstore backend has one sub-blob, in a folio of its own that is preserved"),
        new(PstoreRecordSound, "P2: its blob is empty, or holds a record whose fields are in range"),
        new(PstoreRecordKept, "P3: a record never changes within one boot"),
        new(PstoreBlobsDisjoint, "P4, P6: what came in and what goes out do not overlap"),
        new(PstoreIncomingUnchanged, "P5: the record that came in keeps its bytes until the next jump"),
        new(PstoreReadingIdempotent, "P7: every mount of pstore shows the same files"),
        new(PstoreInitUndone, "P8: a failed init leaves nothing preserved and nothing published"),
        new(PstoreHeader, "P9: the text begins with reason, count and part of its record"),
        new(PstoreLastLine, "P10: the text ends with the last line before the dump"),
        new(PstoreReload, "P11: a backend that has just started has an empty blob"),
        new(PstoreNoEmptyFile, "P12: there is no file without content"),
        new(TmpfsPagesPreserved, "T1: at a jump the pages that tmpfs preserved are those that its anchor leads to, each once"),
        new(TmpfsOneOwner, "T2: no page belongs to two inodes, two mounts, or data and metadata"),
        new(TmpfsTree, "T3, T4: every inode hangs from the root by as many names as it has links"),
        new(TmpfsSums, "T5: counts of inodes, pages, blocks and inode space add up"),
        new(TmpfsContent, "T6: files, directories and links are what the system calls made them, before and after a kexec"),
        new(TmpfsTail, "T7: bytes behind the end of a file are zero"),
        new(TmpfsChecksums, "T8: a complete anchor is sound, and only a complete one is taken over"),
        new(TmpfsFrozen, "T9: nothing changes between freeze and jump"),
        new(TmpfsThaw, "T10: freeze and thaw leave preserved memory as it was"),
        new(TmpfsMountRetry, "T11: a mount that is refused changes nothing"),
        new(TmpfsClaim, "T12: a mount takes every page of its file system over, once"),
        new(TmpfsGeneration, "T13: the generation counts the kexecs of a complete anchor"),
        new(TmpfsLimits, "T14: a file system stays within its limits"),
        new(ReserveMemRevived, "reserve_mem regions keep their address across a hand-over"),
        new(ClientCheck, "what a client's user program checks itself, and what a script expects, holds"),
    ];
}
