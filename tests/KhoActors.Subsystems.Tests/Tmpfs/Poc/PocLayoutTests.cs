using System.Buffers.Binary;
using System.Text;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Poc;

namespace KhoActors.Subsystems.Tests.Tmpfs.Poc;

/// <summary>The bytes of KHO inode, directory entry, slab and bitmap in RAM.</summary>
public class PocLayoutTests
{
    private static readonly TmpfsTime Now = new(0x1122334455667788, 0x0ABBCCDD);
    private readonly PocMachine _machine = new(_ => new Accepting());

    private ClientKernel Kernel => _machine.Kernel;

    private PocAddresses Addresses => new(Kernel, PocAddresses.FixedBase);

    [Fact]
    public void A_KHO_inode_has_each_field_at_its_offset_and_leaves_reserved_bytes_alone()
    {
        ulong phys = Kernel.AllocatePages(2, zero: true);
        Kernel.Memory.Write(phys, Enumerable.Repeat((byte)0xEE, PocInode.SizeBytes).ToArray());

        PocInode inode = new(Kernel.Memory, phys)
        {
            Mode = 0x1241ED,
            Uid = 0x04050607,
            Gid = 0x08090A0B,
            Flags = 0x0C0D0E0F,
            FsFlags = 0x10111213,
            Size = 0x18191A1B1C1D1E1F,
            Blocks = 0x2021222324252627,
            AccessTime = new TmpfsTime(0x28, 0x48),
            BirthTime = new TmpfsTime(0x30, 0x4C),
            ChangeTime = new TmpfsTime(-2, 0x50),
            ModifyTime = new TmpfsTime(0x40, 0x54),
            LinkCount = 0x58595A5B,
            Generation = 0x5C5D5E5F,
        };
        inode.SetBlockEntry(0, 0x6061626364656000);
        inode.SetBlockEntry(2035, 0x7071727374757000);

        ReadOnlySpan<byte> bytes = _machine.Bytes(phys, PocInode.SizeBytes);
        Assert.Equal(0x41ED, BinaryPrimitives.ReadUInt16LittleEndian(bytes));
        Assert.Equal([0xEE, 0xEE], bytes[2..4].ToArray());
        Assert.Equal(0x04050607U, BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]));
        Assert.Equal(0x08090A0BU, BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]));
        Assert.Equal(0x0C0D0E0FU, BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]));
        Assert.Equal(0x10111213U, BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]));
        Assert.Equal([0xEE, 0xEE, 0xEE, 0xEE], bytes[20..24].ToArray());
        Assert.Equal(0x18191A1B1C1D1E1FUL, BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]));
        Assert.Equal(0x2021222324252627UL, BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]));
        Assert.Equal([0x28, 0x30, -2, 0x40], from at in (ulong[])[40, 48, 56, 64] select (long)_machine.Memory.ReadUInt64(phys + at));
        Assert.Equal([0x48U, 0x4C, 0x50, 0x54], from at in (ulong[])[72, 76, 80, 84] select _machine.Memory.ReadUInt32(phys + at));
        Assert.Equal(0x58595A5BU, BinaryPrimitives.ReadUInt32LittleEndian(bytes[88..]));
        Assert.Equal(0x5C5D5E5FU, BinaryPrimitives.ReadUInt32LittleEndian(bytes[92..]));
        Assert.Equal(0x6061626364656000UL, BinaryPrimitives.ReadUInt64LittleEndian(bytes[96..]));
        Assert.Equal(0x7071727374757000UL, BinaryPrimitives.ReadUInt64LittleEndian(bytes[16376..]));
        Assert.Equal(2036, PocInode.BlockEntries);
        Assert.Equal(8339456, PocInode.BlockEntries * PageGeometry.SizeBytes);
        Assert.Equal(0x41EDU, inode.Mode);
        Assert.Equal(new TmpfsTime(-2, 0x50), inode.ChangeTime);
        Assert.Equal(0x5C5D5E5FU, inode.Generation);
        Assert.Equal(0x7071727374757000UL, inode.BlockEntry(2035));
        Assert.Equal(0UL, inode.BlockEntry(2036));
    }

    [Fact]
    public void An_entry_is_number_type_and_name_and_removal_moves_later_ones_down()
    {
        PocDirectory directory = NewDirectory();

        Assert.Equal(0, directory.Append(new PocEntry(0xFFFF888001000000, 2, "."), Now));
        Assert.Equal(0, directory.Append(new PocEntry(0xFFFF888001020000, 1, "file"), Now));
        Assert.Equal(0, directory.Append(new PocEntry(0xFFFF888001040000, 6, "socket"), Now));

        ulong entries = directory.Inode.Phys + 96;
        byte[] second = _machine.Bytes(entries + 264, 14);
        Assert.Equal([0x00, 0x00, 0x02, 0x01, 0x80, 0x88, 0xFF, 0xFF, 1, .. "file\0"u8], second);
        Assert.Equal(792UL, directory.Inode.Size);
        Assert.Equal(Now, directory.Inode.ChangeTime);
        Assert.Equal(Now, directory.Inode.ModifyTime);

        directory.RemoveAt(1, Now with { Nanoseconds = 1 });

        Assert.Equal(528UL, directory.Inode.Size);
        Assert.Equal(new PocEntry(0xFFFF888001040000, 6, "socket"), directory[1]);
        Assert.Equal(_machine.Bytes(entries + 264, 264), _machine.Bytes(entries + 528, 264));
        Assert.False(directory.Find("file", out _, out _));
        Assert.True(directory.Find("socket", out ulong index, out _));
        Assert.Equal(1UL, index);
        Assert.Equal(1U, directory.Inode.ModifyTime.Nanoseconds);
    }

    [Fact]
    public void A_name_has_254_bytes_at_most_and_a_directory_62_entries_the_last_of_which_ends_80_bytes_behind_the_inode()
    {
        PocDirectory directory = NewDirectory();
        string longest = new('\u00FF', 254);

        Assert.Equal(-Errno.ENAMETOOLONG, directory.Append(new PocEntry(1, 1, longest + "x"), Now));
        Assert.Equal(0UL, directory.Count);
        for (int i = 0; i < 62; i++)
        {
            Assert.Equal(0, directory.Append(new PocEntry(1, 1, i == 61 ? longest : $"{i}"), Now));
        }

        Assert.Equal(-Errno.ENOSPC, directory.Append(new PocEntry(1, 1, "too many"), Now));
        Assert.Equal(62UL * 264, directory.Inode.Size);
        Assert.Equal(16464UL, 96 + directory.Inode.Size);
        Assert.Equal([.. Enumerable.Repeat((byte)0xFF, 79), 0], _machine.Bytes(directory.Inode.Phys + 16384, 80));
        Assert.True(directory.Find(longest, out ulong index, out _));
        Assert.Equal(61UL, index);
    }

    [Fact]
    public void A_slab_block_of_2_MiB_gives_16_slots_128_KiB_apart_in_ascending_order()
    {
        PocSlab slab = new(Kernel, Addresses);
        ulong[] slots = [.. Enumerable.Range(0, 16).Select(_ => slab.Allocate())];

        Assert.Single(slab.Blocks);
        Assert.Equal(0UL, slab.Blocks[0] % (2 << 20));
        Assert.Equal(Enumerable.Range(0, 16).Select(i => 0xFFFF888000000000 + slab.Blocks[0] + ((ulong)i * 131072)), slots);
        Assert.Equal(0UL, slab.FirstFree);

        ulong seventeenth = slab.Allocate();
        Assert.Equal(2, slab.Blocks.Count);
        Assert.Equal(Addresses.VirtualOf(slab.Blocks[1]), seventeenth);
    }

    [Fact]
    public void A_free_slot_begins_with_the_address_of_the_next_and_freeing_clears_16384_bytes()
    {
        PocSlab slab = new(Kernel, Addresses);
        ulong first = slab.Allocate(), second = slab.Allocate(), third = slab.FirstFree;
        ulong phys = slab.Blocks[0];
        Assert.Equal(third, _machine.Memory.ReadUInt64(phys + PocSlab.StrideBytes));
        Kernel.Memory.Write(phys, Enumerable.Repeat((byte)0x77, 16464).ToArray());

        slab.Free(first);

        Assert.Equal(first, slab.FirstFree);
        Assert.Equal(third, _machine.Memory.ReadUInt64(phys));
        Assert.All(_machine.Bytes(phys + 8, 16376), value => Assert.Equal(0, value));
        Assert.All(_machine.Bytes(phys + 16384, 80), value => Assert.Equal(0x77, value));
        Assert.Equal(first, slab.Allocate());
        Assert.Equal(third, slab.FirstFree);
        Assert.NotEqual(first, second);
    }

    [Fact]
    public void A_slot_keeps_the_middle_of_the_free_pointer_in_its_reserved_bytes()
    {
        PocSlab slab = new(Kernel, Addresses);
        ulong slot = slab.Allocate(), next = slab.FirstFree;

        _ = new PocInode(Kernel.Memory, slab.Blocks[0]) { Mode = 0x81A4, Uid = 5 };

        Assert.Equal(0x0000_0005_0000_81A4 | (next & 0xFFFF_0000), _machine.Memory.ReadUInt64(slot - PocAddresses.FixedBase));
    }

    [Fact]
    public void A_slot_freed_twice_is_its_own_successor()
    {
        PocSlab slab = new(Kernel, Addresses);
        ulong slot = slab.Allocate();

        slab.Free(slot);
        slab.Free(slot);

        Assert.Equal([slot, slot, slot], [slab.Allocate(), slab.Allocate(), slab.Allocate()]);
    }

    [Fact]
    public void A_free_list_that_leaves_RAM_crashes_the_kernel_and_one_that_leads_to_other_memory_is_a_violation()
    {
        PocSlab slab = new(Kernel, Addresses) { FirstFree = PocAddresses.FixedBase + PageGeometry.PhysOf(PocMachine.RamEndPfn) };
        SimulatedOopsException oops = Assert.Throws<SimulatedOopsException>(() => slab.Allocate());
        Assert.Equal("BUG: unable to handle page fault for address: ffff888008000000", oops.Message);

        Assert.Throws<PageOwnershipException>(() => slab.Free(PocAddresses.FixedBase + 0x100000));
        Assert.Throws<SimulatedOopsException>(() => slab.Free(0));
    }

    [Fact]
    public void The_bitmap_has_a_bit_for_each_page_in_words_of_64()
    {
        PocPageBitmap bitmap = PocPageBitmap.Create(Kernel, Addresses, 0x7000)!;
        ulong[] pfns = [0x1000, 0x103F, 0x1040, 0x6FFF];

        foreach (ulong pfn in pfns)
        {
            bitmap.Set(pfn);
        }

        bitmap.Set(0x7010);
        Assert.Equal(pfns, bitmap.ToList());
        bitmap.Clear(0x103F);
        Assert.Equal([0x1000UL, 0x1040, 0x6FFF], bitmap.ToList());
    }

    [Fact]
    public void The_base_of_the_direct_map_is_fixed_with_nokaslr_only()
    {
        PocMachine random = new(_ => new Accepting(), commandLine: "quiet nokaslrx=1");

        Assert.Equal(PocAddresses.FixedBase, PocAddresses.Boot(Kernel).BaseAddress);
        ulong first = PocAddresses.Boot(random.Kernel).BaseAddress, second = PocAddresses.Boot(random.Kernel).BaseAddress;
        Assert.NotEqual(first, second);
        Assert.All(new[] { first, second }, at => Assert.Equal(0UL, (at - PocAddresses.FixedBase) % (1 << 30)));
        Assert.All(new[] { first, second }, at => Assert.InRange(at, PocAddresses.FixedBase, PocAddresses.FixedBase + (1UL << 45) - 1));
    }

    [Fact]
    public void A_directory_with_a_damaged_size_is_searched_without_end_only_as_far_as_RAM_goes()
    {
        PocDirectory directory = NewDirectory();
        Assert.Equal(0, directory.Append(new PocEntry(1, 1, "there"), Now));
        PocInode inode = directory.Inode;

        inode.Size = 1 << 20;
        Assert.True(directory.Find("there", out _, out _));
        Assert.False(directory.Find("missing", out _, out _));

        inode.Size = ulong.MaxValue;
        Assert.True(directory.Find("there", out _, out _));
        Assert.Throws<SimulatedOopsException>(() => directory.Find("missing", out _, out _));
    }

    [Fact]
    public void Random_appends_and_removals_leave_what_a_list_has()
    {
        SplitMix64 random = new(20241209);
        for (int round = 0; round < 200; round++)
        {
            PocDirectory directory = NewDirectory();
            List<PocEntry> model = [];
            for (int step = 0; step < 300; step++)
            {
                if (random.Below(5) < 3)
                {
                    PocEntry entry = new(random.Next(), (byte)(1 + random.Below(6)), new string((char)(1 + random.Below(255)), (int)(1 + random.Below(256))));
                    int expected = entry.Name.Length > 254 ? -Errno.ENAMETOOLONG : model.Count == 62 ? -Errno.ENOSPC : 0;
                    Assert.Equal(expected, directory.Append(entry, Now));
                    if (expected == 0)
                    {
                        model.Add(entry);
                    }
                }
                else if (model.Count != 0)
                {
                    int index = (int)random.Below((ulong)model.Count);
                    directory.RemoveAt((ulong)index, Now);
                    model.RemoveAt(index);
                }
            }

            Assert.Equal(model, Enumerable.Range(0, (int)directory.Count).Select(i => directory[(ulong)i]));
            Kernel.FreePages(directory.Inode.Phys, 5);
        }
    }

    private PocDirectory NewDirectory() => new(Kernel.Memory, Addresses, Addresses.VirtualOf(Kernel.AllocatePages(5, zero: true)));

    /// <summary>A client that does nothing, well.</summary>
    internal sealed class Accepting : IActor
    {
        public void Receive(in Delivery delivery, Outbox outbox) => outbox.Reply(delivery, default(KernelResult).ToReply(delivery.Message.Kind));
    }
}
