using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Sharding;

/// <summary>A slice that a machine shall run.</summary>
/// <param name="Machine">Number of the machine.</param>
/// <param name="FirstGeneration">Its first generation.</param>
public readonly record struct SliceOrder(int Machine, int FirstGeneration);

/// <summary>
/// The course of a run that an engine's driver keeps: which machine has its turn next, what was counted, when it is over. A machine gets its next
/// turn when its last slice is counted in an event that is persisted, so a driver that is started again asks for one slice of a machine a second time at most.
/// Turns are given breadth first: every machine is alive before the first one comes to its end.
/// </summary>
public sealed class FleetDispatch
{
    private readonly ShardedRun _run;
    private readonly MachineState[] _machines;
    private readonly byte[] _digests;
    private readonly Queue<int> _waiting = new();
    private readonly FleetResult _total = new();
    private FleetResult _pending = new();
    private List<int> _pendingMachines = [];
    private int _alive;
    private int _alivePeak;
    private int _open;

    /// <summary>A run before its first event.</summary>
    /// <param name="run">The run.</param>
    public FleetDispatch(ShardedRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        _run = run;
        _machines = new MachineState[run.Facts.Machines];
        _digests = new byte[_machines.Length * DigestChain.LinkBytes];
        _open = _machines.Length;
    }

    private enum Stage : byte
    {
        /// <summary>It rests.</summary>
        Resting,

        /// <summary>It was given a turn.</summary>
        Running,

        /// <summary>Its slice came back.</summary>
        Accepted,

        /// <summary>Its slice is counted, and the event is not persisted yet.</summary>
        Counted,
    }

    /// <summary>Machines between their turn and its event.</summary>
    public int InFlight { get; private set; }

    /// <summary>Whether every machine came as far as it can.</summary>
    public bool IsOver => _open == 0;

    /// <summary>Machines that can still go on.</summary>
    public int OpenMachines => _open;

    /// <summary>Generations that were counted.</summary>
    public long Generations => _total.Generations;

    /// <summary>Takes the state of a run up that was recorded elsewhere. Before anything else.</summary>
    /// <param name="resume">Where it stands.</param>
    public void TakeUp(ResumedMachines resume)
    {
        ArgumentNullException.ThrowIfNull(resume);
        // As when it was recorded: machines that have a record were alive together, unless their first slice was their last.
        resume.Point.AddRecorded(_total);
        foreach (MachineProgress progress in resume.Progress)
        {
            Come(new MachineAdvance(progress.Machine, progress.RecordedGenerations, false, progress.Digest));
        }
    }

    /// <summary>Takes an event up: one of the past, or one that is now persisted.</summary>
    /// <param name="advanced">The event.</param>
    /// <exception cref="HistoryDamageException">It is not of this run.</exception>
    public void Apply(FleetAdvanced advanced)
    {
        ArgumentNullException.ThrowIfNull(advanced);
        _total.Add(advanced.Counted);
        foreach (MachineAdvance machine in advanced.Machines)
        {
            Come(machine);
        }

        _alivePeak = Math.Max(_alivePeak, advanced.Counted.AlivePeak);
    }

    /// <summary>Makes every machine that can go on wait for its turn, those that are behind first. After the events of the past.</summary>
    public void Begin()
    {
        _waiting.Clear();
        List<int> waiting = [];
        for (int machine = 0; machine < _machines.Length; machine++)
        {
            if (CanGoOn(machine))
            {
                waiting.Add(machine);
            }
        }

        foreach (int machine in waiting.OrderBy(machine => (_machines[machine].Next, machine)))
        {
            _waiting.Enqueue(machine);
        }
    }

    /// <summary>Gives the next turn.</summary>
    /// <param name="order">Which machine shall run which slice.</param>
    /// <returns>False when none waits.</returns>
    public bool TryIssue(out SliceOrder order)
    {
        if (!_waiting.TryDequeue(out int machine))
        {
            order = default;
            return false;
        }

        ref MachineState state = ref _machines[machine];
        state.Stage = Stage.Running;
        InFlight++;
        if (!state.IsOn)
        {
            state.IsOn = true;
            _alivePeak = Math.Max(_alivePeak, ++_alive);
        }

        order = new SliceOrder(machine, state.Next);
        return true;
    }

    /// <summary>Whether a machine was given this turn and has not come back.</summary>
    /// <param name="order">The turn.</param>
    /// <returns>Whether its slice is expected.</returns>
    public bool Expects(SliceOrder order) =>
        order.Machine >= 0
        && order.Machine < _machines.Length
        && _machines[order.Machine].Stage == Stage.Running
        && _machines[order.Machine].Next == order.FirstGeneration;

    /// <summary>Takes a slice in.</summary>
    /// <param name="slice">What the machine recorded.</param>
    /// <returns>The record; null for one that is not expected (it came twice).</returns>
    /// <exception cref="HistoryDamageException">It is not what it says.</exception>
    public SliceRecord? Accept(SliceRecorded slice)
    {
        ArgumentNullException.ThrowIfNull(slice);
        if (slice.Run != _run.Number || !Expects(new SliceOrder(slice.Machine, slice.FirstGeneration)))
        {
            return null;
        }

        SliceRecord record = _run.Codec.Decode(new StoredSlice(slice.Machine, slice.FirstGeneration, slice.Encoded), $"run {_run.Number}");
        if (record.EndGeneration != _run.EndOfSlice(record.FirstGeneration))
        {
            throw new HistoryDamageException(
                $"run {_run.Number}: machine {slice.Machine:d8}: a slice of generations {record.FirstGeneration} to {record.EndGeneration - 1}");
        }

        _machines[slice.Machine].Stage = Stage.Accepted;
        return record;
    }

    /// <summary>Counts a slice that was taken in; the next event has it.</summary>
    /// <param name="record">The record.</param>
    public void Count(SliceRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        ref MachineState state = ref _machines[record.Machine];
        Require(state.Stage == Stage.Accepted, record.Machine);
        CountReports(record);
        record.Generations[^1].Digest.Span.CopyTo(DigestOf(record.Machine));
        Await(record.Machine, record.EndGeneration);
    }

    /// <summary>A machine goes no further: the simulator failed.</summary>
    /// <param name="order">The turn in which it happened.</param>
    /// <param name="defect">What failed, for people; it names the machine.</param>
    /// <param name="done">Generations of the slice before the failure, which count; or null.</param>
    /// <exception cref="HistoryDamageException">They are not what they say.</exception>
    public void TakeOut(SliceOrder order, string defect, SliceRecorded? done = null)
    {
        if (Expects(order))
        {
            if (done is not null)
            {
                CountReports(_run.Codec.Decode(new StoredSlice(order.Machine, order.FirstGeneration, done.Encoded), $"run {_run.Number}"));
            }

            _pending.Defects.Add(defect);
            _machines[order.Machine].IsOut = true;
            Await(order.Machine, order.FirstGeneration);
        }
    }

    /// <summary>A machine goes no further: its replay differs from its records.</summary>
    /// <param name="order">The turn in which it happened.</param>
    /// <param name="difference">The first difference.</param>
    public void TakeOut(SliceOrder order, ReplayDifference difference)
    {
        if (Expects(order))
        {
            _pending.Add(difference);
            _machines[order.Machine].IsOut = true;
            Await(order.Machine, order.FirstGeneration);
        }
    }

    /// <summary>A machine came back without its slice, because the run stops; nothing is counted.</summary>
    /// <param name="order">The turn.</param>
    public void GiveUp(SliceOrder order)
    {
        if (Expects(order))
        {
            _machines[order.Machine].Stage = Stage.Resting;
            InFlight--;
        }
    }

    /// <summary>A slice that was taken in is not counted: who had to keep it is gone, and the run stops.</summary>
    /// <param name="order">The turn.</param>
    public void Forget(SliceOrder order)
    {
        Require(_machines[order.Machine].Stage == Stage.Accepted, order.Machine);
        _machines[order.Machine].Stage = Stage.Resting;
        InFlight--;
    }

    /// <summary>What was counted since the last event.</summary>
    /// <returns>The event to persist, and then to <see cref="Apply"/>; null when there is nothing.</returns>
    public FleetAdvanced? TakeEvent()
    {
        if (_pendingMachines.Count == 0)
        {
            return null;
        }

        MachineAdvance[] machines = new MachineAdvance[_pendingMachines.Count];
        for (int i = 0; i < machines.Length; i++)
        {
            int machine = _pendingMachines[i];
            machines[i] = new MachineAdvance(machine, _machines[machine].Pending, _machines[machine].IsOut, DigestOf(machine).ToArray());
        }

        _pending.AlivePeak = _alivePeak;
        FleetAdvanced taken = new(_run.Number, machines, _pending);
        _pending = new FleetResult();
        _pendingMachines = [];
        return taken;
    }

    /// <summary>What the run has come to, all of its sessions.</summary>
    /// <param name="failure">Why it stopped by itself before its end, or null.</param>
    /// <returns>The result; interrupted when machines can still go on.</returns>
    public FleetResult Conclude(Exception? failure = null)
    {
        FleetResult result = new() { Machines = _machines.Length };
        result.Add(_total);
        result.AlivePeak = _alivePeak;
        result.Failure = failure;
        result.Interrupted = !IsOver && failure is null;
        if (IsOver)
        {
            Span<byte> digest = stackalloc byte[DigestChain.LinkBytes];
            DigestChain.Fleet(_digests, digest);
            result.Digest = Convert.ToHexStringLower(digest);
        }

        result.Defects.Sort(StringComparer.Ordinal);
        result.Warnings.Sort(StringComparer.Ordinal);
        return result;
    }

    /// <summary>The result of a run as its driver's last words tell it elsewhere.</summary>
    /// <param name="sums">What was counted.</param>
    /// <param name="over">How it ended.</param>
    /// <param name="failure">Why it stopped by itself before its end, or null.</param>
    /// <returns>The result, as <see cref="Conclude"/> gave it.</returns>
    public static FleetResult Told(FleetResult sums, RunOver over, Exception? failure)
    {
        ArgumentNullException.ThrowIfNull(sums);
        ArgumentNullException.ThrowIfNull(over);
        FleetResult result = new()
        {
            Machines = sums.Machines,
            AlivePeak = sums.AlivePeak,
            Digest = over.Digest,
            Interrupted = over.State == RunState.Interrupted && failure is null,
            Failure = failure,
        };
        result.Add(sums);
        return result;
    }

    private Span<byte> DigestOf(int machine) => _digests.AsSpan(machine * DigestChain.LinkBytes, DigestChain.LinkBytes);

    private bool CanGoOn(int machine) => _machines[machine].Next < _run.Generations && !_machines[machine].IsOut;

    private void CountReports(SliceRecord record)
    {
        foreach (GenerationRecord generation in record.Generations)
        {
            _pending.Add(record.Machine, generation.Report);
        }
    }

    /// <summary>A machine waits for its event.</summary>
    private void Await(int machine, int next)
    {
        _machines[machine].Stage = Stage.Counted;
        _machines[machine].Pending = next;
        _pendingMachines.Add(machine);
    }

    private void Come(MachineAdvance advance)
    {
        bool isOurs = advance.Machine < _machines.Length
            && advance.NextGeneration <= _run.Generations
            && advance.NextGeneration >= _machines[advance.Machine].Next;
        if (!isOurs || advance.Digest.Length != DigestChain.LinkBytes)
        {
            throw new HistoryDamageException($"run {_run.Number}: machine {advance.Machine} before generation {advance.NextGeneration} is not of this run");
        }

        ref MachineState state = ref _machines[advance.Machine];
        bool couldGoOn = state.Next < _run.Generations && (!state.IsOut || state.Stage == Stage.Counted);
        bool wasInFlight = state.Stage == Stage.Counted;
        if (!state.IsOn)
        {
            state.IsOn = true;
            _alivePeak = Math.Max(_alivePeak, ++_alive);
        }

        state.Next = advance.NextGeneration;
        state.IsOut = advance.IsOut;
        state.Stage = Stage.Resting;
        advance.Digest.Span.CopyTo(DigestOf(advance.Machine));
        InFlight -= wasInFlight ? 1 : 0;
        if (!CanGoOn(advance.Machine))
        {
            _open -= couldGoOn ? 1 : 0;
            _alive -= couldGoOn ? 1 : 0;
        }
        else if (wasInFlight)
        {
            _waiting.Enqueue(advance.Machine);
        }
    }

    private void Require(bool holds, int machine)
    {
        if (!holds)
        {
            throw new InvalidOperationException($"run {_run.Number}: machine {machine} is in stage {_machines[machine].Stage}");
        }
    }

    private struct MachineState
    {
        public int Next;
        public int Pending;
        public Stage Stage;
        public bool IsOn;
        public bool IsOut;
    }
}
