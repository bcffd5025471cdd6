using KhoActors.Nodes.History;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Fleet;

/// <summary>
/// Sums of a fleet whose slices arrive from elsewhere: in any order of machines, each perhaps more than once. For engines that carry machines
/// outside of this process; used by one thread at a time.
/// </summary>
public sealed class FleetTally
{
    private readonly FleetPlan _plan;
    private readonly FleetResult _sums = new();
    private readonly int[] _next;
    private readonly bool[] _isOut;
    private readonly byte[] _digests;

    /// <summary>Nothing was done yet.</summary>
    /// <param name="plan">The fleet.</param>
    public FleetTally(FleetPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        _plan = plan;
        Open = plan.Scenario.Machines;
        _next = new int[Open];
        _isOut = new bool[Open];
        _digests = new byte[Open * DigestChain.LinkBytes];
    }

    /// <summary>Machines that can still go on.</summary>
    public int Open { get; private set; }

    private int Generations => _plan.Scenario.Kexecs + 1;

    /// <summary>The generation that a machine boots next, as far as its slices are counted.</summary>
    /// <param name="machine">Its number.</param>
    /// <returns>The generation.</returns>
    public int NextOf(int machine) => _next[machine];

    /// <summary>Whether a machine can still go on: it is neither at the end of its chain nor taken out.</summary>
    /// <param name="machine">Its number.</param>
    /// <returns>Whether it can.</returns>
    public bool CanGoOn(int machine) => _next[machine] < Generations && !_isOut[machine];

    /// <summary>Counts a slice, once.</summary>
    /// <param name="slice">The slice.</param>
    /// <returns>False when it was counted before, or its machine was taken out.</returns>
    /// <exception cref="ArgumentException">The fleet has no such machine or generation, or the slice before it is missing.</exception>
    public bool Add(SliceRecord slice)
    {
        ArgumentNullException.ThrowIfNull(slice);
        int machine = slice.Machine;
        if (machine < 0 || machine >= _next.Length || slice.EndGeneration > Generations)
        {
            throw new ArgumentException($"machine {machine}, generations to {slice.EndGeneration - 1}: the fleet has no such", nameof(slice));
        }

        if (slice.EndGeneration <= _next[machine] || _isOut[machine])
        {
            return false;
        }

        if (slice.FirstGeneration != _next[machine])
        {
            throw new ArgumentException(
                $"machine {machine}, generations from {slice.FirstGeneration}: those from {_next[machine]} are expected", nameof(slice));
        }

        foreach (GenerationRecord generation in slice.Generations)
        {
            _sums.Add(machine, generation.Report);
        }

        slice.Generations[^1].Digest.CopyTo(_digests.AsMemory(machine * DigestChain.LinkBytes, DigestChain.LinkBytes));
        _next[machine] = slice.EndGeneration;
        Open -= slice.EndGeneration == Generations ? 1 : 0;
        return true;
    }

    /// <summary>A machine goes no further: the simulator failed. Only the first reason counts.</summary>
    /// <param name="machine">Its number.</param>
    /// <param name="defect">What failed, as <see cref="DefectOf"/> says it.</param>
    public void TakeOut(int machine, string defect)
    {
        if (Close(machine))
        {
            _sums.Defects.Add(defect);
        }
    }

    /// <summary>A machine goes no further: its replay differs from its record. Only the first reason counts.</summary>
    /// <param name="difference">The difference.</param>
    public void TakeOut(ReplayDifference difference)
    {
        ArgumentNullException.ThrowIfNull(difference);
        if (Close(difference.Machine))
        {
            _sums.Add(difference);
        }
    }

    /// <summary>Notes what did not go as it should and changes no result.</summary>
    /// <param name="warning">One sentence that names the machine first.</param>
    public void Warn(string warning) => _sums.Warnings.Add(warning);

    /// <summary>The sentence that results have for a failure of the simulator: where a machine is carried it is known best.</summary>
    /// <param name="machine">The machine's number.</param>
    /// <param name="defect">What was thrown.</param>
    /// <returns>The sentence, with seed path and delivery where they are known.</returns>
    public static string DefectOf(int machine, Exception defect)
    {
        ArgumentNullException.ThrowIfNull(defect);
        return SliceWorker.DefectOf(machine, defect);
    }

    /// <summary>What the fleet did so far. May be asked again.</summary>
    /// <param name="alivePeak">The most machines that were alive at one time.</param>
    /// <param name="failure">Why the run stopped by itself before its end, or null.</param>
    /// <returns>The result; interrupted when machines could go on and nothing failed.</returns>
    public FleetResult Conclude(int alivePeak, Exception? failure = null)
    {
        FleetResult result = new() { Machines = _next.Length, AlivePeak = alivePeak, Failure = failure };
        result.Add(_sums);
        result.Interrupted = Open > 0 && failure is null;
        if (Open == 0)
        {
            Span<byte> digest = stackalloc byte[DigestChain.LinkBytes];
            DigestChain.Fleet(_digests, digest);
            result.Digest = Convert.ToHexStringLower(digest);
        }

        result.Defects.Sort(StringComparer.Ordinal);
        result.Warnings.Sort(StringComparer.Ordinal);
        return result;
    }

    private bool Close(int machine)
    {
        if (!CanGoOn(machine))
        {
            return false;
        }

        _isOut[machine] = true;
        Open--;
        return true;
    }
}
