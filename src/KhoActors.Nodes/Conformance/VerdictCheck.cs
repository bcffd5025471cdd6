using KhoActors.Subsystems;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// What the next kernel says about the memory that it received, where that kernel itself cannot be booted yet (kho-v1): accepting the
/// hand-off and reviving regions need neither its tracker nor its early allocations. Kernels of 7.x are booted whole by <see cref="BootCheck"/>.
/// </summary>
internal static class VerdictCheck
{
    // Up to 6.18 the line goes on; the rest says nothing about the hand-off.
    private const string OldRemark = " Will skip init for some devices";

    /// <summary>Checks the next generation's lines.</summary>
    /// <returns>The result, or null when the next kernel is booted whole, left no log, or received nothing.</returns>
    public static CaseResult? Run(CaptureGeneration generation)
    {
        if (generation.Next is not { HasLog: true, Description.Incoming: { } incoming } next || !generation.HasPages || !next.Release.IsBefore(7, 0))
        {
            return null;
        }

        Differences differences = new();
        LogLine[] real = [.. BootLines.Of(next.ReadLog().Lines).Select(WithoutRemark)];
        differences.Lists("lines", real, BootLines.Of(Predict(next, generation.ReadMemory(), incoming.Handoff).Lines));
        return differences.Result($"{generation.Name} verdict");
    }

    private static KernelLog Predict(CaptureGeneration next, PhysicalMemory memory, in KhoHandoff handoff)
    {
        KernelLog log = new();
        KernelBuild build = BuildOf(next);
        MemblockAllocator memblock = new();
        foreach (FirmwareRange ram in next.ReadMemoryMap().Ram)
        {
            memblock.Add(ram.Start, ram.End - ram.Start);
        }

        string commandLine = next.ReadCommandLine();
        KhoIncoming? incoming = KhoIncoming.Populate(memory, memblock, new ScratchAreas(), build, handoff, log);
        KhoOptions.Parse(commandLine, build, log);

        // Where a fresh region lands does not show in these lines: any RAM will do.
        memblock.ScratchOnly = false;
        ReserveMem table = new();
        BootOptions options = new(commandLine);
        while (options.MoveNext())
        {
            if (options.HasValue && options.Is("reserve_mem"))
            {
                table.Handle(options.Value, memory, memblock, build, incoming, log);
            }
        }

        return log;
    }

    private static LogLine WithoutRemark(LogLine line) =>
        line.Text == BootLines.Found + OldRemark ? line with { Text = BootLines.Found } : line;

    /// <summary>What of a kho-v1 kernel shows in these lines.</summary>
    private static KernelBuild BuildOf(CaptureGeneration next) => new()
    {
        Name = "kho-v1",
        Summary = "a captured kho-v1 kernel",
        Release = next.Description.KernelBuild,
        Abi = KhoAbi.V1,
        ScratchSizesRounded = false,
        MemparseBareSuffix = true,
        ReserveMemLogsErrors = false,
        RevivalLineHasErrno = true,
    };
}
