using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Fleet;

/// <summary>What the workers of a replay share: what is asked for, and the digests of machines that came to their end.</summary>
internal sealed class ReplayCourse(FleetPlan plan, FleetReplayOptions options, Func<int, IEnumerable<SliceRecord>> recordsOf)
{
    private readonly Gate _gate = new();
    private readonly byte[] _digests = new byte[(options.Machine is null ? plan.Scenario.Machines : 1) * DigestChain.LinkBytes];
    private HistoryUnavailableException? _failure;

    /// <summary>The fleet.</summary>
    public FleetPlan Plan => plan;

    /// <summary>What is asked for.</summary>
    public FleetReplayOptions Options => options;

    /// <summary>Whether the replay ends now.</summary>
    public bool IsStopped
    {
        get
        {
            if (options.StopRequested())
            {
                return true;
            }

            using (_gate.Enter())
            {
                return _failure is not null;
            }
        }
    }

    /// <summary>The records of a machine.</summary>
    public IEnumerable<SliceRecord> RecordsOf(int machine) => recordsOf(machine);

    /// <summary>Ends the replay: nobody can read records any more.</summary>
    public void Fail(HistoryUnavailableException failure)
    {
        using (_gate.Enter())
        {
            _failure ??= failure;
        }
    }

    /// <summary>Keeps a machine's digest.</summary>
    /// <param name="piece">Number of the piece of work, which is the machine's when all are replayed.</param>
    /// <param name="digest">The digest after the last generation that was compared.</param>
    public void Keep(int piece, ReadOnlySpan<byte> digest) => digest.CopyTo(_digests.AsSpan(piece * DigestChain.LinkBytes));

    /// <summary>Puts together what the workers found.</summary>
    public FleetReplayResult Conclude(IReadOnlyList<ReplayWorker> workers)
    {
        if (_failure is not null)
        {
            throw _failure;
        }

        FleetResult sums = new() { Machines = options.Machine is null ? plan.Scenario.Machines : 1 };
        List<string> damage = [];
        int held = 0, atEnd = 0, withoutRecord = 0;
        foreach (ReplayWorker worker in workers)
        {
            sums.Add(worker.Result);
            damage.AddRange(worker.Damage);
            held += worker.MachinesHeld;
            atEnd += worker.MachinesAtEnd;
            withoutRecord += worker.MachinesWithoutRecord;
        }

        sums.Defects.Sort(StringComparer.Ordinal);
        damage.Sort(StringComparer.Ordinal);
        sums.Interrupted = held + withoutRecord + damage.Count + sums.DifferingMachines + sums.Defects.Count < sums.Machines;
        if (atEnd == plan.Scenario.Machines)
        {
            Span<byte> digest = stackalloc byte[DigestChain.LinkBytes];
            DigestChain.Fleet(_digests, digest);
            sums.Digest = Convert.ToHexStringLower(digest);
        }

        return new FleetReplayResult
        {
            Sums = sums,
            MachinesHeld = held,
            MachinesWithoutRecord = withoutRecord,
            Damage = [.. damage.Select(static each => each[(each.IndexOf('\n', StringComparison.Ordinal) + 1)..])],
            MachineDigest = options.Machine is not null && sums.Generations > 0 ? Convert.ToHexStringLower(_digests) : string.Empty,
        };
    }
}

/// <summary>What one worker needs to replay machine after machine.</summary>
internal sealed class ReplayWorker(ReplayCourse course) : IWorker, IDisposable
{
    private readonly Machine _machine = new();

    /// <summary>Sums over what it replayed.</summary>
    public FleetResult Result { get; } = new();

    /// <summary>What is damaged: the machine's number to sort by, a line break, the sentence.</summary>
    public List<string> Damage { get; } = [];

    /// <summary>Machines without a difference, as far as they were to be replayed.</summary>
    public int MachinesHeld { get; private set; }

    /// <summary>Those of them that came to the end of their chain.</summary>
    public int MachinesAtEnd { get; private set; }

    /// <summary>Machines of which nothing is recorded.</summary>
    public int MachinesWithoutRecord { get; private set; }

    public void Work(int number)
    {
        int machine = course.Options.Machine ?? number;
        if (course.IsStopped)
        {
            return;
        }

        try
        {
            Replay(machine, piece: number);
        }
        catch (HistoryDamageException damage)
        {
            Damage.Add($"{machine:d8}\n{damage.Message}");
        }
        catch (HistoryUnavailableException failure)
        {
            course.Fail(failure);
        }
        catch (Exception defect) when (defect is not OutOfMemoryException)
        {
            Result.Defects.Add(SliceWorker.DefectOf(machine, defect));
        }
    }

    public void Dispose() => _machine.Dispose();

    private void Replay(int machine, int piece)
    {
        int compared = 0;
        bool isStopped = false;
        FleetReplayOptions options = course.Options;
        ReplayDifference? difference = MachineReplay.Run(_machine, course.Plan, course.RecordsOf(machine), new MachineReplayOptions
        {
            EndGeneration = options.ToGeneration + 1,
            KeepLogs = options.KeepLogs,
            StopRequested = () => isStopped = course.IsStopped,
            GenerationDone = report =>
            {
                compared++;
                Result.Add(machine, report);
                course.Keep(piece, _machine.Digest);
                options.GenerationDone?.Invoke(machine, report);
            },
        });
        if (difference is not null)
        {
            Result.Add(difference);
        }
        else if (compared == 0 && !isStopped)
        {
            MachinesWithoutRecord++;
        }
        else if (!isStopped)
        {
            MachinesHeld++;
            MachinesAtEnd += compared == course.Plan.Scenario.Kexecs + 1 ? 1 : 0;
        }
    }
}
