using System.Runtime.CompilerServices;
using KhoActors.Nodes.Fleet;

namespace KhoActors.Nodes.Tests.Fleet;

/// <summary>Where machines rest: what was put is what is read, wherever it lies and whoever else is at it.</summary>
public sealed class HibernationTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kho-hibernation-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(0)]
    [InlineData(5_000)]
    [InlineData(15_000)]
    [InlineData(long.MaxValue)]
    public void It_holds_what_a_dictionary_holds(long memoryBytesMax)
    {
        for (ulong seed = 0; seed < 60; seed++)
        {
            SplitMix64 random = new(seed);
            using Hibernation hibernation = new(10, memoryBytesMax, _folder);
            SortedDictionary<int, byte[]> model = [];
            byte[] buffer = [];
            for (int step = 0; step < 400; step++)
            {
                int machine = random.Index(10);
                Step(random, hibernation, model, machine);
                foreach ((int number, byte[] expected) in model)
                {
                    bool same = hibernation.Read(number, ref buffer).Span.SequenceEqual(expected);
                    Assert.True(same, $"seed {seed}, step {step}, budget {memoryBytesMax}: machine {number} is not what was put");
                }

                Assert.Equal(model.ContainsKey(machine), hibernation.Holds(machine));
                HibernationFigures now = hibernation.Now;
                Assert.Equal(model.Values.Sum(bytes => bytes.LongLength), now.MemoryBytes + now.SpilledBytes);
                Assert.InRange(now.MemoryBytes, 0, memoryBytesMax);
                Assert.InRange(now.FileBytes, now.SpilledBytes, long.MaxValue);
            }

            Assert.Equal(memoryBytesMax == long.MaxValue, hibernation.Peak.SpilledBytes == 0);
        }
    }

    [Fact]
    public void Machines_of_several_workers_do_not_disturb_each_other()
    {
        const int Rounds = 300;
        using Hibernation hibernation = new(64, 20_000, _folder);
        Parallel.For(0, 8, worker =>
        {
            SplitMix64 random = new((ulong)worker);
            byte[] buffer = [];
            for (int round = 0; round < Rounds; round++)
            {
                for (int machine = worker * 8; machine < (worker + 1) * 8; machine++)
                {
                    byte[] bytes = Snapshot(random);
                    hibernation.Put(machine, bytes);
                    int other = (worker * 8) + random.Index(machine - (worker * 8) + 1);
                    int length = hibernation.Read(other, ref buffer).Length;
                    Assert.True(hibernation.Read(machine, ref buffer).Span.SequenceEqual(bytes), $"machine {machine}, round {round}, after {length} bytes");
                }
            }
        });

        Assert.InRange(hibernation.Peak.MemoryBytes, 1, 20_000);
    }

    [Fact]
    public void A_slot_that_is_free_is_used_before_the_file_grows()
    {
        using Hibernation hibernation = new(100, 0, _folder);
        for (int round = 0; round < 50; round++)
        {
            for (int machine = 0; machine < 100; machine++)
            {
                hibernation.Put(machine, new byte[3000 + ((round + machine) % 70)]);
            }
        }

        HibernationFigures peak = hibernation.Peak;
        Assert.InRange(peak.SpilledBytes, 300_000, 310_000);
        Assert.Equal(101 * 3072, peak.FileBytes);
    }

    [Theory]
    [InlineData(1, 1024)]
    [InlineData(1024, 1024)]
    [InlineData(1025, 1280)]
    [InlineData(2048, 2048)]
    [InlineData(2049, 2560)]
    [InlineData(8193, 10240)]
    [InlineData(1_000_000, 1048576)]
    public void A_slot_is_at_most_a_quarter_larger_than_what_it_holds_or_a_kibibyte(int length, long slotBytes)
    {
        using Hibernation hibernation = new(1, 0, _folder);

        hibernation.Put(0, new byte[length]);

        Assert.Equal(slotBytes, hibernation.Now.FileBytes);
    }

    [Fact]
    public void Every_length_has_a_slot_that_holds_it_and_shares_it_with_its_class_only()
    {
        for (int length = 1; length < 40_000; length += 97)
        {
            using SpillFile file = new(_folder);
            long offset = file.Take(length);
            int slot = (int)file.SizeBytes;
            Assert.InRange(slot, length, Math.Max(1024, (length + 255) * 5L / 4));
            file.Free(offset, length);
            Assert.Equal(offset, file.Take(slot));
            file.Free(offset, slot);
            Assert.NotEqual(offset, file.Take(slot + 1));
        }
    }

    [Fact]
    public void The_file_has_no_name_that_could_outlive_the_process()
    {
        using Hibernation hibernation = new(1, 0, _folder);

        hibernation.Put(0, [1, 2, 3]);

        if (!OperatingSystem.IsWindows())
        {
            Assert.Empty(Directory.GetFiles(_folder));
        }

        hibernation.Dispose();
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void Without_spilling_there_is_no_file()
    {
        using Hibernation hibernation = new(1, 3, Path.Combine(_folder, "missing"));

        hibernation.Put(0, [1, 2, 3]);

        byte[] buffer = [];
        Assert.Equal([1, 2, 3], hibernation.Read(0, ref buffer).ToArray());
    }

    [Fact]
    public void A_file_that_cannot_be_made_is_named_and_the_older_snapshot_is_kept()
    {
        string missing = Path.Combine(_folder, "missing");
        using Hibernation hibernation = new(2, 4, missing);
        hibernation.Put(0, [1, 2, 3]);

        SpillException failure = Assert.Throws<SpillException>(() => hibernation.Put(0, [1, 2, 3, 4, 5]));

        Assert.StartsWith($"the file in {missing} for machines that do not fit into memory cannot be made: ", failure.Message, StringComparison.Ordinal);
        byte[] buffer = [];
        Assert.Equal([1, 2, 3], hibernation.Read(0, ref buffer).ToArray());
        Assert.Equal(new HibernationFigures(3, 0, 0), hibernation.Now);
    }

    [Fact]
    public void A_machine_costs_little_beside_its_snapshot()
    {
        const int Machines = 100_000;
        Assert.InRange(Unsafe.SizeOf<byte[]>() + sizeof(long) + sizeof(int), 0, 24);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        using Hibernation hibernation = new(Machines, long.MaxValue, _folder);
        byte[] snapshot = new byte[64];
        for (int machine = 0; machine < Machines; machine++)
        {
            hibernation.Put(machine, snapshot);
        }

        long perMachine = (GC.GetTotalMemory(forceFullCollection: true) - before) / Machines;

        Assert.InRange(perMachine, 64, 64 + 50);
    }

    private static void Step(SplitMix64 random, Hibernation hibernation, SortedDictionary<int, byte[]> model, int machine)
    {
        if (random.Index(4) == 0)
        {
            hibernation.Remove(machine);
            model.Remove(machine);
            return;
        }

        byte[] bytes = Snapshot(random);
        hibernation.Put(machine, bytes);
        model[machine] = bytes;
    }

    private static byte[] Snapshot(SplitMix64 random)
    {
        byte[] bytes = new byte[1 + random.Index(random.Index(4) == 0 ? 12_000 : 3_000)];
        ulong fill = random.Next();
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)(fill >> (i % 8 * 8));
        }

        return bytes;
    }
}
