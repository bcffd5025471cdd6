using KhoActors.Nodes.History;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines.Deciding;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Machines;

/// <summary>
/// Runs machines, one at a time, generation by generation. Between generations a machine is at its jump: no actor is alive, and
/// <see cref="Snapshot"/> holds all of it (RAM, the loader's numbers, clock, draw counters, the model). One object serves machine after
/// machine without allocating anew.
/// </summary>
public sealed partial class Machine : ISnapshotting, IDisposable
{
    /// <summary>Version of the behaviour that digests depend on: changing any digest needs a step here and a line in the changelog.</summary>
    public const int ModelVersion = 2;

    private const int SnapshotVersion = 2;
    private readonly KernelStorage _storage = new();
    private readonly SurvivalModel _model = new();
    private readonly DigestChain _digest = new("machine");
    private readonly DeliveryDigest _deliveryDigest;
    private LocalRuntime? _runtime;
    private MachineSpec _spec = null!;
    private readonly MachineDecisions _decisions = new();
    private readonly DeliveryTrail _trail = new();
    private bool _trailObserves;
    private GenerationRecorder? _recorder;
    private BootSource _source;
    private DrawLog? _drawLog;
    private OperationDiary? _diary;

    /// <summary>A host without a machine.</summary>
    public Machine() => _deliveryDigest = new DeliveryDigest(_digest);

    /// <summary>RAM of the machine that is carried now.</summary>
    public PhysicalMemory Memory => _storage.Memory;

    /// <summary>The next generation to boot, 0 for the first boot.</summary>
    public int NextGeneration { get; private set; }

    /// <summary>What the loader passes to the next generation, beside RAM.</summary>
    public BootSource NextBoot => _source;

    /// <summary>The digest's last link.</summary>
    public ReadOnlySpan<byte> Digest => _digest.Last;

    /// <summary>Messages delivered since the first power-on.</summary>
    public ulong Messages => _runtime?.DeliveryNumber ?? 0;

    /// <summary>The record of the last generation; null when nothing is recorded, or no generation was run yet.</summary>
    public GenerationRecord? LastRecord { get; private set; }

    /// <summary>Who decides by chance: the workload generator. Tests plant one that throws.</summary>
    internal IDecider Generator
    {
        get => _decisions.Generator;
        set => _decisions.Generator = value;
    }

    /// <summary>Whether a replay also asks chance what it would have decided, for <see cref="ReplayDifference.OtherDecision"/>.</summary>
    internal bool ComparesWithChance { get; set; }

    /// <summary>A new machine, powered off.</summary>
    /// <param name="spec">What it is.</param>
    /// <param name="drawLog">Records or checks every draw, or null.</param>
    /// <param name="recording">What <see cref="LastRecord"/> shall hold of each generation; null: there is none.</param>
    public void PowerOff(MachineSpec spec, DrawLog? drawLog = null, MachineRecording? recording = null)
    {
        _running = null;
        _spec = spec;
        _drawLog = drawLog;
        _recorder = recording is null ? null : _recorder?.Recording == recording ? _recorder : new GenerationRecorder(recording);
        LastRecord = null;
        Memory.Clear();
        _model.Clear();
        _digest.Start("machine");
        _source = default;
        NextGeneration = 0;
        OpenStreams();
    }

    /// <summary>Takes a hibernated machine up.</summary>
    /// <param name="spec">What it is.</param>
    /// <param name="snapshot">What <see cref="Snapshot"/> wrote.</param>
    /// <param name="drawLog">Records or checks every draw, or null.</param>
    /// <param name="recording">What <see cref="LastRecord"/> shall hold of each generation; null: there is none.</param>
    /// <exception cref="SnapshotFormatException">The snapshot is damaged or of another version.</exception>
    public void WakeUp(MachineSpec spec, ReadOnlyMemory<byte> snapshot, DrawLog? drawLog = null, MachineRecording? recording = null)
    {
        PowerOff(spec, drawLog, recording);
        SnapshotReader reader = new(snapshot);
        Recover(reader);
        if (!reader.AtEnd)
        {
            throw new SnapshotFormatException($"snapshot, byte {reader.Position}: nothing is expected behind the machine");
        }
    }

    /// <inheritdoc/>
    public void Snapshot(SnapshotWriter writer)
    {
        RequireAtJump();
        int start = writer.Length;
        writer.WriteVar(SnapshotVersion);
        writer.WriteVar(ModelVersion);
        writer.WriteVar((ulong)NextGeneration);
        _source.Write(writer);
        _runtime!.Snapshot(writer);
        _decisions.Snapshot(writer);
        writer.WriteRaw(_digest.Last);
        _model.Snapshot(writer);
        MemorySnapshot.Write(Memory, writer);
        writer.WriteChecksum(start);
    }

    /// <inheritdoc/>
    public void Recover(SnapshotReader reader)
    {
        RequireAtJump();
        int start = reader.Position;
        RequireVersion(reader, SnapshotVersion, "the snapshot's version");
        RequireVersion(reader, ModelVersion, "the model version");
        NextGeneration = reader.ReadCount(int.MaxValue, "the generation");
        _source = BootSource.Read(reader);
        _runtime!.Recover(reader);
        _decisions.Recover(reader);
        _digest.Resume(reader.ReadRaw(DigestChain.LinkBytes));
        _model.Recover(reader);
        MemorySnapshot.Read(Memory, reader);
        reader.ReadChecksum(start);
    }

    /// <inheritdoc/>
    public void Dispose() => _digest.Dispose();

    private static void RequireVersion(SnapshotReader reader, int accepted, string what)
    {
        ulong found = reader.ReadVar();
        if (found != (ulong)accepted)
        {
            throw new SnapshotFormatException($"snapshot, byte {reader.Position}: {what} is {found}, {accepted} is accepted");
        }
    }

    private void ObserveTrail()
    {
        if (!_trailObserves)
        {
            _trailObserves = true;
            _runtime!.Observe(_trail);
        }
    }

    private OperationDiary OpenDiary()
    {
        if (_diary is null)
        {
            _diary = new OperationDiary(_storage.Log);
            _runtime!.Observe(_diary);
        }

        return _diary;
    }

    private void OpenStreams()
    {
        _diary = null;
        _trailObserves = false;
        _decisions.Open(_spec, _drawLog);
        if (_runtime is null)
        {
            _runtime = new LocalRuntime(_spec.Path, _decisions.Scheduler);
        }
        else
        {
            _runtime.Reset(_spec.Path, _decisions.Scheduler);
        }

        _runtime.Observe(_deliveryDigest);
        _runtime.Observe(_model);
    }

    private GenerationEnd Die(string lastWords)
    {
        _storage.Log.Write(LogLevel.Emergency, lastWords);
        _model.JudgeCrash(lastWords);
        return GenerationEnd.Oops;
    }

    /// <summary>From the end of a generation to the start of the next.</summary>
    private void Leave(KernelGeneration generation, GenerationEnd end)
    {
        if (end is GenerationEnd.Kexec)
        {
            _source = generation.Jump();
            RamDigest.Append(Memory, _digest);
        }
        else if (end is not GenerationEnd.Last)
        {
            _source = new BootSource(BootKind.Cold);
            Memory.Clear();
            _model.AtColdReset();
        }
    }

    private void CloseLink()
    {
        foreach (LogLine line in _storage.Log.Lines)
        {
            _digest.Append((ulong)line.Level);
            _digest.Append(line.Text);
        }

        _decisions.AppendTo(_digest);
        _digest.Link();
    }
}
