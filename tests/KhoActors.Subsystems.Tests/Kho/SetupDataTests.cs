using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Kho;

public sealed class SetupDataTests
{
    private static readonly KhoHandoff Handoff = new(0x1db1000, 4096, 0x1ebf0000, 48);

    [Fact]
    public void WriteKhoNode_writes_the_48_bytes_of_the_kernel()
    {
        PhysicalMemory memory = new();

        SetupData.WriteKhoNode(memory, 0x1ebfa0c0, 0x1234, Handoff);

        byte[] bytes = new byte[SetupData.KhoNodeBytes];
        memory.Read(0x1ebfa0c0, bytes);
        Assert.Equal(
            "34120000000000000A000000200000000010DB010000000000100000000000000000BF1E000000003000000000000000", Convert.ToHexString(bytes));
    }

    [Fact]
    public void FindKho_behind_another_node_returns_the_four_numbers()
    {
        PhysicalMemory memory = new();
        SetupData.WriteKhoNode(memory, 0x1ff0, 0, Handoff);
        memory.WriteUInt64(0x3000, 0x1ff0);
        memory.WriteUInt64(0x3008, SetupData.RngSeedType | (32UL << 32));

        Assert.Equal(0, SetupData.FindKho(memory, 0x3000, out KhoHandoff found));

        Assert.Equal(Handoff, found);
    }

    [Fact]
    public void FindKho_in_an_empty_list_or_without_a_node_is_ENOENT()
    {
        PhysicalMemory memory = new();
        memory.WriteUInt64(0x3008, SetupData.RngSeedType);

        Assert.Equal(-Errno.ENOENT, SetupData.FindKho(memory, 0, out _));
        Assert.Equal(-Errno.ENOENT, SetupData.FindKho(memory, 0x3000, out _));
    }

    [Theory]
    [InlineData(0x3000UL)]
    [InlineData(0x3010UL)]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 52)]
    public void Walk_of_a_cycle_or_a_wild_pointer_is_EINVAL(ulong next)
    {
        PhysicalMemory memory = new();
        memory.WriteUInt64(0x3000, 0x3010);
        memory.WriteUInt64(0x3010, next);
        List<SetupDataNode> nodes = [];

        Assert.Equal(-Errno.EINVAL, SetupData.Walk(memory, 0x3000, nodes));
        Assert.InRange(nodes.Count, 1, SetupData.NodesMax);
    }

    [Fact]
    public void Walk_follows_as_many_nodes_as_the_limit()
    {
        PhysicalMemory memory = new();
        for (ulong i = 1; i < SetupData.NodesMax; i++)
        {
            memory.WriteUInt64(i * 16, (i + 1) * 16);
        }

        List<SetupDataNode> nodes = [];

        Assert.Equal(0, SetupData.Walk(memory, 16, nodes));
        Assert.Equal(SetupData.NodesMax, nodes.Count);
    }
}
