using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Tests.Fleet;

/// <summary>
/// A history of one run that keeps encoded records in sorted maps and counts its sums from them each time it is asked: what is there twice
/// or not at all shows. Recorder and store in one, each safe beside the other; a plan of failures and checkpoints makes it a bad one.
/// </summary>
internal sealed class MemoryHistory : IHistoryStore, IRunRecorder
{
    private readonly Lock _gate = new();
    private readonly SliceCodec _codec;
    private readonly SortedDictionary<(int Machine, int First), byte[]> _slices = [];
    private readonly SortedDictionary<int, MachineCheckpoint> _checkpoints = [];
    private int _adds;

    public MemoryHistory(ResolvedScenario resolved, ulong seed, int sliceGenerations = 4)
    {
        _codec = new SliceCodec(resolved);
        Facts = new RunFacts
        {
            Scenario = resolved.Scenario.Name,
            ResolvedScenario = resolved.ToCanonicalText(),
            Seed = seed,
            Engine = "local",
            ModelVersion = Machine.ModelVersion,
            ProgramVersion = "test",
            OrderIsRecorded = false,
            SliceGenerations = sliceGenerations,
            Machines = resolved.Scenario.Machines,
            Kexecs = resolved.Scenario.Kexecs,
            Started = DateTimeOffset.UnixEpoch,
            Command = "kho run",
        };
    }

    /// <summary>Fails the add of this number, from 1, and all behind it; 0 for none. Counted anew by each <see cref="Session"/>.</summary>
    public int FailingAdd { get; set; }

    /// <summary>What a failing add throws.</summary>
    public Func<Exception> Failure { get; set; } = static () => new HistoryUnavailableException("memory: the disk is full");

    /// <summary>Whether the checkpoints of a round are wanted; asked with the number of rounds so far.</summary>
    public Func<int, bool> WantsRound { get; set; } = static _ => false;

    public RunFacts Facts { get; set; }

    public int RoundsAsked { get; private set; }

    public int RoundsOfCheckpoints { get; private set; }

    public int AddsAfterFailure { get; private set; }

    /// <summary>A slice that workers find damaged, and the sums do not.</summary>
    public (int Machine, int First)? DamagedWhenRead { get; set; }

    /// <summary>How often records of a machine were asked for.</summary>
    public int MachinesRead { get; private set; }

    public IReadOnlyDictionary<int, MachineCheckpoint> Checkpoints => _checkpoints;

    public IEnumerable<SliceRecord> Records => _slices.Select(each => _codec.Decode(Stored(each), Address));

    public StoredRun Current => new(1, Facts, RunState.Running, null, Sums(), string.Empty);

    public SliceCodec Codec => _codec;

    public string Address => "memory:";

    bool IRunRecorder.WantsCheckpoints
    {
        get
        {
            RoundsAsked++;
            return WantsRound(RoundsAsked);
        }
    }

    /// <summary>What a process that takes the run up finds.</summary>
    public ResumePoint Session()
    {
        _adds = 0;
        AddsAfterFailure = 0;
        return new ResumePoint(this, Current, _codec);
    }

    public void Damage(int machine, Func<byte[], byte[]> damage) =>
        _checkpoints[machine] = _checkpoints[machine] with { Snapshot = damage(_checkpoints[machine].Snapshot.ToArray()) };

    public void GiveCheckpoint(int machine, MachineCheckpoint? checkpoint)
    {
        _checkpoints.Remove(machine);
        if (checkpoint is not null)
        {
            _checkpoints.Add(machine, checkpoint);
        }
    }

    /// <summary>Changes the stored bytes of a slice.</summary>
    public void DamageSlice(int machine, int first, Func<byte[], byte[]> damage) => _slices[(machine, first)] = damage(_slices[(machine, first)]);

    /// <summary>Puts another record in the place of one, soundly encoded.</summary>
    public void Forge(int machine, int first, Func<SliceRecord, SliceRecord> forge) =>
        DamageSlice(machine, first, bytes => _codec.Encode(forge(_codec.Decode(new StoredSlice(machine, first, bytes), Address))));

    public void RemoveSlice(int machine, int first) => _slices.Remove((machine, first));

    /// <summary>Forgets the newest slices, as a power failure does; checkpoints behind what is left go with them.</summary>
    public void LoseTail(int machine, int slices)
    {
        foreach ((int Machine, int First) key in _slices.Keys.Where(key => key.Machine == machine).Reverse().Take(slices).ToArray())
        {
            _slices.Remove(key);
            if (_checkpoints.TryGetValue(machine, out MachineCheckpoint? checkpoint) && checkpoint.NextGeneration > key.First)
            {
                _checkpoints.Remove(machine);
            }
        }
    }

    public void Add(SliceRecord record, MachineCheckpoint? checkpoint, bool isFinished)
    {
        byte[] encoded = _codec.Encode(record);
        lock (_gate)
        {
            CountAdd();
            Assert.Equal(0, record.FirstGeneration % Facts.SliceGenerations);
            Assert.True(record.Generations.Count == Facts.SliceGenerations || record.EndGeneration == Facts.Kexecs + 1);
            Assert.Equal(record.EndGeneration == Facts.Kexecs + 1, isFinished);
            Assert.True(record.FirstGeneration == 0 || _slices.ContainsKey((record.Machine, record.FirstGeneration - Facts.SliceGenerations)));
            Assert.False(_slices.ContainsKey((record.Machine, record.FirstGeneration)), $"machine {record.Machine} ran {record.FirstGeneration} twice");
            _slices.Add((record.Machine, record.FirstGeneration), encoded);
            if (checkpoint is not null)
            {
                Assert.Equal((record.Machine, record.EndGeneration), (checkpoint.Machine, checkpoint.NextGeneration));
                _checkpoints[record.Machine] = checkpoint;
            }

            if (isFinished)
            {
                _checkpoints.Remove(record.Machine);
            }
        }
    }

    public void Add(MachineCheckpoint checkpoint)
    {
        lock (_gate)
        {
            CountAdd();
            Assert.Equal(RecordedOf(checkpoint.Machine), checkpoint.NextGeneration);
            Assert.InRange(_checkpoints.GetValueOrDefault(checkpoint.Machine)?.NextGeneration ?? 0, 0, checkpoint.NextGeneration - 1);
            _checkpoints[checkpoint.Machine] = checkpoint;
        }
    }

    public void CheckpointsDone() => RoundsOfCheckpoints++;

    public IEnumerable<MachineProgress> ReadProgress(int run) => _slices.GroupBy(each => each.Key.Machine).Select(slices =>
    {
        SliceRecord last = _codec.Decode(Stored(slices.Last()), Address);
        int checkpoint = _checkpoints.GetValueOrDefault(last.Machine)?.NextGeneration ?? 0;
        return new MachineProgress(last.Machine, last.EndGeneration, checkpoint, last.Generations[^1].Digest);
    });

    public IEnumerable<StoredSlice> ReadSlices(int run, int? machine = null)
    {
        lock (_gate)
        {
            MachinesRead++;
            return [.. _slices.Where(each => machine is null || each.Key.Machine == machine).Select(Stored).Select(Damaged)];
        }
    }

    public MachineCheckpoint? ReadCheckpoint(int run, int machine)
    {
        lock (_gate)
        {
            return _checkpoints.GetValueOrDefault(machine);
        }
    }

    public IReadOnlyList<FleetTransition> ReadTransitions(int run) => Counted().Transitions;

    public IReadOnlyList<KeyValuePair<string, long>> ReadOutcomes(int run) => Counted().Outcomes;

    public IReadOnlyList<MachineViolation> ReadViolations(int run, int limit) =>
        [.. Records.SelectMany(record => record.Generations.SelectMany(each => each.Report.Violations).Select(each => new MachineViolation(record.Machine, each))).Take(limit)];

    public int BeginRun(RunFacts facts) => throw new NotSupportedException();

    public void Commit(int run, HistoryBatch batch) => throw new NotSupportedException();

    public void EndRun(int run, RunState state, string digest, DateTimeOffset ended) => throw new NotSupportedException();

    public void ReopenRun(int run) => throw new NotSupportedException();

    public StoredRun? FindRun(int? run) => Current;

    public IReadOnlyList<StoredRun> ReadRuns(Action<string> damage) => [Current];

    public bool DeleteRun(int run) => throw new NotSupportedException();

    public void Verify(Action<string> damage, ClientCatalog? clients = null) => throw new NotSupportedException();

    public long ReadSizeBytes() => _slices.Values.Sum(bytes => bytes.LongLength);

    public void Dispose()
    {
    }

    private static StoredSlice Stored(KeyValuePair<(int Machine, int First), byte[]> each) => new(each.Key.Machine, each.Key.First, each.Value);

    private StoredSlice Damaged(StoredSlice slice) =>
        (slice.Machine, slice.FirstGeneration) == DamagedWhenRead ? slice with { Encoded = slice.Encoded[..^1] } : slice;

    private int RecordedOf(int machine) => _slices.Keys.Where(key => key.Machine == machine)
        .Select(key => Math.Min(key.First + Facts.SliceGenerations, Facts.Kexecs + 1)).LastOrDefault();

    private void CountAdd()
    {
        _adds++;
        if (FailingAdd > 0 && _adds >= FailingAdd)
        {
            AddsAfterFailure = _adds - FailingAdd;
            throw Failure();
        }
    }

    private FleetResult Counted()
    {
        FleetResult sums = new();
        foreach ((int machine, GenerationRecord generation) in Records.SelectMany(record => record.Generations.Select(each => (record.Machine, each))))
        {
            sums.Add(machine, generation.Report);
        }

        return sums;
    }

    private RunSums Sums()
    {
        FleetResult counted = Counted();
        return new RunSums
        {
            Generations = counted.Generations,
            Kexecs = counted.Kexecs,
            ColdBoots = counted.ColdBoots,
            Messages = counted.Messages,
            Operations = counted.Operations,
            FailedRequests = counted.FailedRequests,
            Violations = counted.ViolationCount,
        };
    }
}
