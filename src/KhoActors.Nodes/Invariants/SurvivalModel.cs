using System.Globalization;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Invariants;

/// <summary>What the judge is told of a boot: plain facts of the machine, none of them computed by what it judges.</summary>
/// <param name="Release">The kernel's release.</param>
/// <param name="Compatible">The ABI string it accepts; empty when it is built without KHO.</param>
/// <param name="CommandLine">Its command line.</param>
/// <param name="HandOverRead">Whether the loader gave it hand-over data.</param>
/// <param name="KhoAsked">Whether its command line leaves KHO on.</param>
/// <param name="HasMetadata">Whether its ABI has kexec metadata and sizes of sub-blobs; both came with kho-v3.</param>
/// <param name="Clients">Names of its clients.</param>
/// <param name="LogBufShift">log2 of its log buffer's size in bytes.</param>
public sealed record BootFacts(
    string Release,
    string Compatible,
    string CommandLine,
    bool HandOverRead,
    bool KhoAsked,
    bool HasMetadata,
    IReadOnlyList<string> Clients,
    int LogBufShift);

/// <summary>
/// The independent model: from the messages between clients and kernel alone it knows what must survive the next jump, and after each
/// boot it judges RAM, restores, sub-blobs and allocations. It shares no tracker, allocator or parser with what it judges.
/// </summary>
public sealed class SurvivalModel : IDeliveryObserver, ISnapshotting
{
    private const string MetadataLine = "KHO: exec from: ";
    private readonly HandOverRecord _record = new();
    private readonly ObservedGeneration _observed;
    private readonly List<Violation> _violations = [];
    private readonly IClientJudge[] _clientJudges;
    private bool _accepted;

    /// <summary>A model that knows nothing.</summary>
    public SurvivalModel()
    {
        _observed = new ObservedGeneration(_record, Report);
        _clientJudges = [new PstoreJudge(Report), new TmpfsJudge(Report)];
    }

    /// <summary>The violations of this generation, oldest first; at most 100 are kept.</summary>
    public IReadOnlyList<Violation> Violations => _violations;

    /// <summary>How many violations this generation has.</summary>
    public long ViolationCount { get; private set; }

    /// <summary>Pieces of memory that had to survive the last hand-over, and did.</summary>
    public int Survived { get; private set; }

    /// <summary>Pieces of memory that the last reboot lost, rightly.</summary>
    public int Lost { get; private set; }

    private int Generation { get; set; }

    /// <summary>A new machine: forgets everything.</summary>
    public void Clear()
    {
        _record.Clear();
        _observed.Clear();
        StartGeneration(0);
    }

    /// <summary>A kernel starts: the violations of the one before it are forgotten.</summary>
    /// <param name="generation">0 for the first boot.</param>
    public void StartGeneration(int generation)
    {
        Generation = generation;
        ViolationCount = 0;
        _violations.Clear();
    }

    /// <summary>Judges a machine that has just booted, before any actor runs.</summary>
    /// <param name="facts">The boot.</param>
    /// <param name="memory">RAM.</param>
    /// <param name="log">The kernel's log so far.</param>
    public void JudgeBoot(BootFacts facts, PhysicalMemory memory, KernelLog log)
    {
        bool expected = _record.HandedOver && facts.HandOverRead && facts.Compatible == _record.PreviousCompatible;
        _accepted = LineOf(log, "KHO: found kexec handover data.") is not null;
        if (_accepted != expected)
        {
            Report(InvariantCatalog.HandOverAccepted, $"expected {(expected ? "acceptance" : "refusal")}, the kernel {(_accepted ? "accepted" : "refused")}");
        }

        Survived = 0;
        Lost = 0;
        if (_accepted)
        {
            JudgeContent(memory);
        }
        else
        {
            Lost = _record.Claims.Count;
            _record.Clear();
        }

        _observed.Begin(memory, _accepted, facts.CommandLine == _record.PreviousCommandLine, facts.HasMetadata);
        foreach (IClientJudge judge in _clientJudges)
        {
            judge.Begin(facts, memory, log);
        }
    }

    /// <summary>Judges what kho_init said of the previous kernel.</summary>
    /// <param name="facts">The boot.</param>
    /// <param name="log">The kernel's log after kho_init.</param>
    public void JudgeInit(BootFacts facts, KernelLog log)
    {
        bool isCounted = _accepted && facts.HasMetadata && facts.KhoAsked;
        string? expected = isCounted
            ? string.Create(CultureInfo.InvariantCulture, $"{MetadataLine}{_record.PreviousRelease} (count {_record.PublishedCount})")
            : null;
        string? found = LineOf(log, MetadataLine);
        if (found != expected)
        {
            Report(InvariantCatalog.KexecMetadata, $"expected {Quoted(expected)}, the log has {Quoted(found)}");
        }

        _record.PublishedCount = (isCounted ? _record.PublishedCount : 0) + 1;
    }

    /// <summary>Writes down what must survive: the machine is at its jump and no actor is alive.</summary>
    /// <param name="facts">The kernel that jumps.</param>
    /// <param name="memory">RAM, before the segments are copied.</param>
    /// <param name="handedOver">Whether it jumps with hand-over data.</param>
    public void AtJump(BootFacts facts, PhysicalMemory memory, bool handedOver)
    {
        uint count = _record.PublishedCount;
        _record.Clear();
        _record.PublishedCount = count;
        _record.HandedOver = handedOver;
        _record.PreviousRelease = facts.Release;
        _record.PreviousCompatible = facts.Compatible;
        _record.PreviousCommandLine = facts.CommandLine;
        if (handedOver)
        {
            _observed.WriteDown(memory);
        }

        foreach (IClientJudge judge in _clientJudges)
        {
            judge.AtJump(handedOver);
        }
    }

    /// <summary>The kernel crashed: nobody damaged what it was handed, so that is a violation.</summary>
    /// <param name="lastWords">What it said.</param>
    public void JudgeCrash(string lastWords) => Report(InvariantCatalog.KernelAlive, lastWords);

    /// <summary>An actor touched a page of another owner.</summary>
    /// <param name="detail">Which page, whose it is, who touched it.</param>
    public void JudgeOwnership(string detail) => Report(InvariantCatalog.PageOwnership, detail);

    /// <summary>User space found that a client does not do what it must.</summary>
    /// <param name="detail">What was expected and what was found.</param>
    public void JudgeClientCheck(string detail) => Report(InvariantCatalog.ClientCheck, detail);

    /// <summary>The machine lost its RAM: nothing has to survive.</summary>
    public void AtColdReset() => _record.Clear();

    /// <summary>Tells where scratch lies: read from the array that the kernel published.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="arrayPhys">The array: 16 bytes an area, u64 address and u64 size.</param>
    /// <param name="areas">How many.</param>
    public void LearnScratch(PhysicalMemory memory, ulong arrayPhys, int areas)
    {
        _observed.Scratch.Clear();
        for (ulong at = arrayPhys; areas > 0; areas--, at += 16)
        {
            _observed.Scratch.Add(new ReservedRegion(memory.ReadUInt64(at), memory.ReadUInt64(at + 8)));
        }
    }

    /// <inheritdoc/>
    public void Delivered(ulong number, ulong nowTicks, in Delivery delivery)
    {
        _observed.Delivered(delivery);
        foreach (IClientJudge judge in _clientJudges)
        {
            judge.Delivered(delivery);
        }
    }

    /// <inheritdoc/>
    public void DeadLetter(DeadLetterReason reason, in Delivery delivery)
    {
    }

    /// <inheritdoc/>
    public void Snapshot(SnapshotWriter writer) => _record.Snapshot(writer);

    /// <inheritdoc/>
    public void Recover(SnapshotReader reader)
    {
        Clear();
        _record.Recover(reader);
    }

    private static string? LineOf(KernelLog log, string start)
    {
        foreach (LogLine line in log.Lines)
        {
            if (line.Text.StartsWith(start, StringComparison.Ordinal))
            {
                return line.Text;
            }
        }

        return null;
    }

    private static string Quoted(string? line) => line is null ? "no such line" : $"'{line}'";

    private void JudgeContent(PhysicalMemory memory)
    {
        foreach (Claim claim in _record.Claims)
        {
            bool whole = true;
            for (int i = claim.FirstRun; i < claim.FirstRun + claim.Runs && whole; i++)
            {
                whole = ContentImage.Holds(memory, _record.Content[i], out ulong badPfn);
                if (!whole)
                {
                    Report(InvariantCatalog.PreservedContent, $"page 0x{badPfn:x} of the {claim.Pages} preserved pages at 0x{claim.StartPfn:x} changed");
                }
            }

            Survived += whole ? 1 : 0;
        }
    }

    private void Report(string invariant, string detail)
    {
        ViolationCount++;
        if (_violations.Count < Violation.KeptMax)
        {
            _violations.Add(new Violation(invariant, Generation, Violation.Bounded(detail)));
        }
    }
}
