using System.Diagnostics;
using System.Globalization;
using System.Runtime.ExceptionServices;
using KhoActors.Host.Engines;
using KhoActors.Host.Reports;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;

namespace KhoActors.Host.Runs;

/// <summary>Takes a fleet to its end, or as far as it comes, and tells about it: what <c>kho run</c> does when it knows what to run.</summary>
internal sealed class FleetSession
{
    private RunLines? _kept;

    /// <summary>Where it reports.</summary>
    public required Terminal Terminal { get; init; }

    /// <summary>Who carries the machines.</summary>
    public required EngineChoice Choice { get; init; }

    /// <summary>The fleet.</summary>
    public required FleetPlan Plan { get; init; }

    /// <summary>Threads.</summary>
    public required int Workers { get; init; }

    /// <summary>Bytes of memory that resting machines may take.</summary>
    public required long HibernatedBytesMax { get; init; }

    /// <summary>Whether the summary is JSON.</summary>
    public required bool AsJson { get; init; }

    /// <summary>Whether records hold the order of deliveries.</summary>
    public bool RecordOrder { get; init; }

    /// <summary>The command line that runs the run again from nothing.</summary>
    public required string Reproduce { get; init; }

    /// <summary>The run in its history; null for a run without one, or whose engine keeps it itself.</summary>
    public RecordingRun? Recording { get; init; }

    /// <summary>What the history that the engine keeps says of the run; null when it keeps none.</summary>
    public RunFacts? Facts { get; init; }

    /// <summary>Where an earlier process came to; null for a run from the start.</summary>
    public ResumePoint? Resume { get; init; }

    /// <summary>What that process had done.</summary>
    public RunSums Earlier { get; init; }

    /// <summary>Runs the fleet.</summary>
    /// <returns>How it ended.</returns>
    public ExitCode Run()
    {
        Stopwatch elapsed = Stopwatch.StartNew();
        try
        {
            FleetResult result = RunFleet(tellStory: !AsJson && Plan.Scenario.Machines == 1);
            if (result.Failure is { } failure and not SpillException)
            {
                ExceptionDispatchInfo.Throw(failure);
            }

            Recording?.Close(result);
            return Report(result, elapsed.Elapsed);
        }
        catch (Exception thrown) when (Recording is not null && StorageFailure.Of(thrown) is not null)
        {
            return GiveUp(StorageFailure.Of(thrown)!, Recording);
        }
    }

    private ExitCode Report(FleetResult result, TimeSpan elapsed)
    {
        RunSummary summary = SummaryOf(result, elapsed);
        if (AsJson)
        {
            summary.WriteJson(Terminal);
        }
        else
        {
            summary.WriteTable(Terminal);
        }

        return Conclude(result);
    }

    private FleetResult RunFleet(bool tellStory)
    {
        if (tellStory)
        {
            // A story is its own progress: a live bar would overwrite its lines.
            return Choice.Engine.Run(Request(new RunStory(Terminal).Tell));
        }

        long left = ((long)Plan.Scenario.Machines * (Plan.Scenario.Kexecs + 1L)) - Earlier.Generations;
        return RunProgress.Track(Terminal, $"run {Plan.Scenario.Name}", "generations", left, progress =>
            Choice.Engine.Run(Request(_ => progress.Advance(1))));

        EngineRequest Request(Action<GenerationReport> generationDone) => new()
        {
            Plan = Plan,
            Order = Choice.Order,
            Cluster = Choice.Cluster,
            Facts = Choice.Cluster.Run is null ? Facts : null,
            RunBegun = KeptAs,
            Options = new FleetOptions
            {
                Workers = Math.Min(Workers, Plan.Scenario.Machines),
                KeepLogs = tellStory,
                StopRequested = () => Terminal.Interrupted.IsCancellationRequested,
                GenerationDone = (_, report) => generationDone(report),
                Recorder = Recording?.Recorder,
                RecordOrder = RecordOrder,
                Resume = Resume,
                HibernatedBytesMax = HibernatedBytesMax,
            },
        };
    }

    private RunLines? Lines => Recording?.Lines ?? _kept;

    private void KeptAs(int number)
    {
        string history = HistoryStores.WithoutPassword(Choice.Cluster.Store!);
        _kept = new RunLines(number, history, [.. Facts!.ClientAssemblies.Select(static assembly => assembly.Path)])
        {
            Order = Facts.OrderIsRecorded && Choice.Engine.Orders.Count > 1 ? EngineOptions.WordOf(Choice.Order) : null,
        };
        Terminal.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"run {number} in {history}"));
    }

    private ExitCode GiveUp(StorageFailure failure, RecordingRun recording)
    {
        Terminal.Complain(Terminal.Printable(failure.Sentence));
        Terminal.Complain(failure switch
        {
            { ExitCode: ExitCode.Diverged } => $"the same seed and model gave another record; see where with: {recording.Lines.Verify}",
            { IsDamage: true } => $"run {recording.Number} cannot be continued past the damage. Run it again from its start with: {Reproduce}",
            _ => $"run {recording.Number} has not ended; what is recorded stays. When that is mended, continue it with: {recording.Lines.Resume}",
        });
        return failure.ExitCode;
    }

    private ExitCode Conclude(FleetResult result)
    {
        RunVerdict.TellViolations(Terminal, result.Violations, result.ViolationCount);
        foreach (string warning in result.Warnings)
        {
            Terminal.Complain(Terminal.Printable(warning));
        }

        foreach (string defect in result.Defects)
        {
            Terminal.Complain($"simulator defect; please report it: {defect}");
        }

        if (result.FirstDifference is { } difference)
        {
            Terminal.Complain(Terminal.Printable($"not as recorded, {result.DifferingMachines} of the machines that were continued: {difference}"));
        }

        if (result.Defects.Count > 0 || result.FirstDifference is not null)
        {
            Terminal.Error.WriteLine($"reproduce: {Reproduce}");
            return result.Defects.Count > 0 ? ExitCode.Defect : ExitCode.Diverged;
        }

        if (result.ViolationCount > 0)
        {
            TellWhereToLook(result.Violations);
        }

        if (result.Failure is { } failure)
        {
            Terminal.Complain(Terminal.Printable($"{failure.Message}; {HowToGoOn} and more --memory"));
            return ExitCode.StoreFailure;
        }

        if (result.Interrupted)
        {
            Terminal.Complain($"interrupted; {HowToGoOn}");
            return ExitCode.Interrupted;
        }

        return RunVerdict.Of(result.ViolationCount, result.Kexecs);
    }

    private string HowToGoOn => Lines is { } saved
        ? $"run {saved.Number} is saved. Continue it with: {saved.Resume}"
        : $"the figures are of what was done until then. Run it again from its start with: {Reproduce}";

    private void TellWhereToLook(IReadOnlyList<MachineViolation> violations)
    {
        if (Lines is { } recorded && violations.Count > 0)
        {
            Terminal.Error.WriteLine($"replay: {recorded.Replay(violations[0].Machine, violations[0].Violation.Generation)}");
        }

        Terminal.Error.WriteLine($"reproduce: {Reproduce}");
    }

    private RunSummary SummaryOf(FleetResult result, TimeSpan elapsed)
    {
        using Process self = Process.GetCurrentProcess();
        return new RunSummary
        {
            Run = Lines?.Number ?? string.Empty,
            History = Lines?.Address ?? string.Empty,
            Scenario = Plan.Scenario.Name,
            Seed = Plan.Seed,
            Engine = Choice.Engine.Name,
            Machines = result.Machines,
            AlivePeak = result.AlivePeak,
            Kexecs = result.Kexecs,
            EarlierKexecs = Earlier.Kexecs,
            ColdBoots = result.ColdBoots,
            Messages = (long)result.Messages,
            EarlierMessages = (long)Earlier.Messages,
            Operations = result.Operations,
            FaultsInjected = 0,
            Violations = result.ViolationCount,
            Outcomes = result.Outcomes,
            Transitions = TransitionSummary.Of(result.Transitions),
            Elapsed = elapsed,
            PeakRssBytes = self.PeakWorkingSet64,
            HistoryBytes = Recording?.BytesAdded ?? 0,
            Digest = result.Interrupted ? string.Empty : result.Digest,
        };
    }
}
