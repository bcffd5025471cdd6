using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;

namespace KhoActors.Nodes.Tests.Invariants;

/// <summary>Runs without a planted bug: an oracle that cries here is wrong.</summary>
public class ControlTests
{
    internal static readonly Scenario Mixed = MachineBench.Small() with
    {
        Machines = 200,
        Kexecs = 5,
        Kernels = [],
        KernelChains =
        [
            new KernelChain { Kernels = ["7.3-rc7"] },
            new KernelChain { Kernels = ["7.1.13", "7.2.13", "7.3-rc7"] },
            new KernelChain { Kernels = ["7.2.13", "7.3-rc7-debug"] },
            new KernelChain { Kernels = ["7.1.13", "7.1.13-debug", "7.3-rc7"], AfterLast = AfterLastKernel.Stay },
        ],
        Hardware =
        [
            new HardwareVariant { MemoryBytes = 512UL << 20 },
            new HardwareVariant { NodeBytes = [256UL << 20, 256UL << 20] },
            new HardwareVariant { MemoryBytes = 1UL << 30 },
        ],
        CommandLines = ["kho=on kho_scratch=32M,64M,32M reserve_mem=2M:4096:trace reserve_mem=70000:64:odd"],
        Kexec = new LeavePlan { PanicWithoutHandoverPartsPerMillion = 60_000, ColdBootPartsPerMillion = 60_000 },
        Workload = new Workload { OperationsPerKexec = 50, OperationsAfterLoad = 8, RangePages = new ValueRange(1, 900), FolioOrders = new ValueRange(0, 10) },
    };

    [Fact]
    public void Hundreds_of_machines_without_bugs_keep_every_invariant()
    {
        FleetResult result = FleetRunner.Run(new FleetPlan(Mixed.Resolve(), 20261120), new FleetOptions { Workers = 2 });

        AssertNone(result);
        Assert.True(result.Kexecs > 850 && result.ColdBoots > 200, $"{result.Kexecs} kexecs, {result.ColdBoots} cold boots");
    }

    [Fact]
    public void Machines_that_preserve_vmalloc_areas_among_other_things_keep_every_invariant()
    {
        OperationMix mix = OperationMix.Default with { PreserveVmalloc = 60 };
        Scenario scenario = Mixed with { Machines = 60, Workload = Mixed.Workload with { Mix = mix } };

        FleetResult result = FleetRunner.Run(new FleetPlan(scenario.Resolve(), 20261120), new FleetOptions { Workers = 2 });

        AssertNone(result);
    }

    [Fact]
    public void Operations_that_fail_for_want_of_memory_break_nothing()
    {
        Scenario scenario = MachineBench.Small("7.3-rc7", "7.2.13") with
        {
            Machines = 6,
            Kexecs = 4,
            Hardware = [new HardwareVariant { MemoryBytes = 256UL << 20 }],
            CommandLines = ["kho=on kho_scratch=16M,48M,16M"],
            Workload = new Workload
            {
                OperationsPerKexec = 400,
                MemoryLimitBytes = 1UL << 40,
                FolioOrders = new ValueRange(4, 10),
                Mix = new OperationMix { PreserveFolio = 4, PreservePages = 3, AllocPreserve = 3, PreserveVmalloc = 1 },
            },
        };

        FleetResult result = FleetRunner.Run(new FleetPlan(scenario.Resolve(), 5), new FleetOptions { Workers = 2 });

        AssertNone(result);
        Assert.True(result.FailedRequests > 100, $"{result.FailedRequests} requests failed");
    }

    [Fact]
    public void Command_lines_that_drift_break_nothing()
    {
        Scenario scenario = MachineBench.Small() with
        {
            Machines = 10,
            Kexecs = 6,
            CommandLines =
            [
                "kho=on kho_scratch=32M,64M,32M reserve_mem=2M:4096:trace",
                "kho=on kho_scratch=16M,16M,16M reserve_mem=4M:4096:trace reserve_mem=1M:4096:more",
                "kho=on reserve_mem=2M:2M:trace",
                "kho=off reserve_mem=2M:4096:trace",
            ],
        };

        FleetResult result = FleetRunner.Run(new FleetPlan(scenario.Resolve(), 5), new FleetOptions { Workers = 2 });

        AssertNone(result);
    }

    [Theory]
    [InlineData(3_000UL, "pstore.compress=none")]
    [InlineData(500UL, "pstore.update_ms=1 printk.time=0 pstore_kho.shutdown_replaces_oops=1")]
    public void Machines_with_every_client_keep_every_invariant(ulong intervalTicks, string options)
    {
        string[] operations =
        [
            "pstore_read", "pstore_mount", "pstore_umount", "tmpfs_create", "tmpfs_write", "tmpfs_read", "tmpfs_rename", "tmpfs_link",
            "tmpfs_symlink", "tmpfs_unlink", "tmpfs_mkdir", "tmpfs_rmdir", "tmpfs_truncate", "tmpfs_fallocate", "tmpfs_punch", "tmpfs_map_write",
            "tmpfs_chmod", "tmpfs_mount", "tmpfs_umount", "tmpfs_remount", "tmpfs_freeze_thaw",
        ];
        Scenario scenario = MachineBench.Small("7.3-rc7-lab", "7.3-rc7-lab14") with
        {
            Machines = 30,
            Kexecs = 6,
            CommandLines = [$"kho=on kho_scratch=32M,64M,32M test_kho.max_mem=65536 {options}"],
            Kexec = new LeavePlan { PanicWithoutHandoverPartsPerMillion = 30_000, ColdBootPartsPerMillion = 30_000 },
            Workload = new Workload
            {
                OperationsPerKexec = 40,
                OperationsAfterLoad = 12,
                OperationIntervalTicks = intervalTicks,
                Mix = new OperationMix
                {
                    PreserveFolio = 1, Free = 1, Log = 4, ClearLog = 1, Oops = 1, JumpAndReturn = 1,
                    ClientOperations = [.. operations.Select(static name => new NamedWeight(name, 2))],
                },
            },
        };

        AssertNone(FleetRunner.Run(new FleetPlan(scenario.Resolve(), 20261120), new FleetOptions { Workers = 2 }));
    }

    [Fact]
    public void Every_invariant_of_the_catalogue_has_a_test_that_breaks_it()
    {
        string[] proved =
        [
            InvariantCatalog.HandOverAccepted, InvariantCatalog.PreservedContent, InvariantCatalog.PreservedNotAllocated, InvariantCatalog.RestoreExact,
            InvariantCatalog.SubtreeExact, InvariantCatalog.AllocationDisjoint, InvariantCatalog.ScratchMovable, InvariantCatalog.KexecMetadata,
            InvariantCatalog.KernelAlive, InvariantCatalog.PageOwnership, InvariantCatalog.ReserveMemRevived, InvariantCatalog.VmallocChain,
            InvariantCatalog.ClientCheck, .. OfPstore, .. OfTmpfs,
        ];

        Assert.Equal(InvariantCatalog.All.Select(invariant => invariant.Name).Order(), proved.Order());
    }

    // PlantedPstoreBugTests.
    private static readonly string[] OfPstore =
    [
        InvariantCatalog.PstorePublished, InvariantCatalog.PstoreRecordSound, InvariantCatalog.PstoreRecordKept, InvariantCatalog.PstoreBlobsDisjoint,
        InvariantCatalog.PstoreIncomingUnchanged, InvariantCatalog.PstoreReadingIdempotent, InvariantCatalog.PstoreInitUndone, InvariantCatalog.PstoreHeader,
        InvariantCatalog.PstoreLastLine, InvariantCatalog.PstoreReload, InvariantCatalog.PstoreNoEmptyFile,
    ];

    // PlantedTmpfsBugTests.
    private static readonly string[] OfTmpfs =
    [
        InvariantCatalog.TmpfsPagesPreserved, InvariantCatalog.TmpfsOneOwner, InvariantCatalog.TmpfsTree, InvariantCatalog.TmpfsSums,
        InvariantCatalog.TmpfsContent, InvariantCatalog.TmpfsTail, InvariantCatalog.TmpfsChecksums, InvariantCatalog.TmpfsFrozen,
        InvariantCatalog.TmpfsThaw, InvariantCatalog.TmpfsMountRetry, InvariantCatalog.TmpfsClaim, InvariantCatalog.TmpfsGeneration,
        InvariantCatalog.TmpfsLimits,
    ];

    private static void AssertNone(FleetResult result)
    {
        IEnumerable<string> lines = [.. result.Violations.Select(each => $"machine {each.Machine}: {each.Violation}"), .. result.Defects];
        Assert.True(result.ViolationCount == 0 && result.Defects.Count == 0, string.Join(Environment.NewLine, lines));
    }
}
