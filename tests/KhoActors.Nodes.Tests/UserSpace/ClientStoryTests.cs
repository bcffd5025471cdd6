using KhoActors.Nodes.Tests.Machines;

namespace KhoActors.Nodes.Tests.UserSpace;

/// <summary>What two clients of one kernel do together, as a scenario tells it; the shipped clients, no bench of their own.</summary>
public class ClientStoryTests
{
    private const string TwoKexecs = """
        name: together
        summary: A machine with pstore and tmpfs
        kernels: [7.3-rc7]
        kexecs: 2
        clients: [pstore, tmpfs]
        workload: { operations_per_kexec: 0, operations_after_load: 0 }

        """;

    [Fact]
    public void TF27_OopsBetweenFreezeAndJump_TmpfsIsPreserved_AndPstoreHoldsTheOops()
    {
        MachineRun run = NoteBench.Run(TwoKexecs + """
            script:
              - generations: 0
                steps:
                  - tmpfs mount /data kho=data,size=1m = 0
                  - tmpfs create /data/file = 0
                  - tmpfs write /data/file 0 10000 seed 5 = 10000
                  - tmpfs freeze = 0
                  - "oops BUG: unable to handle page fault for address: 0000000000000008 = 0"
                  - kexec load = 0
                  - kexec execute
              - generations: 1
                steps:
                  - tmpfs mount /data kho=data,kho_must = 0
                  - tmpfs read /data/file 0 10000 seed 5 = 10000
                  - pstore mount = 1
                  - pstore copy dmesg-kho-0 = 0
            """);

        Assert.Empty(run.Violations);
        Assert.Contains(run.Reports[1].Story, line => line.Contains("Oops#1 Part1", StringComparison.Ordinal));
    }

    [Fact]
    public void A_record_and_files_written_in_every_kernel_are_found_in_the_next()
    {
        MachineRun run = NoteBench.Run(TwoKexecs + """
            script:
              - generations: 0
                steps: [tmpfs mount /data kho=data = 0, tmpfs create /data/0 = 0, log 6 generation zero = 0]
              - generations: 1
                steps:
                  - tmpfs mount /data kho=data,kho_must = 0
                  - tmpfs rename /data/0 /data/1 = 0
                  - pstore mount = 1
                  - pstore unlink dmesg-kho-0 = EPERM
              - generations: 2
                steps:
                  - tmpfs mount /data kho=data,kho_must = 0
                  - tmpfs stat /data/0 = ENOENT
                  - tmpfs stat /data/1 size 0 = 0
            """);

        Assert.Empty(run.Violations);
    }

    [Theory]
    [InlineData("tmpfs", "EBUSY")]
    [InlineData("tmpfs-poc", "0")]
    public void Compaction_moves_the_pages_of_the_proof_of_concept_and_not_ours(string client, string answer)
    {
        MachineRun run = NoteBench.Run($"""
            {TwoKexecs.Replace("[pstore, tmpfs]", $"[{client}]", StringComparison.Ordinal)}command_line: kho=on nokaslr
            script:
              - generations: 0
                steps:
                  - tmpfs mount /data = 0
                  - tmpfs create /data/file = 0
                  - tmpfs write /data/file 0 5000 seed 3 = 5000
                  - tmpfs migrate /data/file 1 = {answer}
                  - tmpfs migrate /data/file 2 = {(client == "tmpfs" ? "EBUSY" : "ENOENT")}
                  - tmpfs read /data/file 0 5000 seed 3 = 5000
            """);

        Assert.Empty(run.Violations);
    }
}
