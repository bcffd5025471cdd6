using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.History.Journal;

/// <summary>
/// Bytes of journal events and snapshots. A payload is named by its manifest, which ends with the version of its layout, and ends with a
/// <see cref="Checksum64"/> of all that is before it. Integers are LEB128 unless said otherwise; texts are UTF-8 behind their length, bytes too.
/// </summary>
/// <remarks>
/// Layouts, in order:
/// <list type="table">
/// <item><term><c>announced/1</c></term><description>run; ticket (8 bytes, little-endian)</description></item>
/// <item><term><c>closed/1</c></term><description>run</description></item>
/// <item><term><c>run/1</c></term><description>run; the facts as in a <c>.khist</c> file; 1 when the engine chose the orders, else 0</description></item>
/// <item><term><c>reopened/1</c></term><description>run</description></item>
/// <item><term><c>over/1</c></term><description>run; state (2 finished, 3 interrupted, 4 defect); digest as text; UTC ticks</description></item>
/// <item><term><c>advance/1</c></term><description>run; count of machines, and for each: number, next generation, 1 when it is out, 32 bytes of
/// digest; the sums, as <see cref="FleetResultCodec"/> writes them</description></item>
/// <item><term><c>slice/1</c></term><description>run; machine; first generation; generation behind the last; the record's bytes
/// (<see cref="SliceCodec"/>)</description></item>
/// <item><term><c>checkpoint/1</c> (a snapshot)</term><description>run; machine; next generation; the machine's bytes; the last
/// record's first generation and its bytes</description></item>
/// </list>
/// </remarks>
public static class JournalCodec
{
    /// <summary>The number under which the serializer of these payloads is registered: column <c>identifier</c> or <c>serializer_id</c>.</summary>
    public const int SerializerId = 7_300;

    /// <summary>Manifest of <see cref="RunAnnounced"/>.</summary>
    public const string Announced = "announced/1";

    /// <summary>Manifest of <see cref="RunClosed"/>.</summary>
    public const string Closed = "closed/1";

    /// <summary>Manifest of <see cref="RunBegun"/>.</summary>
    public const string Run = "run/1";

    /// <summary>Manifest of <see cref="RunReopened"/>.</summary>
    public const string Reopened = "reopened/1";

    /// <summary>Manifest of <see cref="RunOver"/>.</summary>
    public const string Over = "over/1";

    /// <summary>Manifest of <see cref="FleetAdvanced"/>.</summary>
    public const string Advance = "advance/1";

    /// <summary>Manifest of <see cref="SliceRecorded"/>.</summary>
    public const string Slice = "slice/1";

    /// <summary>Manifest of <see cref="MachineRested"/>.</summary>
    public const string Checkpoint = "checkpoint/1";

    /// <summary>The manifests that <see cref="Read"/> knows.</summary>
    public static IReadOnlyList<string> Manifests { get; } = [Announced, Closed, Run, Reopened, Over, Advance, Slice, Checkpoint];

    /// <summary>The manifest of an event.</summary>
    /// <param name="journalEvent">The event.</param>
    /// <returns>The manifest.</returns>
    public static string ManifestOf(JournalEvent journalEvent) => journalEvent switch
    {
        RunAnnounced => Announced,
        RunClosed => Closed,
        RunBegun => Run,
        RunReopened => Reopened,
        RunOver => Over,
        FleetAdvanced => Advance,
        SliceRecorded => Slice,
        MachineRested => Checkpoint,
        _ => throw new ArgumentException($"{journalEvent?.GetType().Name ?? "nothing"} is no event of a journal", nameof(journalEvent)),
    };

    /// <summary>Encodes an event.</summary>
    /// <param name="journalEvent">The event.</param>
    /// <returns>The payload.</returns>
    public static byte[] Write(JournalEvent journalEvent)
    {
        SnapshotWriter writer = new();
        switch (journalEvent)
        {
            case RunAnnounced announced:
                writer.WriteVar((ulong)announced.Run);
                writer.WriteUInt64(announced.Ticket);
                break;
            case RunClosed closed:
                writer.WriteVar((ulong)closed.Run);
                break;
            case RunBegun begun:
                writer.WriteVar((ulong)begun.Run);
                StoredRunCodec.WriteFacts(writer, begun.Facts);
                writer.WriteVar(begun.IsConcurrent ? 1UL : 0);
                break;
            case RunReopened reopened:
                writer.WriteVar((ulong)reopened.Run);
                break;
            case RunOver over:
                RunRules.CheckEnd(over.State, over.Digest);
                writer.WriteVar((ulong)over.Run);
                writer.WriteVar((ulong)StoredRunCodec.CodeOf(over.State));
                writer.WriteText(over.Digest);
                writer.WriteVar((ulong)over.Ended.UtcTicks);
                break;
            case FleetAdvanced advanced:
                WriteAdvance(writer, advanced);
                break;
            case SliceRecorded slice:
                writer.WriteVar((ulong)slice.Run);
                writer.WriteVar((ulong)slice.Machine);
                writer.WriteVar((ulong)slice.FirstGeneration);
                writer.WriteVar((ulong)slice.EndGeneration);
                WriteBytes(writer, slice.Encoded);
                break;
            case MachineRested rested:
                writer.WriteVar((ulong)rested.Run);
                writer.WriteVar((ulong)rested.Machine);
                writer.WriteVar((ulong)rested.NextGeneration);
                WriteBytes(writer, rested.Snapshot);
                writer.WriteVar((ulong)rested.LastFirst);
                WriteBytes(writer, rested.LastSlice);
                break;
            default:
                throw new ArgumentException($"{journalEvent?.GetType().Name ?? "nothing"} is no event of a journal", nameof(journalEvent));
        }

        writer.WriteChecksum(0);
        return writer.Written.ToArray();
    }

    /// <summary>Decodes a payload and checks all of it but the records and machines in it, which have checks of their own.</summary>
    /// <param name="manifest">Its manifest.</param>
    /// <param name="payload">The payload; what is returned may be views of it.</param>
    /// <param name="place">Where it is stored, as messages begin.</param>
    /// <returns>The event.</returns>
    /// <exception cref="HistoryDamageException">It is damaged, or of a version that this program does not read.</exception>
    public static JournalEvent Read(string manifest, ReadOnlyMemory<byte> payload, string place)
    {
        RecordReader reader = new(WithoutChecksum(manifest, payload, place), $"{place}: {manifest}");
        JournalEvent read = manifest switch
        {
            Announced => new RunAnnounced(ReadRun(reader), reader.ReadUInt64("the ticket")),
            Closed => new RunClosed(ReadRun(reader)),
            Run => new RunBegun(ReadRun(reader), StoredRunCodec.ReadFacts(reader), reader.ReadVar("whether the engine chose the orders", 1) == 1),
            Reopened => new RunReopened(ReadRun(reader)),
            Over => ReadOver(reader),
            Advance => ReadAdvance(reader),
            Slice => new SliceRecorded(
                ReadRun(reader),
                ReadNumber(reader, "the machine"),
                ReadNumber(reader, "the first generation"),
                ReadNumber(reader, "the generation behind the last"),
                reader.ReadBlob("the record", HistoryLimits.RecordBytes)),
            Checkpoint => new MachineRested(
                ReadRun(reader),
                ReadNumber(reader, "the machine"),
                ReadNumber(reader, "the next generation"),
                reader.ReadBlob("the machine at its jump", HistoryLimits.SnapshotBytes),
                ReadNumber(reader, "the last record's first generation"),
                reader.ReadBlob("the last record", HistoryLimits.RecordBytes)),
            _ => throw new HistoryDamageException($"{place}: an event '{manifest}'; this program reads {string.Join(", ", Manifests)}"),
        };
        reader.RequireEnd();
        return read;
    }

    /// <summary>Encodes a difference, for nodes to tell each other.</summary>
    /// <param name="difference">The difference.</param>
    /// <returns>The bytes.</returns>
    public static byte[] Write(ReplayDifference difference)
    {
        ArgumentNullException.ThrowIfNull(difference);
        SnapshotWriter writer = new();
        FleetResultCodec.Write(writer, difference);
        return writer.Written.ToArray();
    }

    /// <summary>Decodes a difference.</summary>
    /// <param name="bytes">What <see cref="Write(ReplayDifference)"/> wrote.</param>
    /// <returns>The difference.</returns>
    /// <exception cref="HistoryDamageException">The bytes are none.</exception>
    public static ReplayDifference ReadDifference(ReadOnlyMemory<byte> bytes)
    {
        RecordReader reader = new(bytes, "a difference");
        ReplayDifference difference = FleetResultCodec.ReadDifference(reader);
        reader.RequireEnd();
        return difference;
    }

    private static ReadOnlyMemory<byte> WithoutChecksum(string manifest, ReadOnlyMemory<byte> payload, string place)
    {
        RecordReader end = new(payload[Math.Max(0, payload.Length - Checksum64.SizeBytes)..], $"{place}: {manifest}");
        ulong recorded = end.ReadUInt64("the checksum");
        ReadOnlyMemory<byte> body = payload[..^Checksum64.SizeBytes];
        return Checksum64.Of(body.Span) == recorded ? body : throw end.DamageAt(0, "damaged, the checksum does not match");
    }

    private static int ReadRun(RecordReader reader) =>
        reader.ReadCount("the number of the run", int.MaxValue) is > 0 and var run ? run : throw reader.Damage("runs are numbered from 1");

    private static int ReadNumber(RecordReader reader, string what) => reader.ReadCount(what, int.MaxValue - 1);

    private static void WriteBytes(SnapshotWriter writer, ReadOnlyMemory<byte> bytes)
    {
        writer.WriteVar((ulong)bytes.Length);
        writer.WriteRaw(bytes.Span);
    }

    private static RunOver ReadOver(RecordReader reader)
    {
        int run = ReadRun(reader);
        RunState state = StoredRunCodec.StateOf(reader.ReadCount("the state", 4), reader);
        string digest = reader.ReadText("the digest", HistoryLimits.NameBytes);
        bool isEnd = state != RunState.Running && digest.Length is 0 or (2 * DigestChain.LinkBytes);
        return isEnd ? new RunOver(run, state, digest, StoredRunCodec.ReadTime(reader, "the end")) : throw reader.Damage("no end of a run");
    }

    private static void WriteAdvance(SnapshotWriter writer, FleetAdvanced advanced)
    {
        writer.WriteVar((ulong)advanced.Run);
        writer.WriteVar((ulong)advanced.Machines.Count);
        foreach (MachineAdvance machine in advanced.Machines)
        {
            if (machine.Digest.Length != DigestChain.LinkBytes)
            {
                throw new ArgumentException($"machine {machine.Machine} has a digest of {machine.Digest.Length} bytes", nameof(advanced));
            }

            writer.WriteVar((ulong)machine.Machine);
            writer.WriteVar((ulong)machine.NextGeneration);
            writer.WriteVar(machine.IsOut ? 1UL : 0);
            writer.WriteRaw(machine.Digest.Span);
        }

        FleetResultCodec.Write(writer, advanced.Counted);
    }

    private static FleetAdvanced ReadAdvance(RecordReader reader)
    {
        int run = ReadRun(reader);
        MachineAdvance[] machines = new MachineAdvance[reader.ReadCount("the count of machines", reader.Left / (DigestChain.LinkBytes + 3))];
        for (int i = 0; i < machines.Length; i++)
        {
            machines[i] = new MachineAdvance(
                ReadNumber(reader, "the machine"),
                ReadNumber(reader, "the next generation"),
                reader.ReadVar("whether it is out", 1) == 1,
                reader.ReadBytes(DigestChain.LinkBytes, "the digest"));
        }

        return new FleetAdvanced(run, machines, FleetResultCodec.Read(reader));
    }
}
