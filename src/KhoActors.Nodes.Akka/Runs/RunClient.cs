using System.Security.Cryptography;
using Akka.Actor;
using KhoActors.Nodes.Akka.Machines;
using KhoActors.Nodes.Akka.Wire;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Sharding;

namespace KhoActors.Nodes.Akka.Runs;

/// <summary>
/// Speaks for the caller of <see cref="IEngine.Run"/>, on a thread of its own, for a recorder may wait for its disk: asks for the run, hands each slice
/// to recorder and callbacks once, asks the caller whether to stop, and completes when the driver has said its last words.
/// </summary>
internal sealed class RunClient : UntypedActor, IWithTimers
{
    private static readonly TimeSpan AskEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StopEvery = TimeSpan.FromMilliseconds(50);
    private readonly NodeServices _node;
    private readonly EngineRequest _request;
    private readonly RunFacts _facts;
    private readonly TaskCompletionSource<FleetResult> _done;
    private readonly ulong _ticket = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1;
    private readonly Dictionary<int, int> _next = [];
    private ShardedRun? _run;
    private Exception? _failure;
    private Machine? _storyteller;
    private bool _isStopping;

    public RunClient(EngineRequest request, RunFacts facts, NodeServices node, TaskCompletionSource<FleetResult> done)
    {
        _request = request;
        _facts = facts;
        _node = node;
        _done = done;
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private bool IsConcurrent => _request.Order == DeliveryOrder.Concurrent;

    protected override void PreStart()
    {
        Timers.StartPeriodicTimer(nameof(Ask), Ask.Instance, TimeSpan.Zero, AskEvery);
        Timers.StartPeriodicTimer(nameof(LookForStop), LookForStop.Instance, StopEvery);
    }

    protected override void PostStop() => _storyteller?.Dispose();

    protected override void OnReceive(object message)
    {
        try
        {
            Handle(message);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // A callback of the caller: it gets its exception back, and the run must not go on unheard.
            if (_run is not null)
            {
                _node.Driver.Tell(new StopRun(_run.Number, HasFailed: true));
            }

            _done.TrySetException(failure);
            Context.Stop(Self);
        }
    }

    private void Handle(object message)
    {
        switch (message)
        {
            case Ask:
                AskDriver();
                break;
            case RunStarted started when _run is null:
                _run = new ShardedRun(started.Run, _facts, _request.Order, _request.Plan);
                if (_request.Cluster.Store is not null)
                {
                    _request.RunBegun?.Invoke(started.Run);
                }

                StopIfAsked();
                AskDriver();
                break;
            case RunRefused refused:
                _done.TrySetException(new EngineException(refused.Reason));
                break;
            case SliceForClient slice when _run is not null && slice.Slice.Run == _run.Number:
                Take(slice.Slice);
                break;
            case LookForStop:
                StopIfAsked();
                break;
            case RunConcluded concluded:
                Conclude(concluded);
                break;
            default:
                break;
        }
    }

    private void AskDriver()
    {
        bool needsSlices = _request.Options.Recorder is not null;
        if (_isStopping)
        {
            _node.Driver.Tell(new StopRun(_run!.Number, _failure is not null));
        }

        _node.Driver.Tell(
            _run is not null ? new FollowRun(_run.Number, needsSlices || _request.Options.GenerationDone is not null, needsSlices)
            : _request.Cluster.Run is { } number ? new ResumeRun(number, _facts, IsConcurrent)
            : new StartRun(_ticket, _facts, IsConcurrent));
    }

    private void Take(SliceRecorded slice)
    {
        try
        {
            if (_failure is null && slice.FirstGeneration >= _next.GetValueOrDefault(slice.Machine))
            {
                SliceRecord record = _run!.Codec.Decode(new StoredSlice(slice.Machine, slice.FirstGeneration, slice.Encoded), $"run {_run.Number}");
                _request.Options.Recorder?.Add(record, null, record.EndGeneration == _run.Generations);
                Report(record);
                _next[slice.Machine] = record.EndGeneration;
            }

            // Said before the slice is taken: the driver gives no turn after it.
            StopIfAsked();
            if (_failure is null)
            {
                Sender.Tell(new SliceTaken(slice.Run, slice.Machine, slice.FirstGeneration));
            }
        }
        catch (Exception failure) when (failure is HistoryUnavailableException or HistoryDamageException or DivergentRecordException)
        {
            _failure = failure;
            _isStopping = true;
            _node.Driver.Tell(new StopRun(_run!.Number, HasFailed: true));
        }
    }

    private void Report(SliceRecord record)
    {
        if (_request.Options.GenerationDone is not { } done)
        {
            return;
        }

        if (!_request.Options.KeepLogs)
        {
            foreach (GenerationRecord generation in record.Generations)
            {
                done(record.Machine, generation.Report);
            }

            return;
        }

        // Logs are not recorded: the slice is told from its replay.
        _storyteller ??= new Machine();
        if (record.FirstGeneration == 0)
        {
            _storyteller.PowerOff(_request.Plan.SpecOf(record.Machine));
        }

        if (_storyteller.NextGeneration == record.FirstGeneration)
        {
            foreach (GenerationRecord generation in record.Generations)
            {
                done(record.Machine, _storyteller.RunGeneration(generation.Report.Generation == _facts.Kexecs, keepLog: true, replayed: generation));
            }
        }
    }

    private void StopIfAsked()
    {
        if (_run is not null && !_isStopping && _request.Options.StopRequested())
        {
            _isStopping = true;
            _node.Driver.Tell(new StopRun(_run.Number, _failure is not null));
        }
    }

    private void Conclude(RunConcluded concluded)
    {
        Exception? failure = _failure ?? (concluded.Failure.Length == 0 ? null : new HistoryUnavailableException(concluded.Failure));
        _done.TrySetResult(FleetDispatch.Told(concluded.Sums.Counted, concluded.Over, failure));
    }

    private sealed class Ask
    {
        public static readonly Ask Instance = new();
    }

    private sealed class LookForStop
    {
        public static readonly LookForStop Instance = new();
    }
}
