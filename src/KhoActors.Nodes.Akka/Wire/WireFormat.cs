using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Akka.Wire;

/// <summary>
/// Bytes of the messages between nodes: a manifest with a version for each, fields in the order of their declaration, integers as LEB128. Events of
/// the journal inside a message have their own layout (<see cref="JournalCodec"/>) behind their length. Nothing is left at the end.
/// </summary>
internal static class WireFormat
{
    /// <summary>Most bytes of a text.</summary>
    public const int TextBytesMax = 1 << 20;

    /// <summary>Most bytes of an event inside a message; a message is not much larger.</summary>
    public const int EventBytesMax = 17 << 20;

    private static readonly Dictionary<Type, string> Manifests = new()
    {
        [typeof(RunSlice)] = "run-slice/1",
        [typeof(CancelSlice)] = "cancel-slice/1",
        [typeof(SliceFinished)] = "slice-finished/1",
        [typeof(SliceFailed)] = "slice-failed/1",
        [typeof(SliceDiffers)] = "slice-differs/1",
        [typeof(SliceCancelled)] = "slice-cancelled/1",
        [typeof(MachineRecovered)] = "machine-recovered/1",
        [typeof(FindRun)] = "find-run/1",
        [typeof(RunFound)] = "run-found/1",
        [typeof(RunUnknown)] = "run-unknown/1",
        [typeof(StartRun)] = "start-run/1",
        [typeof(ResumeRun)] = "resume-run/1",
        [typeof(RunStarted)] = "run-started/1",
        [typeof(RunRefused)] = "run-refused/1",
        [typeof(FollowRun)] = "follow-run/1",
        [typeof(SliceForClient)] = "slice-for-client/1",
        [typeof(SliceTaken)] = "slice-taken/1",
        [typeof(StopRun)] = "stop-run/1",
        [typeof(RunConcluded)] = "run-concluded/1",
        [typeof(RunProgress)] = "run-progress/1",
        [typeof(StopMachine)] = "stop-machine/1",
    };

    /// <summary>The manifest of a message.</summary>
    public static string ManifestOf(IWireMessage message) => Manifests[message.GetType()];

    /// <summary>Encodes a message.</summary>
    public static byte[] Write(IWireMessage message)
    {
        SnapshotWriter writer = new();
        switch (message)
        {
            case RunSlice run:
                Write(writer, run.Run, run.Machine, run.FirstGeneration);
                break;
            case CancelSlice cancel:
                Write(writer, cancel.Run, cancel.Machine, cancel.FirstGeneration);
                break;
            case SliceFinished finished:
                Write(writer, finished.Slice);
                break;
            case SliceFailed failed:
                Write(writer, failed.Run, failed.Machine, failed.FirstGeneration, (int)failed.Kind);
                WriteText(writer, failed.Text);
                Write(writer, failed.Done is null ? 0 : 1);
                if (failed.Done is not null)
                {
                    Write(writer, failed.Done);
                }

                break;
            case SliceDiffers differs:
                Write(writer, differs.Run, differs.FirstGeneration);
                WriteBytes(writer, JournalCodec.Write(differs.Difference));
                break;
            case SliceCancelled cancelled:
                Write(writer, cancelled.Run, cancelled.Machine, cancelled.FirstGeneration);
                break;
            case MachineRecovered recovered:
                Write(writer, recovered.Run, recovered.Machine, recovered.NextGeneration);
                break;
            case FindRun find:
                Write(writer, find.Run);
                break;
            case RunFound found:
                Write(writer, found.Begun);
                break;
            case RunUnknown unknown:
                Write(writer, unknown.Run);
                WriteText(writer, unknown.Reason);
                break;
            case StartRun start:
                writer.WriteUInt64(start.Ticket);
                Write(writer, new RunBegun(1, start.Facts, start.IsConcurrent));
                break;
            case ResumeRun resume:
                Write(writer, new RunBegun(resume.Run, resume.Facts, resume.IsConcurrent));
                break;
            case RunStarted started:
                Write(writer, started.Run);
                break;
            case RunRefused refused:
                WriteText(writer, refused.Reason);
                break;
            case FollowRun follow:
                Write(writer, follow.Run, follow.WantsSlices ? 1 : 0, follow.NeedsSlices ? 1 : 0);
                break;
            case SliceForClient slice:
                Write(writer, slice.Slice);
                break;
            case SliceTaken taken:
                Write(writer, taken.Run, taken.Machine, taken.FirstGeneration);
                break;
            case StopRun stop:
                Write(writer, stop.Run, stop.HasFailed ? 1 : 0);
                break;
            case RunConcluded concluded:
                Write(writer, concluded.Over);
                Write(writer, concluded.Sums);
                WriteText(writer, concluded.Failure);
                break;
            case RunProgress progress:
                writer.WriteVar((ulong)progress.Generations);
                writer.WriteVar((ulong)progress.GenerationsOfAll);
                Write(writer, progress.Run, progress.OpenMachines, progress.InFlight);
                break;
            case StopMachine:
                break;
            default:
                throw new ArgumentException($"{message.GetType().Name} has no wire format", nameof(message));
        }

        return writer.Written.ToArray();
    }

    /// <summary>Decodes a message.</summary>
    /// <exception cref="SnapshotFormatException">The bytes are no such message.</exception>
    /// <exception cref="HistoryDamageException">An event in it is damaged.</exception>
    public static IWireMessage Read(string manifest, ReadOnlyMemory<byte> bytes)
    {
        SnapshotReader reader = new(bytes);
        IWireMessage message = manifest switch
        {
            "run-slice/1" => new RunSlice(ReadRun(reader), ReadNumber(reader), ReadNumber(reader)),
            "cancel-slice/1" => new CancelSlice(ReadRun(reader), ReadNumber(reader), ReadNumber(reader)),
            "slice-finished/1" => new SliceFinished(Read<SliceRecorded>(reader, JournalCodec.Slice)),
            "slice-failed/1" => new SliceFailed(
                ReadRun(reader),
                ReadNumber(reader),
                ReadNumber(reader),
                ReadKind(reader),
                ReadText(reader),
                ReadFlag(reader) ? Read<SliceRecorded>(reader, JournalCodec.Slice) : null),
            "slice-differs/1" => new SliceDiffers(ReadRun(reader), ReadNumber(reader), JournalCodec.ReadDifference(ReadBytes(reader))),
            "slice-cancelled/1" => new SliceCancelled(ReadRun(reader), ReadNumber(reader), ReadNumber(reader)),
            "machine-recovered/1" => new MachineRecovered(ReadRun(reader), ReadNumber(reader), ReadNumber(reader)),
            "find-run/1" => new FindRun(ReadRun(reader)),
            "run-found/1" => new RunFound(Read<RunBegun>(reader, JournalCodec.Run)),
            "run-unknown/1" => new RunUnknown(ReadRun(reader), ReadText(reader)),
            "start-run/1" => ReadStart(reader),
            "resume-run/1" => ReadResume(reader),
            "run-started/1" => new RunStarted(ReadRun(reader)),
            "run-refused/1" => new RunRefused(ReadText(reader)),
            "follow-run/1" => new FollowRun(ReadRun(reader), ReadFlag(reader), ReadFlag(reader)),
            "slice-for-client/1" => new SliceForClient(Read<SliceRecorded>(reader, JournalCodec.Slice)),
            "slice-taken/1" => new SliceTaken(ReadRun(reader), ReadNumber(reader), ReadNumber(reader)),
            "stop-run/1" => new StopRun(ReadRun(reader), ReadFlag(reader)),
            "run-concluded/1" => new RunConcluded(
                Read<RunOver>(reader, JournalCodec.Over), Read<FleetAdvanced>(reader, JournalCodec.Advance), ReadText(reader)),
            "run-progress/1" => ReadProgress(reader),
            "stop-machine/1" => StopMachine.Instance,
            _ => throw new SnapshotFormatException($"a message '{manifest}' is unknown to this node; nodes of one cluster run one version of the program"),
        };
        return reader.AtEnd ? message : throw new SnapshotFormatException($"message '{manifest}', byte {reader.Position}: nothing is expected here");
    }

    private static StartRun ReadStart(SnapshotReader reader)
    {
        ulong ticket = reader.ReadUInt64();
        RunBegun begun = Read<RunBegun>(reader, JournalCodec.Run);
        return new StartRun(ticket, begun.Facts, begun.IsConcurrent);
    }

    private static ResumeRun ReadResume(SnapshotReader reader)
    {
        RunBegun begun = Read<RunBegun>(reader, JournalCodec.Run);
        return new ResumeRun(begun.Run, begun.Facts, begun.IsConcurrent);
    }

    private static RunProgress ReadProgress(SnapshotReader reader)
    {
        long generations = ReadSum(reader);
        long all = ReadSum(reader);
        return new RunProgress(ReadRun(reader), generations, all, ReadNumber(reader), ReadNumber(reader));
    }

    private static void Write(SnapshotWriter writer, params ReadOnlySpan<int> numbers)
    {
        foreach (int number in numbers)
        {
            writer.WriteVar((ulong)number);
        }
    }

    private static void Write(SnapshotWriter writer, JournalEvent journalEvent) => WriteBytes(writer, JournalCodec.Write(journalEvent));

    private static void WriteBytes(SnapshotWriter writer, ReadOnlySpan<byte> bytes)
    {
        writer.WriteVar((ulong)bytes.Length);
        writer.WriteRaw(bytes);
    }

    /// <summary>Texts for people are cut to what a reader accepts.</summary>
    private static void WriteText(SnapshotWriter writer, string text) =>
        writer.WriteText(text.Length <= TextBytesMax / 4 ? text : text[..(TextBytesMax / 4)]);

    private static T Read<T>(SnapshotReader reader, string manifest)
        where T : JournalEvent => (T)JournalCodec.Read(manifest, ReadBytes(reader), "a message");

    private static byte[] ReadBytes(SnapshotReader reader) => reader.ReadRaw(reader.ReadCount(EventBytesMax, "the length of an event")).ToArray();

    private static string ReadText(SnapshotReader reader) => reader.ReadText(TextBytesMax);

    private static int ReadRun(SnapshotReader reader) =>
        ReadNumber(reader) is > 0 and var run ? run : throw new SnapshotFormatException("a message of run 0; runs are numbered from 1");

    private static int ReadNumber(SnapshotReader reader) => reader.ReadCount(int.MaxValue, "a number");

    private static bool ReadFlag(SnapshotReader reader) => reader.ReadCount(1, "a flag") == 1;

    private static SliceFailure ReadKind(SnapshotReader reader) =>
        reader.ReadCount(3, "the kind of a failure") is > 0 and var kind ? (SliceFailure)kind : throw new SnapshotFormatException("a failure of kind 0");

    private static long ReadSum(SnapshotReader reader) =>
        reader.ReadVar() is <= long.MaxValue and var sum ? (long)sum : throw new SnapshotFormatException("a sum is above 2^63 - 1");
}
