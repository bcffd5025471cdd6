using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines.UserSpace;
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
public sealed class Machine : ISnapshotting, IDisposable
{
    /// <summary>Version of the behaviour that digests depend on: changing any digest needs a step here and a line in the changelog.</summary>
    public const int ModelVersion = 2;

    private const int SnapshotVersion = 2;
    private const ulong DeliveriesPerGenerationMax = 50_000_000;
    private readonly KernelStorage _storage = new();
    private readonly SurvivalModel _model = new();
    private readonly DigestChain _digest = new("machine");
    private readonly DeliveryDigest _deliveryDigest;
    private LocalRuntime? _runtime;
    private MachineSpec _spec = null!;
    private RandomStream _workloadDraws = null!;
    private RandomStream _endDraws = null!;
    private RandomStream _orderDraws = null!;
    private readonly ClientDraws _clientDraws = new();
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

    /// <summary>A new machine, powered off.</summary>
    /// <param name="spec">What it is.</param>
    /// <param name="drawLog">Records or checks every draw, or null.</param>
    public void PowerOff(MachineSpec spec, DrawLog? drawLog = null)
    {
        _spec = spec;
        _drawLog = drawLog;
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
    /// <exception cref="SnapshotFormatException">The snapshot is damaged or of another version.</exception>
    public void WakeUp(MachineSpec spec, ReadOnlyMemory<byte> snapshot, DrawLog? drawLog = null)
    {
        PowerOff(spec, drawLog);
        SnapshotReader reader = new(snapshot);
        Recover(reader);
        if (!reader.AtEnd)
        {
            throw new SnapshotFormatException($"snapshot, byte {reader.Position}: nothing is expected behind the machine");
        }
    }

    /// <summary>Boots the next generation and lets it run to its end; afterwards the machine is at its jump or cold.</summary>
    /// <param name="isLast">Boot and judge only: the chain ends here.</param>
    /// <param name="keepLog">Whether the report shall hold the kernel's log and the story of user space.</param>
    /// <param name="look">Looks at the generation when its work is done and nothing was copied for the jump; it must not change anything. Or null.</param>
    /// <returns>What happened.</returns>
    /// <exception cref="SimulatorDefectException">Our code failed: never a simulated crash.</exception>
    public GenerationReport RunGeneration(bool isLast, bool keepLog = false, Action<LiveGeneration>? look = null)
    {
        _model.StartGeneration(NextGeneration);
        OperationDiary? diary = keepLog ? OpenDiary() : null;
        ulong messagesBefore = Messages;
        BootSource source = _source;
        KernelGeneration generation = new(_spec, NextGeneration, source, _storage, _model, _endDraws);
        WorkloadState workload = _storage.Workload;
        UserSpacePlan plan = workload.Begin(_spec, NextGeneration, _workloadDraws);
        UserPrograms programs = new(plan, _clientDraws, _model.JudgeClientCheck);
        ScriptRunner script = new(plan.StepsOf(NextGeneration), isLast, _model.JudgeClientCheck);
        diary?.Begin(programs);
        _digest.Append((ulong)NextGeneration);
        _digest.Append(generation.Build.Name);
        _digest.Append(generation.CommandLine);
        string? death = generation.Boot();
        WorkloadActor user = new(workload, programs, script, isLast);
        (GenerationEnd end, string? lastWords) = death is null ? RunActors(generation, user, isLast) : (Die(death), death);
        if (end == GenerationEnd.Kexec)
        {
            script.Jumped();
        }

        bool handedOver = death is null && generation.IsKhoBoot;
        look?.Invoke(new LiveGeneration(generation.Number, generation.Kernel, end, lastWords));
        Leave(generation, end);
        CloseLink();
        NextGeneration++;
        return new GenerationReport
        {
            Generation = generation.Number,
            Kernel = generation.Build.Name,
            PreviousKernel = generation.Number == 0 ? string.Empty : _spec.KernelOf(generation.Number - 1).Name,
            WasKexec = source.Kind == BootKind.Kexec,
            HandedOver = handedOver,
            End = end,
            Survived = death is null ? _model.Survived : 0,
            Lost = death is null ? _model.Lost : 0,
            Restored = workload.Counters.Restored,
            Operations = workload.Counters.Operations,
            FailedRequests = workload.Counters.Failed + programs.Failed,
            Messages = Messages - messagesBefore,
            Violations = [.. _model.Violations],
            ViolationCount = _model.ViolationCount,
            Log = keepLog ? [.. _storage.Log.Lines] : [],
            Story = diary?.End() ?? [],
        };
    }

    /// <inheritdoc/>
    public void Snapshot(SnapshotWriter writer)
    {
        int start = writer.Length;
        writer.WriteVar(SnapshotVersion);
        writer.WriteVar(ModelVersion);
        writer.WriteVar((ulong)NextGeneration);
        _source.Write(writer);
        _runtime!.Snapshot(writer);
        writer.WriteVar(_workloadDraws.Counter);
        writer.WriteVar(_endDraws.Counter);
        _clientDraws.Snapshot(writer);
        writer.WriteRaw(_digest.Last);
        _model.Snapshot(writer);
        MemorySnapshot.Write(Memory, writer);
        writer.WriteChecksum(start);
    }

    /// <inheritdoc/>
    public void Recover(SnapshotReader reader)
    {
        int start = reader.Position;
        RequireVersion(reader, SnapshotVersion, "the snapshot's version");
        RequireVersion(reader, ModelVersion, "the model version");
        NextGeneration = reader.ReadCount(int.MaxValue, "the generation");
        _source = BootSource.Read(reader);
        _runtime!.Recover(reader);
        _workloadDraws.Restore(reader.ReadVar());
        _endDraws.Restore(reader.ReadVar());
        _clientDraws.Recover(reader);
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
        _workloadDraws = new RandomStream(_spec.Path.Child("workload"), 0, _drawLog);
        _endDraws = new RandomStream(_spec.Path.Child("end of generation"), 0, _drawLog);
        _clientDraws.Open(_spec.Path, _spec.Resolved.Clients, _drawLog);
        _orderDraws = new RandomStream(_spec.Path.Child("order of deliveries"), 0, _drawLog);
        SeededScheduler scheduler = new(_orderDraws);
        if (_runtime is null)
        {
            _runtime = new LocalRuntime(_spec.Path, scheduler);
        }
        else
        {
            _runtime.Reset(_spec.Path, scheduler);
        }

        _runtime.Observe(_deliveryDigest);
        _runtime.Observe(_model);
    }

    private (GenerationEnd End, string? LastWords) RunActors(KernelGeneration generation, WorkloadActor workload, bool isLast)
    {
        MachineActor machine = new(generation, _runtime!);
        generation.Start(_runtime!, machine, _clientDraws, workload);
        RunOutcome outcome = _runtime!.RunUntilIdle(DeliveriesPerGenerationMax);
        GenerationEnd end = outcome == RunOutcome.Paused ? machine.End : GenerationEnd.Last;
        if (end == GenerationEnd.Last && !isLast)
        {
            throw new InvalidOperationException($"{_spec.Path}: generation {generation.Number} came to rest before its jump");
        }

        if (machine.OopsText is { } text && machine.OwnershipViolated)
        {
            _model.JudgeOwnership(text);
        }
        else if (machine.OopsText is { } lastWords)
        {
            Die(lastWords);
        }

        _runtime.Stop(ActorId.Machine, StopKind.Abrupt);
        return (end, machine.OopsText);
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

        _digest.AppendDraws(_workloadDraws);
        _digest.AppendDraws(_endDraws);
        _digest.AppendDraws(_orderDraws);
        _clientDraws.AppendTo(_digest);
        _digest.Link();
    }
}
