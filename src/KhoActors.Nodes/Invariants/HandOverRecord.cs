using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Invariants;

/// <summary>
/// What must survive the jump, as the independent model knows it: written down when no actor is alive, compared when the next kernel
/// has booted. It crosses the jump beside the machine, never through it.
/// </summary>
internal sealed class HandOverRecord : ISnapshotting
{
    private const int LimitEntries = 1 << 20;

    public List<Claim> Claims { get; } = [];

    public List<ContentRun> Content { get; } = [];

    public List<PublishedBlob> Blobs { get; } = [];

    /// <summary>Names whose publication or removal was under way at the jump: either outcome is right.</summary>
    public List<string> UncertainBlobs { get; } = [];

    /// <summary>Pages that may or may not be preserved.</summary>
    public List<UncertainRun> UncertainPages { get; } = [];

    public List<ReservedRegion> Regions { get; } = [];

    /// <summary>Whether the previous kernel jumped with hand-over data.</summary>
    public bool HandedOver { get; set; }

    public string PreviousRelease { get; set; } = string.Empty;

    public string PreviousCompatible { get; set; } = string.Empty;

    public string PreviousCommandLine { get; set; } = string.Empty;

    /// <summary>kexec_count that the previous kernel published.</summary>
    public uint PublishedCount { get; set; }

    public void Clear()
    {
        Claims.Clear();
        Content.Clear();
        Blobs.Clear();
        UncertainBlobs.Clear();
        UncertainPages.Clear();
        Regions.Clear();
        HandedOver = false;
        PublishedCount = 0;
    }

    /// <inheritdoc/>
    public void Snapshot(SnapshotWriter writer)
    {
        writer.WriteVar(HandedOver ? 1UL : 0);
        writer.WriteText(PreviousRelease);
        writer.WriteText(PreviousCompatible);
        writer.WriteText(PreviousCommandLine);
        writer.WriteVar(PublishedCount);
        writer.WriteVar((ulong)Claims.Count);
        foreach (Claim claim in Claims)
        {
            writer.WriteVar(claim.StartPfn);
            writer.WriteVar((claim.Pages << 2) | (ulong)claim.Kind);
            writer.WriteVar((ulong)claim.Runs);
            if (claim.IsOfVmalloc)
            {
                writer.WriteVar(claim.FirstChunkPhys);
            }
        }

        writer.WriteVar((ulong)Content.Count);
        foreach (ContentRun run in Content)
        {
            WriteRun(writer, run);
        }

        WriteBlobs(writer);
    }

    /// <inheritdoc/>
    public void Recover(SnapshotReader reader)
    {
        Clear();
        HandedOver = reader.ReadVar() != 0;
        PreviousRelease = reader.ReadText();
        PreviousCompatible = reader.ReadText();
        PreviousCommandLine = reader.ReadText();
        PublishedCount = (uint)reader.ReadVar();
        int firstRun = 0;
        for (int left = reader.ReadCount(LimitEntries, "the number of claims"); left > 0; left--)
        {
            ulong startPfn = reader.ReadVar();
            ulong packed = reader.ReadVar();
            int runs = reader.ReadCount(LimitEntries, "the number of content runs of a claim");
            Claim claim = new(startPfn, packed >> 2, (ClaimKind)(packed & 3), firstRun, runs);
            Claims.Add(claim.IsOfVmalloc ? claim with { FirstChunkPhys = reader.ReadVar() } : claim);
            firstRun += runs;
        }

        for (int left = reader.ReadCount(LimitEntries, "the number of content runs"); left > 0; left--)
        {
            Content.Add(ReadRun(reader));
        }

        if (firstRun != Content.Count)
        {
            throw new SnapshotFormatException($"snapshot, byte {reader.Position}: claims name {firstRun} content runs, {Content.Count} are there");
        }

        ReadBlobs(reader);
    }

    private static void WriteRun(SnapshotWriter writer, in ContentRun run)
    {
        writer.WriteVar((ulong)run.Kind | (run.IsWritten ? 4UL : 0));
        writer.WriteVar(run.StartPfn);
        writer.WriteVar(run.Pages);
        if (run.IsWritten)
        {
            writer.WriteUInt64(run.Hash);
        }
        else if (run.Kind == BackgroundKind.Pattern)
        {
            writer.WriteUInt64(run.Pattern.Seed);
            writer.WriteVar(run.Pattern.FirstPageIndex);
        }
    }

    private static ContentRun ReadRun(SnapshotReader reader)
    {
        int head = reader.ReadCount(6, "the kind of a content run");
        ulong startPfn = reader.ReadVar();
        ulong pages = reader.ReadVar();
        if ((head & 4) != 0)
        {
            return new ContentRun(startPfn, pages, true, reader.ReadUInt64(), BackgroundKind.Zero, default);
        }

        BackgroundKind kind = (BackgroundKind)head;
        PagePattern pattern = kind == BackgroundKind.Pattern ? new PagePattern(reader.ReadUInt64(), reader.ReadVar()) : default;
        return new ContentRun(startPfn, pages, false, 0, kind, pattern);
    }

    private void WriteBlobs(SnapshotWriter writer)
    {
        writer.WriteVar((ulong)Blobs.Count);
        foreach (PublishedBlob blob in Blobs)
        {
            writer.WriteText(blob.Name);
            writer.WriteVar(blob.Phys);
            writer.WriteVar(blob.SizeBytes);
        }

        writer.WriteVar((ulong)UncertainBlobs.Count);
        foreach (string name in UncertainBlobs)
        {
            writer.WriteText(name);
        }

        writer.WriteVar((ulong)UncertainPages.Count);
        foreach (UncertainRun run in UncertainPages)
        {
            writer.WriteVar(run.StartPfn);
            writer.WriteVar(run.Pages);
        }

        writer.WriteVar((ulong)Regions.Count);
        foreach (ReservedRegion region in Regions)
        {
            writer.WriteVar(region.Start);
            writer.WriteVar(region.SizeBytes);
        }
    }

    private void ReadBlobs(SnapshotReader reader)
    {
        for (int left = reader.ReadCount(LimitEntries, "the number of blobs"); left > 0; left--)
        {
            Blobs.Add(new PublishedBlob(reader.ReadText(), reader.ReadVar(), reader.ReadVar()));
        }

        for (int left = reader.ReadCount(LimitEntries, "the number of uncertain blobs"); left > 0; left--)
        {
            UncertainBlobs.Add(reader.ReadText());
        }

        for (int left = reader.ReadCount(LimitEntries, "the number of uncertain runs of pages"); left > 0; left--)
        {
            UncertainPages.Add(new UncertainRun(reader.ReadVar(), reader.ReadVar()));
        }

        for (int left = reader.ReadCount(LimitEntries, "the number of regions"); left > 0; left--)
        {
            Regions.Add(new ReservedRegion(reader.ReadVar(), reader.ReadVar()));
        }
    }
}
