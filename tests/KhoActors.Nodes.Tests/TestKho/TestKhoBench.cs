using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.TestKho;

namespace KhoActors.Nodes.Tests.TestKho;

/// <summary>A machine whose first kernel has saved and jumped, and what its second kernel says after the test damaged its RAM.</summary>
internal sealed class TestKhoBench : IDisposable
{
    private readonly MachineSpec _spec;

    public TestKhoBench(string commandLine = "kho=on test_kho.max_mem=256K", string secondCommandLine = "", string kernel = MachineBench.Newest, ulong seed = 7)
    {
        _spec = Scenario(kernel, commandLine, secondCommandLine).SpecOf(seed);
        Machine = MachineBench.AtJump(_spec);
        HandOver = HandOver.Of(Machine, _spec);
    }

    public Machine Machine { get; }

    public HandOver HandOver { get; }

    public PhysicalMemory Memory => Machine.Memory;

    /// <summary>Address of the blob.</summary>
    public ulong BlobPhys => HandOver.Blob(TestKhoFdt.SubtreeName).Phys;

    public TestKhoFdt Blob
    {
        get
        {
            byte[] page = new byte[PageGeometry.SizeBytes];
            Memory.Read(BlobPhys, page);
            Assert.True(TestKhoFdt.TryRead(page, out TestKhoFdt values));
            return values;
        }
    }

    /// <summary>Address of the array's first page: the first entry of the first chunk.</summary>
    public ulong ArrayPhys => Memory.ReadUInt64(Blob.Array.FirstChunkPhys + 8);

    public ulong Entry(int index) => Memory.ReadUInt64(ArrayPhys + ((ulong)index * 8));

    /// <summary>1 GiB and 2 CPUs, as the upstream selftest starts its machine.</summary>
    public static ResolvedScenario Scenario(string kernel, string commandLine, string secondCommandLine = "")
    {
        Scenario scenario = new()
        {
            Name = "selftest",
            Summary = "The upstream selftest",
            Kernels = [kernel],
            Kexecs = 1,
            Clients = kernel.EndsWith("-debug", StringComparison.Ordinal) ? [] : [TestKhoActor.Client.Name],
            CommandLines = secondCommandLine.Length == 0 ? [commandLine] : [commandLine, secondCommandLine],
            Hardware = [new HardwareVariant { MemoryBytes = 1UL << 30, Cpus = 2 }],
            Workload = new Workload { OperationsPerKexec = 0, OperationsAfterLoad = 0 },
        };
        return scenario.Resolve();
    }

    /// <summary>Boots the second kernel from RAM as it is now.</summary>
    public SecondKernel Boot()
    {
        KernelStart start = new()
        {
            Build = _spec.KernelOf(1),
            CommandLine = _spec.Scenario.CommandLineOfGeneration(1),
            Memory = _spec.Memory,
            Cpus = _spec.Memory.Cpus,
            Clients = _spec.ClientsOf(1),
            Source = Machine.NextBoot,
        };
        BootedKernel kernel = new(start, new KernelStorage(Memory));
        Assert.True(kernel.BootEarly());
        kernel.StartPageAllocator();
        SeedPath path = SeedPath.Root(1);
        LocalRuntime runtime = new(path, new SeededScheduler(new RandomStream(path)));
        SecondKernel second = new(kernel);
        kernel.StartActors(runtime, second, client => new RandomStream(path.Child(client.Name)).NextUInt64);
        runtime.RunUntilIdle(1_000_000);
        runtime.Stop(ActorId.Machine, StopKind.Abrupt);
        return second;
    }

    public void Dispose() => Machine.Dispose();
}

/// <summary>The second kernel after its initcalls: what the module's init function returned, and what the log says.</summary>
internal sealed class SecondKernel(BootedKernel kernel) : IActor
{
    private readonly Initcalls _initcalls = new(kernel);

    public BootedKernel Kernel => kernel;

    /// <summary>What module_init returned; null when it did not return.</summary>
    public int? Returned { get; private set; }

    public string? Oops { get; private set; }

    public string[] Lines => [.. kernel.Log.Lines.Select(line => line.ToString()).Where(line => line.Contains("test_kho:", StringComparison.Ordinal))];

    public void Receive(in Delivery delivery, Outbox outbox)
    {
        if (delivery.Message.Kind == RuntimeMessages.Oops)
        {
            Oops = delivery.Message.Text;
            return;
        }

        if (delivery.Message.Kind == MessageKind.Of(TestKhoActor.Client.Actor, ClientProtocol.Init).Reply)
        {
            Returned = KernelResult.From(delivery.Message).Code;
        }

        _initcalls.Receive(delivery, outbox);
    }
}
