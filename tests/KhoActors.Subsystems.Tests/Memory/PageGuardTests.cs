using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Memory;

/// <summary>Who keeps the words of a page relies on this: no change by anybody else goes by in silence, and nothing else is reported.</summary>
public sealed class PageGuardTests
{
    private const ulong Pfn = 0x40;
    private const ulong Phys = Pfn << PageGeometry.Shift;

    public static TheoryData<string, Action<PhysicalMemory>> Changes => new()
    {
        { "an aligned word", memory => memory.WriteUInt64(Phys + 8, 1) },
        { "a word that reaches in from the page below", memory => memory.WriteUInt64(Phys - 4, 1) },
        { "a word that reaches in from the page itself", memory => memory.WriteUInt64(Phys + PageGeometry.SizeBytes - 4, 1) },
        { "bytes", memory => memory.Write(Phys - 1, new byte[2]) },
        { "clearing the page in place", memory => memory.ZeroPage(Pfn) },
        { "zeroing a range", memory => memory.Zero(Pfn - 10, 20) },
        { "poisoning a long range", memory => memory.Poison(0, 1 << 20) },
        { "a pattern", memory => memory.Fill(Pfn, 1, new PagePattern(1, 0)) },
        { "forgetting everything", memory => memory.Clear() },
    };

    public static TheoryData<string, Action<PhysicalMemory>> Others => new()
    {
        { "words that the owner holds", memory => memory.WritablePage(Pfn)[3] = 7 },
        { "reading", memory => memory.Read(Phys, new byte[PageGeometry.SizeBytes]) },
        { "the page below", memory => memory.WriteUInt64(Phys - 8, 1) },
        { "the page above", memory => memory.Poison(Pfn + 1, 1000) },
        { "many other pages", memory => AddMany(memory) },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_guard_is_told_once_of_every_change_by_somebody_else(string what, Action<PhysicalMemory> change)
    {
        (PhysicalMemory memory, Guard guard) = Guarded();

        change(memory);

        Assert.True(guard.Touched.SequenceEqual([Pfn]), $"{what}: told of [{string.Join(", ", guard.Touched)}]");
    }

    [Theory]
    [MemberData(nameof(Others))]
    public void A_guard_is_told_of_nothing_else(string what, Action<PhysicalMemory> change)
    {
        (PhysicalMemory memory, Guard guard) = Guarded();

        change(memory);

        Assert.True(guard.Touched.Count == 0, what);
        memory.Zero(Pfn, 1);
        Assert.Equal([Pfn], guard.Touched);
    }

    [Fact]
    public void A_guard_ends_when_its_page_is_dropped_or_when_it_is_taken_away()
    {
        (PhysicalMemory memory, Guard guard) = Guarded();
        memory.Zero(Pfn, 1);
        memory.WriteUInt64(Phys, 1);
        memory.SetGuard(Pfn, guard);
        memory.SetGuard(Pfn, null);
        memory.WriteUInt64(Phys, 2);

        Assert.Equal([Pfn], guard.Touched);
    }

    private static void AddMany(PhysicalMemory memory)
    {
        for (ulong pfn = 0x1000; pfn < 0x1400; pfn++)
        {
            memory.ZeroPage(pfn);
        }
    }

    private static (PhysicalMemory Memory, Guard Guard) Guarded()
    {
        PhysicalMemory memory = new();
        Guard guard = new();
        memory.ZeroPage(Pfn);
        memory.SetGuard(Pfn, guard);
        return (memory, guard);
    }

    private sealed class Guard : IPageGuard
    {
        public List<ulong> Touched { get; } = [];

        public void PageTouched(ulong pfn) => Touched.Add(pfn);
    }
}
