using System.Text.RegularExpressions;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// What the next kernel says about the memory that it received: its lines must be those that our readers lead to, word for word and in
/// order. This is where damaged captures count: each damage has its own code and line.
/// </summary>
internal static partial class VerdictCheck
{
    /// <summary>How the line begins with which a kernel accepts the hand-off.</summary>
    public const string Found = "KHO: found kexec handover data.";

    private const string NotBuilt = "Passed KHO data, but CONFIG_KEXEC_HANDOVER not set. Ignoring.";

    /// <summary>Checks the next generation's lines.</summary>
    /// <returns>The result, or null when there is no next generation with a log, or it received nothing.</returns>
    public static CaseResult? Run(CaptureGeneration generation)
    {
        if (generation.Next is not { HasLog: true, Description.Incoming: not null } next || HandoverMaterial.Load(generation) is not { } material
            || material.Recorded.Snapshot != CaptureHandover.NextKernelEntry)
        {
            return null;
        }

        CaptureLog log = next.ReadLog();
        string name = $"{generation.Name} verdict";
        if (log.Contains(NotBuilt))
        {
            return CaseResult.Pass(name, "the next kernel was built without KHO");
        }

        KernelLog expected = Predict(next, material.AsReceived, material.Recorded.RootFdtPhys);
        Differences differences = new();
        differences.Lists("lines", [.. log.Lines.Where(line => Verdict().IsMatch(line.Text))], expected.Lines);
        return differences.Result(name);
    }

    /// <summary>The lines that a kernel prints when it receives this memory.</summary>
    private static KernelLog Predict(CaptureGeneration next, PhysicalMemory memory, ulong rootPhys)
    {
        KernelLog log = new();
        KernelBuild build = BuildOf(next);
        byte[] root = new byte[PageGeometry.SizeBytes];
        memory.Read(rootPhys, root);
        bool accepted = Populate(root, rootPhys, build, log);
        ReserveMemLines(next, memory, build, accepted ? new Subtrees(root, build.Abi, log) : null, log);
        bool enabled = KhoOptions.Parse(next.Description.CommandLine, build, new KernelLog()).Enabled;
        if (accepted && enabled && build.Abi.HasKexecMetadata)
        {
            Metadata(root, memory, build.Abi, log);
            ShowSubtrees(root, build.Abi, log);
        }

        return log;
    }

    private static bool Populate(ReadOnlySpan<byte> root, ulong rootPhys, KernelBuild build, KernelLog log)
    {
        int error = Refusal(root, rootPhys, build.Abi, log);
        if (error == 0)
        {
            bool oldText = KernelRelease.TryParse(build.Release, out KernelRelease release) && release.FinalizesBeforeLoad;
            log.Write(LogLevel.Info, oldText ? $"{Found} Will skip init for some devices" : Found);
            return true;
        }

        log.Write(LogLevel.Warning, build.RevivalLineHasErrno ? $"KHO: disabling KHO revival: {error}" : "KHO: disabling KHO revival");
        return false;
    }

    /// <summary>The checks of kho_populate in their order, each with its line.</summary>
    private static int Refusal(ReadOnlySpan<byte> root, ulong rootPhys, KhoAbi abi, KernelLog log)
    {
        int code = FdtReader.CheckHeader(root);
        if (code != 0)
        {
            log.Write(LogLevel.Warning, $"KHO: setup: handover FDT (0x{rootPhys:x}) is invalid: {code}");
            return -Errno.EINVAL;
        }

        code = RootFdt.Compatible(root, abi);
        if (code != 0)
        {
            log.Write(LogLevel.Warning, $"KHO: setup: handover FDT (0x{rootPhys:x}) is incompatible with '{abi.Compatible}': {code}");
            return -Errno.EINVAL;
        }

        if (RootFdt.MemoryMap(root, out ulong map) != MemoryMapLookup.Found)
        {
            log.Write(LogLevel.Error, $"KHO: failed to get preserved memory {(abi.Tracker == TrackerKind.Radix ? "map" : "bitmaps")}");
            return -Errno.ENOENT;
        }

        return map == 0 ? -Errno.ENOENT : 0;
    }

    private static void ReserveMemLines(CaptureGeneration next, PhysicalMemory memory, KernelBuild build, Subtrees? subtrees, KernelLog log)
    {
        // Where a fresh region lands does not show in these lines: any RAM will do.
        MemblockAllocator memblock = new();
        foreach (FirmwareRange ram in next.ReadMemoryMap().Ram)
        {
            memblock.Add(ram.Start, ram.End - ram.Start);
        }

        ReserveMem table = new();
        BootOptions options = new(next.Description.CommandLine);
        while (options.MoveNext())
        {
            if (options.HasValue && options.Is("reserve_mem"))
            {
                table.Handle(options.Value, memory, memblock, build, subtrees, log);
            }
        }
    }

    private static void Metadata(ReadOnlySpan<byte> root, PhysicalMemory memory, KhoAbi abi, KernelLog log)
    {
        if (new Subtrees(root.ToArray(), abi, log).Retrieve(KexecMetadata.SubtreeName, out ulong phys, out ulong size) != 0)
        {
            return;
        }

        byte[] blob = new byte[KexecMetadata.SizeBytes];
        memory.Read(phys, blob);
        KexecMetadataReading reading = KexecMetadata.TryRead(blob, size, out KexecMetadata metadata);
        switch (reading)
        {
            case KexecMetadataReading.Read:
                log.Write(LogLevel.Info, $"KHO: exec from: {metadata.PreviousRelease} (count {metadata.KexecCount})");
                break;
            case KexecMetadataReading.TooSmall:
                log.Write(LogLevel.Warning, $"KHO: kexec-metadata blob too small ({size} bytes)");
                break;
            case KexecMetadataReading.VersionUnsupported:
                log.Write(LogLevel.Warning, $"KHO: kexec-metadata version {metadata.Version} not supported (expected {KexecMetadata.CurrentVersion})");
                break;
            default:
                log.Write(LogLevel.Warning, $"KHO: kexec-metadata blob too small for v1 ({size} < {KexecMetadata.SizeBytes})");
                break;
        }
    }

    /// <summary>The scan for debugfs: sub-nodes without an address are passed over silently.</summary>
    private static void ShowSubtrees(ReadOnlySpan<byte> root, KhoAbi abi, KernelLog log)
    {
        foreach (RootFdtSubnode subnode in RootFdtView.Read(root).Subnodes)
        {
            if (subnode.Phys is not null && abi.SizeProperty is not null && subnode.SizeBytes is null)
            {
                log.Write(LogLevel.Warning, $"KHO: node {subnode.Name} missing or invalid blob-size property");
            }
        }
    }

    /// <summary>What of the next kernel's build shows in these lines; it depends on the release alone.</summary>
    private static KernelBuild BuildOf(CaptureGeneration next)
    {
        KernelRelease release = next.Release;
        return new KernelBuild
        {
            Name = next.Description.KernelBuild,
            Summary = "captured kernel",
            Release = next.Description.KernelBuild,
            Abi = release.IsBefore(6, 18) ? KhoAbi.V1Small : release.IsBefore(7, 1) ? KhoAbi.V1 : release.IsBefore(7, 2) ? KhoAbi.V3 : KhoAbi.V4,
            MemparseBareSuffix = release.IsBefore(7, 2),
            ReserveMemLogsErrors = !release.IsBefore(7, 1),
            RevivalLineHasErrno = release.IsBefore(7, 1),
        };
    }

    [GeneratedRegex(
        "^(KHO: (setup: |failed to get preserved |found kexec handover data|disabling KHO revival|exec from: |kexec-metadata |broken KHO subnode |node )"
        + "|KHO reserve-mem '|Revived memory reservation |FDT 'memblock' |Node '|failed to retrieve FDT 'memblock'|reserve_mem: )",
        RegexOptions.CultureInvariant)]
    private static partial Regex Verdict();

    private sealed class Subtrees(byte[] root, KhoAbi abi, KernelLog log) : IIncomingSubtrees
    {
        public int Retrieve(string name, out ulong phys, out ulong sizeBytes)
        {
            SubtreeLookup lookup = RootFdt.FindSubtree(root, abi, name, out phys, out ulong? size);
            sizeBytes = size ?? 0;
            if (lookup == SubtreeLookup.SizeInvalid)
            {
                log.Write(LogLevel.Warning, $"KHO: broken KHO subnode '{name}': missing or invalid blob-size property");
            }

            return RootFdt.ErrnoOf(lookup);
        }
    }
}
