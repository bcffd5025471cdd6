using KhoActors.Subsystems.Pstore;

namespace KhoActors.Subsystems.Tests.Pstore;

public class PstoreStoryTests
{
    [Fact]
    public void The_log_of_a_kernel_is_a_file_of_the_next()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.Hardened);
        bench.Log.Write(LogLevel.Info, "hello from generation 0");
        bench.Kexec(PstoreClients.Hardened);
        Assert.Equal("", bench.MountAndRead());
    }
}
