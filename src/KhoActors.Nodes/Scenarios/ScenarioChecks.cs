using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Scenarios;

/// <summary>What must hold between the fields of a scenario.</summary>
internal static class ScenarioChecks
{
    private const ulong HighestAddress = 1UL << 52;
    private const int MostNodes = 1024;

    // What deriving a memory map costs grows with variants, sections and node ranges: a file must not make it cost minutes.
    private const int MostVariants = 64;
    private const int MostRanges = 128;
    private const ulong PageMask = 0xfff;

    public static void Check(Scenario scenario, CrossChecks checks)
    {
        checks.Require(CrossChecks.IsName(scenario.Name), "name", CrossChecks.NameRule);
        CheckChains(scenario, checks);
        CheckCommandLines(scenario, checks);
        CheckWorkload(scenario.Workload, checks);
        checks.Require(scenario.Hardware.Count > 0, "hardware", "the list is empty; give at least one kind of hardware");
        checks.Require(scenario.Hardware.Count <= MostVariants, "hardware", $"the list has {scenario.Hardware.Count} items, accepted: at most {MostVariants}");
        for (int i = 0; i < scenario.Hardware.Count; i++)
        {
            CheckHardware(scenario.Hardware[i], $"hardware[{i}]", checks);
        }

        checks.Require(
            scenario.Kexec.PanicWithoutHandoverPartsPerMillion + scenario.Kexec.ColdBootPartsPerMillion
                + scenario.Kexec.EmergencyRestartPartsPerMillion <= 1_000_000,
            "kexec",
            "the chances of panic_without_handover, cold_boot and emergency_restart add up to more than 100 %");
    }

    /// <summary>Whether every kernel can be loaded at all: its image at the bottom and the initial RAM disk at the top of low RAM.</summary>
    public static void CheckFit(ResolvedScenario resolved, CrossChecks checks)
    {
        for (int i = 0; i < resolved.Scenario.Hardware.Count; i++)
        {
            ulong end = resolved.Scenario.Hardware[i].ToMachineHardware().ToMemoryMap().LowRamEnd();
            foreach (KernelBuild kernel in resolved.Kernels)
            {
                ulong initrd = Math.Max(kernel.InitrdBytes, kernel.ColdInitrdBytes ?? 0);
                ulong needed = Math.Max(kernel.ImageReservedBytes + kernel.BrkBytes, kernel.ImageInitSizeBytes) + initrd;
                checks.Require(
                    kernel.ImagePreferredAddress <= end && needed <= end - kernel.ImagePreferredAddress,
                    $"hardware[{i}]",
                    $"kernel {kernel.Name} does not fit: its image begins at 0x{kernel.ImagePreferredAddress:x} "
                    + $"and needs {needed} bytes with its initial RAM disk, "
                    + $"but RAM below 4 GiB ends at 0x{end:x}");
            }
        }
    }

    private static void CheckChains(Scenario scenario, CrossChecks checks)
    {
        checks.Require(scenario.Kernels.Count > 0 || scenario.KernelChains.Count > 0, "", "the key 'kernels' or 'kernel_chains' is missing or empty");
        checks.Require(scenario.Kernels.Count == 0 || scenario.KernelChains.Count == 0, "kernel_chains", "give 'kernels' or 'kernel_chains', not both");
        for (int i = 0; i < scenario.KernelChains.Count; i++)
        {
            checks.Require(scenario.KernelChains[i].Kernels.Count > 0, $"kernel_chains[{i}].kernels", "the list is empty; give at least one kernel");
        }

        foreach ((string path, string name) in ScenarioFile.KernelNames(scenario))
        {
            checks.Require(CrossChecks.IsName(name), path, CrossChecks.NameRule);
        }
    }

    private static void CheckCommandLines(Scenario scenario, CrossChecks checks)
    {
        checks.Require(scenario.CommandLines.Count > 0, "command_line", "the list is empty; give at least one command line");
        for (int i = 0; i < scenario.CommandLines.Count; i++)
        {
            checks.Require(scenario.CommandLines[i].All(char.IsAscii), $"command_line[{i}]", "a command line consists of ASCII characters");
        }
    }

    private static void CheckWorkload(Workload workload, CrossChecks checks) =>
        checks.Require(
            workload.OperationsPerKexec + workload.OperationsAfterLoad == 0 || workload.Mix.Weights.Any(weight => weight > 0)
                || workload.Mix.ClientOperations.Any(operation => operation.Weight > 0),
            "workload.mix",
            "every weight is 0, so that no operation can be chosen (a mix is complete: what it does not name has weight 0)");

    /// <summary>Whether every operation of a mix is one of the workload or of a client's user program.</summary>
    public static void CheckOperations(OperationMix mix, IReadOnlyList<KhoClient> clients, CrossChecks checks)
    {
        if (mix.ClientOperations.Count == 0)
        {
            return;
        }

        string[] ofClients = [.. clients.SelectMany(client => client.UserProgram?.Invoke().Operations ?? []).Distinct()];
        string[] accepted = [.. RecordShape.Of(typeof(OperationMix)).Keys, .. ofClients];
        string known = clients.Count == 0 ? "no kernel of this scenario has clients" : $"clients: {string.Join(", ", clients.Select(client => client.Name))}";
        foreach (NamedWeight operation in mix.ClientOperations)
        {
            checks.Require(
                ofClients.Contains(operation.Name),
                $"workload.mix.{operation.Name}",
                $"no operation {ConfigScalar.Quote(operation.Name)}; {NameSuggestion.For(operation.Name, accepted)} ({known})");
        }
    }

    private static void CheckHardware(HardwareVariant variant, string path, CrossChecks checks)
    {
        int descriptions = (variant.MemoryBytes is null ? 0 : 1) + (variant.NodeBytes.Count > 0 ? 1 : 0) + (variant.MemoryMap.Count > 0 ? 1 : 0);
        checks.Require(descriptions == 1, path, "exactly one of 'memory', 'nodes' and 'memory_map' describes the memory");
        checks.Require(
            (variant.MemoryBytes ?? 0) % MachineHardware.GranularityBytes == 0, $"{path}.memory", "the size must be a multiple of 1 MiB");
        CheckNodes(variant.NodeBytes, $"{path}.nodes", checks);
        checks.Require(variant.NumaRanges.Count == 0 || variant.MemoryMap.Count > 0, $"{path}.numa_ranges", "node ranges need a 'memory_map'");
        checks.Require(
            variant.MemoryMap.Count <= MostRanges,
            $"{path}.memory_map",
            $"the list has {variant.MemoryMap.Count} items, accepted: at most {MostRanges}");
        checks.Require(
            variant.NumaRanges.Count <= MostRanges,
            $"{path}.numa_ranges",
            $"the list has {variant.NumaRanges.Count} items, accepted: at most {MostRanges}");
        CheckMap(variant.MemoryMap, $"{path}.memory_map", checks);
        ulong end = 0;
        for (int i = 0; i < variant.NumaRanges.Count; i++)
        {
            NodeRange range = variant.NumaRanges[i];
            CheckRange(range.Start, range.End, ref end, $"{path}.numa_ranges[{i}]", checks);
            checks.Require(range.Node is >= 0 and < MostNodes, $"{path}.numa_ranges[{i}].node", $"found {range.Node}, accepted: from 0 to {MostNodes - 1}");
            checks.Require(((range.Start | range.End) & PageMask) == 0, $"{path}.numa_ranges[{i}]", "a node range begins and ends at a page border");
        }
    }

    private static void CheckNodes(IReadOnlyList<ulong> nodes, string path, CrossChecks checks)
    {
        ulong total = 0;
        for (int i = 0; i < nodes.Count; i++)
        {
            checks.Require(nodes[i] % MachineHardware.GranularityBytes == 0, $"{path}[{i}]", "the size must be a multiple of 1 MiB");
            total += nodes[i];
        }

        if (nodes.Count > 0)
        {
            checks.Require(nodes.Count <= MostNodes, path, $"a machine has at most {MostNodes} nodes");
            checks.Require(nodes[0] >= 2 * MachineHardware.GranularityBytes, $"{path}[0]", "node 0 holds the first MiB and needs at least 2 MiB");
            checks.Require(
                total is >= MachineHardware.MinimumMemoryBytes and <= MachineHardware.MaximumMemoryBytes,
                path,
                "the nodes together must have from 16 MiB to 32 TiB");
        }
    }

    private static void CheckMap(IReadOnlyList<FirmwareRange> map, string path, CrossChecks checks)
    {
        ulong end = 0;
        ulong ram = 0;
        for (int i = 0; i < map.Count; i++)
        {
            CheckRange(map[i].Start, map[i].End, ref end, $"{path}[{i}]", checks);
            ram += map[i].Kind == FirmwareRangeKind.Ram ? map[i].End - map[i].Start : 0;
        }

        checks.Require(
            map.Count == 0 || ram is >= MachineHardware.MinimumMemoryBytes and <= MachineHardware.MaximumMemoryBytes,
            path,
            $"the entries of kind ram have {ram} bytes together, accepted: from 16 MiB to 32 TiB");
    }

    private static void CheckRange(ulong start, ulong rangeEnd, ref ulong previousEnd, string path, CrossChecks checks)
    {
        checks.Require(start < rangeEnd, path, $"start 0x{start:x} is not below end 0x{rangeEnd:x}");
        checks.Require(rangeEnd <= HighestAddress, path, "physical addresses have at most 52 bits");
        checks.Require(start >= previousEnd, path, $"start 0x{start:x} lies below 0x{previousEnd:x}, where the entry before it ends; entries ascend");
        previousEnd = Math.Max(previousEnd, rangeEnd);
    }
}
