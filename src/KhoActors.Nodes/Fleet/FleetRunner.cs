using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Fleet;

/// <summary>How a fleet is run; none of it changes a digest.</summary>
public sealed record FleetOptions
{
    /// <summary>Workers: threads that each carry one machine at a time.</summary>
    public required int Workers { get; init; }

    /// <summary>Generations that a machine runs before it hibernates and the next one has its turn.</summary>
    public int SliceGenerations { get; init; } = 4;

    /// <summary>Whether generation reports shall hold kernel logs.</summary>
    public bool KeepLogs { get; init; }

    /// <summary>Called for each generation, by whichever worker ran it; or null.</summary>
    public Action<int, GenerationReport>? GenerationDone { get; init; }

    /// <summary>Asked between generations: true ends the run at once, cleanly.</summary>
    public Func<bool> StopRequested { get; init; } = () => false;
}

/// <summary>
/// Runs all machines of a fleet breadth first: every machine is alive (hibernated between its slices) from the first round to the last.
/// Machines share nothing, so results and digest are the same for any number of workers and any length of slices.
/// </summary>
public sealed class FleetRunner
{
    private readonly FleetPlan _plan;
    private readonly FleetOptions _options;
    private readonly byte[]?[] _hibernated;
    private readonly byte[] _digests;

    private FleetRunner(FleetPlan plan, FleetOptions options)
    {
        _plan = plan;
        _options = options;
        _hibernated = new byte[plan.Scenario.Machines][];
        _digests = new byte[plan.Scenario.Machines * DigestChain.LinkBytes];
    }

    /// <summary>Runs a fleet to its end, or until it is stopped.</summary>
    /// <param name="plan">The fleet.</param>
    /// <param name="options">How to run it.</param>
    /// <returns>What it did.</returns>
    public static FleetResult Run(FleetPlan plan, FleetOptions options) => new FleetRunner(plan, options).Run();

    private FleetResult Run()
    {
        FleetResult result = new() { Machines = _plan.Scenario.Machines };
        SliceWorker[] workers = new SliceWorker[_options.Workers];
        for (int i = 0; i < workers.Length; i++)
        {
            workers[i] = new SliceWorker(this);
        }

        int generations = _plan.Scenario.Kexecs + 1;
        for (int first = 0; first < generations && !_options.StopRequested(); first += _options.SliceGenerations)
        {
            foreach (SliceWorker worker in workers)
            {
                worker.SetSlice(first, Math.Min(first + _options.SliceGenerations, generations));
            }

            Workers.Run(workers, _plan.Scenario.Machines);
        }

        foreach (SliceWorker worker in workers)
        {
            result.Add(worker.Result);
            worker.Dispose();
        }

        result.Interrupted = result.Defects.Count == 0 && result.Generations < (long)_plan.Scenario.Machines * generations;
        result.Defects.Sort(StringComparer.Ordinal);
        Span<byte> digest = stackalloc byte[DigestChain.LinkBytes];
        DigestChain.Fleet(_digests, digest);
        result.Digest = Convert.ToHexStringLower(digest);
        return result;
    }

    /// <summary>What one worker needs to carry machine after machine through one slice; it serves all slices of a run.</summary>
    private sealed class SliceWorker(FleetRunner fleet) : IWorker, IDisposable
    {
        private readonly Machine _machine = new();
        private readonly SnapshotWriter _writer = new();
        private int _first;
        private int _end;

        /// <summary>What its machines did so far.</summary>
        public FleetResult Result { get; } = new();

        /// <summary>The generations of the next slice.</summary>
        public void SetSlice(int first, int end) => (_first, _end) = (first, end);

        public void Work(int number)
        {
            bool isNew = _first == 0;
            if (fleet._options.StopRequested() || (!isNew && fleet._hibernated[number] is null))
            {
                return;
            }

            try
            {
                RunSlice(number, isNew);
            }
            catch (Exception defect) when (defect is not OutOfMemoryException)
            {
                // Whatever fails outside a delivery (a boot, a load, a snapshot) is a defect of ours as well, and stops this machine only.
                fleet._hibernated[number] = null;
                Result.Defects.Add($"machine {number:d8}: {Describe(defect)}");
            }
        }

        public void Dispose() => _machine.Dispose();

        private static string Describe(Exception defect) =>
            defect is SimulatorDefectException or LivelockException or SnapshotFormatException ? defect.Message : $"{defect.GetType().Name}: {defect.Message}";

        private void RunSlice(int number, bool isNew)
        {
            MachineSpec spec = fleet._plan.SpecOf(number);
            if (isNew)
            {
                _machine.PowerOff(spec);
            }
            else
            {
                _machine.WakeUp(spec, fleet._hibernated[number]);
            }

            for (int generation = _first; generation < _end && !fleet._options.StopRequested(); generation++)
            {
                bool isLast = generation == fleet._plan.Scenario.Kexecs;
                GenerationReport report = _machine.RunGeneration(isLast, fleet._options.KeepLogs);
                Result.Add(number, report);
                fleet._options.GenerationDone?.Invoke(number, report);
            }

            _machine.Digest.CopyTo(fleet._digests.AsSpan(number * DigestChain.LinkBytes));
            fleet._hibernated[number] = null;
            if (_end <= fleet._plan.Scenario.Kexecs)
            {
                _writer.Clear();
                _machine.Snapshot(_writer);
                fleet._hibernated[number] = _writer.Written.ToArray();
            }
        }
    }
}
