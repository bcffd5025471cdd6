namespace KhoActors.Nodes.History;

/// <summary>What every batch must be, for every kind of database: the caller's mistakes are found before anything is written.</summary>
internal static class BatchRules
{
    /// <summary>Checks what needs no look into the history.</summary>
    /// <param name="facts">The run's facts.</param>
    /// <param name="batch">The batch.</param>
    /// <exception cref="ArgumentException">A slice is not aligned or not complete, a machine is none of the fleet, a value is too long.</exception>
    public static void Check(RunFacts facts, HistoryBatch batch)
    {
        foreach (EncodedSlice slice in batch.Slices)
        {
            Check(facts, slice);
        }

        foreach (MachineCheckpoint checkpoint in batch.Checkpoints)
        {
            Require(IsMachine(facts, checkpoint.Machine), $"the run has no machine {checkpoint.Machine}");
            Require(checkpoint.NextGeneration > 0 && checkpoint.NextGeneration <= facts.Kexecs, $"machine {checkpoint.Machine} has no jump before generation {checkpoint.NextGeneration}");
            Require(checkpoint.Snapshot.Length is > 0 and <= HistoryLimits.SnapshotBytes, $"a checkpoint of {checkpoint.Snapshot.Length} bytes");
        }

        foreach (int machine in batch.FinishedMachines)
        {
            Require(IsMachine(facts, machine), $"the run has no machine {machine}");
        }
    }

    /// <summary>First generation of the slice that a machine's last generation is in.</summary>
    public static int LastSlice(RunFacts facts) => facts.Kexecs / facts.SliceGenerations * facts.SliceGenerations;

    /// <summary>How many generations a slice has that begins there.</summary>
    public static int GenerationsOf(RunFacts facts, int firstGeneration) => Math.Min(facts.SliceGenerations, facts.Kexecs + 1 - firstGeneration);

    /// <summary>Whether a slice may begin there.</summary>
    public static bool IsSlice(RunFacts facts, int firstGeneration) =>
        firstGeneration >= 0 && firstGeneration <= facts.Kexecs && firstGeneration % facts.SliceGenerations == 0;

    /// <summary>Whether the fleet has such a machine.</summary>
    public static bool IsMachine(RunFacts facts, int machine) => machine >= 0 && machine < facts.Machines;

    private static void Check(RunFacts facts, EncodedSlice slice)
    {
        SliceRecord record = slice.Record;
        Require(IsMachine(facts, record.Machine), $"the run has no machine {record.Machine}");
        Require(
            IsSlice(facts, record.FirstGeneration) && record.Generations.Count == GenerationsOf(facts, record.FirstGeneration),
            $"generations {record.FirstGeneration} to {record.EndGeneration - 1} of machine {record.Machine} are no whole slice of {facts.SliceGenerations}");
        Require(record.Generations[^1].Digest.Length == HistoryLimits.DigestBytes, $"a digest of {record.Generations[^1].Digest.Length} bytes");
        Require(
            record.Generations.All(each => each.Report.Violations.All(violation => violation.Generation == each.Report.Generation)),
            $"machine {record.Machine} reports a violation of another generation");
        Require(slice.Encoded.Length is > 0 and <= HistoryLimits.RecordBytes, $"a record of {slice.Encoded.Length} bytes");
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new ArgumentException(otherwise);
        }
    }
}
