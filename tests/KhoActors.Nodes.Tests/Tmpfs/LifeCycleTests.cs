using KhoActors.Subsystems;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Nodes.Tests.Tmpfs;

/// <summary>tmpfs-kho-v1 from kernel to kernel: the fault scenarios of the reference that need no damage (B.11), one by one.</summary>
public class LifeCycleTests
{
    [Fact]
    public void TF1_CreateKexecMountCompare()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test,size=1M"));
        bench.Put("/data/foo", "Test file\n");
        Assert.Equal(0, bench.Call(TmpfsProtocol.MakeDirectory, "/data/dir", 0x1ED).Code);
        bench.Create("/data/dir/big");
        Assert.Equal(0, bench.Write("/data/dir/big", seed: 5, offset: 100, bytes: 20_000));
        (ulong, ulong) foo = bench.Read("/data/foo"), big = bench.Read("/data/dir/big");

        bench.Kexec();

        Assert.Equal(0, bench.Mount("data", "kho=test,kho_must"));
        Assert.Equal(foo, bench.Read("/data/foo"));
        Assert.Equal(big, bench.Read("/data/dir/big"));
        Assert.Equal([$"tmpfs-kho: 1 mounts handed over, generation 1"], bench.TmpfsLines);
    }
}
