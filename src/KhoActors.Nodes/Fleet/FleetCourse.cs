using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Fleet;

/// <summary>
/// How far a run has come: what its workers share. A machine costs 48 bytes here beside <see cref="Hibernation"/>, and its chain's length
/// costs nothing.
/// </summary>
internal sealed class FleetCourse : IDisposable
{
    private readonly Gate _gate = new();
    private readonly MachineState[] _machines;
    private readonly byte[] _digests;
    private int _alive;
    private int _alivePeak;
    private Exception? _failure;

    /// <summary>A run at its beginning, or where its history leaves it.</summary>
    /// <param name="plan">The fleet.</param>
    /// <param name="options">How to run it.</param>
    /// <exception cref="ResumeException">The history is not of this run.</exception>
    /// <exception cref="HistoryDamageException">The history contradicts itself.</exception>
    public FleetCourse(FleetPlan plan, FleetOptions options)
    {
        options.Resume?.RequireSameRun(plan, options);
        Plan = plan;
        Options = options;
        SliceGenerations = options.Resume?.SliceGenerations ?? options.SliceGenerations ?? plan.SliceGenerations;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(SliceGenerations, nameof(options));
        Recording = options.Recorder is null ? null : new MachineRecording(options.RecordOrder);
        _machines = new MachineState[plan.Scenario.Machines];
        _digests = new byte[_machines.Length * DigestChain.LinkBytes];
        if (options.Resume is { } resume)
        {
            TakeUp(resume);
        }

        Hibernation = new Hibernation(_machines.Length, options.HibernatedBytesMax, options.SpillFolder ?? Path.GetTempPath());
    }

    /// <summary>The fleet.</summary>
    public FleetPlan Plan { get; }

    /// <summary>How it is run.</summary>
    public FleetOptions Options { get; }

    /// <summary>Generations of a full slice.</summary>
    public int SliceGenerations { get; }

    /// <summary>How machines record; null when nothing is recorded.</summary>
    public MachineRecording? Recording { get; }

    /// <summary>Where machines rest.</summary>
    public Hibernation Hibernation { get; }

    /// <summary>Generations of a whole chain.</summary>
    public int Generations => Plan.Scenario.Kexecs + 1;

    /// <summary>Whether machines that come to rest in this round leave a checkpoint.</summary>
    public bool LeavesCheckpoints { get; set; }

    /// <summary>The generation behind the slice that this round runs: machines that are further wait for theirs.</summary>
    public int RoundEnd { get; set; }

    /// <summary>Whether the run ends now: it was asked to, or something failed that all machines need.</summary>
    public bool IsStopped => Options.StopRequested() || Failure is not null;

    /// <summary>The first failure of something that all machines need, or null.</summary>
    public Exception? Failure
    {
        get
        {
            using (_gate.Enter())
            {
                return _failure;
            }
        }
    }

    /// <summary>Ends the run: something failed that all machines need. Only the first failure counts, others follow from it.</summary>
    public void Fail(Exception failure)
    {
        using (_gate.Enter())
        {
            _failure ??= failure;
        }
    }

    /// <summary>The next generation of a machine.</summary>
    public int NextOf(int machine) => _machines[machine].Next;

    /// <summary>The generation before which a machine's newest checkpoint was taken; 0 without one.</summary>
    public int CheckpointOf(int machine) => _machines[machine].Checkpoint;

    /// <summary>A machine's digest after its last whole slice.</summary>
    public ReadOnlyMemory<byte> DigestOf(int machine) => _digests.AsMemory(machine * DigestChain.LinkBytes, DigestChain.LinkBytes);

    /// <summary>Whether a machine can still go on: it is neither at its end nor taken out.</summary>
    public bool CanGoOn(int machine) => _machines[machine].Next < Generations && !_machines[machine].IsOut;

    /// <summary>Whether a machine has its turn in this round.</summary>
    public bool TakesPart(int machine) => CanGoOn(machine) && _machines[machine].Next < RoundEnd;

    /// <summary>The first generation that any machine has before it; that of a whole chain when none has one.</summary>
    public int FirstOpenGeneration()
    {
        int first = Generations;
        for (int machine = 0; machine < _machines.Length; machine++)
        {
            first = CanGoOn(machine) ? Math.Min(first, _machines[machine].Next) : first;
        }

        return first;
    }

    /// <summary>A machine boots for the first time.</summary>
    public void PowerOn()
    {
        using (_gate.Enter())
        {
            _alivePeak = Math.Max(_alivePeak, ++_alive);
        }
    }

    /// <summary>A machine has run a whole slice, which is recorded if anything is.</summary>
    /// <param name="machine">Its number.</param>
    /// <param name="next">Its next generation.</param>
    /// <param name="digest">Its digest.</param>
    /// <param name="hasCheckpoint">Whether the history has the machine as it is now.</param>
    public void Advance(int machine, int next, ReadOnlySpan<byte> digest, bool hasCheckpoint)
    {
        ref MachineState state = ref _machines[machine];
        state.Next = next;
        state.Checkpoint = hasCheckpoint ? next : state.Checkpoint;
        digest.CopyTo(_digests.AsSpan(machine * DigestChain.LinkBytes));
        if (next == Generations)
        {
            EndLife();
        }
    }

    /// <summary>A machine goes no further: the simulator failed, or its replay differs.</summary>
    public void TakeOut(int machine)
    {
        _machines[machine].IsOut = true;
        Hibernation.Remove(machine);
        EndLife();
    }

    /// <summary>Notes how the run ended.</summary>
    /// <param name="result">Receives it.</param>
    public void Conclude(FleetResult result)
    {
        bool allCameFar = FirstOpenGeneration() == Generations;
        result.AlivePeak = _alivePeak;
        result.Hibernated = Hibernation.Peak;
        result.Failure = Failure;
        result.Interrupted = !allCameFar && result.Failure is null;
        if (allCameFar)
        {
            Span<byte> digest = stackalloc byte[DigestChain.LinkBytes];
            DigestChain.Fleet(_digests, digest);
            result.Digest = Convert.ToHexStringLower(digest);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Hibernation.Dispose();

    private void EndLife()
    {
        using (_gate.Enter())
        {
            _alive--;
        }
    }

    /// <summary>
    /// Machines stand where their records end. Those that have a record were alive together at the end of the first round, unless that was
    /// their last: rounds begin when the one before is over.
    /// </summary>
    private void TakeUp(ResumePoint resume)
    {
        int recorded = 0;
        long generations = 0;
        foreach (MachineProgress progress in resume.ReadProgress())
        {
            _machines[progress.Machine].Next = progress.RecordedGenerations;
            _machines[progress.Machine].Checkpoint = progress.CheckpointGeneration;
            progress.Digest.Span.CopyTo(_digests.AsSpan(progress.Machine * DigestChain.LinkBytes));
            recorded++;
            generations += progress.RecordedGenerations;
            _alive += progress.RecordedGenerations < Generations ? 1 : 0;
        }

        resume.RequireSum(generations);
        _alivePeak = SliceGenerations < Generations ? recorded : Math.Min(recorded, 1);
    }

    private struct MachineState
    {
        public int Next;
        public int Checkpoint;
        public bool IsOut;
    }
}
