using KhoActors.Nodes.Tests.Machines;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Poc;

namespace KhoActors.Nodes.Tests.Tmpfs;

/// <summary>The proof of concept of 2024 on real boots: through kernels of several versions, and where it crashes one.</summary>
public class PocLifeCycleTests
{
    private const string Nokaslr = TmpfsBench.CommandLine + " nokaslr";

    [Theory]
    [InlineData("7.1.13-debug", "7.1.13", "7.1.13-debug")]
    [InlineData("7.2.13", "7.3-rc7", "7.3-rc7-debug", "7.2.13")]
    public void TF1_FilesComeOverThroughKernelsOfOneGeneration(string first, params string[] later)
    {
        TmpfsBench bench = new(build: MachineBench.Kernel(first), commandLine: Nokaslr, client: TmpfsPocActor.Client);
        Assert.Equal(0, bench.Mount("data", "kho=test,size=1M"));
        Assert.Equal(0, bench.Call(TmpfsProtocol.MakeDirectory, "/data/dir", 0x1ED).Code);
        bench.Create("/data/dir/big");
        Assert.Equal(0, bench.Write("/data/dir/big", seed: 5, offset: 100, bytes: 200_000));
        KernelResult found = bench.Call(TmpfsProtocol.Stat, "/data/dir/big");
        (ulong, ulong) content = bench.Read("/data/dir/big");

        foreach (string kernel in later)
        {
            bench.Kexec(MachineBench.Kernel(kernel), commandLine: Nokaslr);
            Assert.Equal(0, bench.Mount("data", "kho=test"));
            Assert.Equal(content, bench.Read("/data/dir/big"));
            Assert.Equal(found, bench.Call(TmpfsProtocol.Stat, "/data/dir/big"));
            bench.Put($"/data/{kernel}", kernel);
            Assert.DoesNotContain(bench.Kernel.Log.Lines, line => line.Text.StartsWith("WARNING", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Without_nokaslr_the_mount_crashes_the_kernel_and_not_the_simulator()
    {
        TmpfsBench bench = new(client: TmpfsPocActor.Client);
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Put("/data/file", "content");
        bench.Kexec();

        uint mount = bench.Ask(TmpfsProtocol.Mount, "data\0kho=test");
        bench.Run();

        Assert.Null(bench.AnswerTo(mount));
        Assert.StartsWith("BUG: unable to handle page fault for address: ffff", bench.Oops, StringComparison.Ordinal);
    }

    [Fact]
    public void L6_AWriteToWhatWasNotHandedOver_IsAViolationOfPageOwnership()
    {
        TmpfsBench bench = new(commandLine: Nokaslr, client: TmpfsPocActor.Client);
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Create("/data/file");
        Assert.Equal(0, bench.Call(TmpfsProtocol.FreezeNow).Code);
        Assert.Equal(0, bench.Write("/data/file", seed: 5, offset: 0, bytes: 4096));
        bench.Kexec(commandLine: Nokaslr);
        Assert.Equal(0, bench.Mount("data", "kho=test"));

        uint write = bench.Ask(TmpfsProtocol.Write, "/data/file", 0, 10, 6);
        bench.Run();

        Assert.Null(bench.AnswerTo(write));
        Assert.Contains("is written by client 1, its owner is", bench.Oops, StringComparison.Ordinal);
    }

    [Fact]
    public void The_two_layouts_do_not_find_each_others_data()
    {
        TmpfsBench bench = new(commandLine: Nokaslr, client: TmpfsPocActor.Client);
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Put("/data/file", "content");
        bench.NextClient = TmpfsActor.Client;
        bench.Kexec(commandLine: Nokaslr);
        Assert.Equal(-Errno.ENOENT, bench.Mount("data", "kho=test,kho_must"));
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Put("/data/ours", "content");
        bench.NextClient = TmpfsPocActor.Client;
        bench.Kexec(commandLine: Nokaslr);

        Assert.Equal(0, bench.Mount("data", "kho=test"));
        Assert.Equal(-Errno.ENOENT, bench.Call(TmpfsProtocol.Stat, "/data/file").Code);
        Assert.Equal(-Errno.ENOENT, bench.Call(TmpfsProtocol.Stat, "/data/ours").Code);
    }
}
