using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Memory;

public sealed class PageTableTests
{
    [Fact]
    public void Random_additions_and_removals_leave_what_a_dictionary_has()
    {
        var table = new PageTable();
        for (ulong seed = 1; seed <= 3000; seed++)
        {
            table.Clear();
            var model = new SortedDictionary<ulong, ulong[]>();
            var draws = new Draws(seed);
            ulong span = draws.OneIn(2) ? 200UL : 1UL << (8 + draws.Below(30));
            int steps = seed % 20 == 0 ? 400 : 50;
            for (int i = 0; i < steps; i++)
            {
                Step(table, model, draws, span);

                // A page that probing no longer finds would make a later removal of a range run for ever: it is found missing here.
                Assert.True(model.All(page => ReferenceEquals(page.Value, table.Find(page.Key))), $"seed {seed}, step {i}");
            }

            Assert.Equal(model.Count, table.Count);
            Assert.Equal(model.Keys, table.SortedKeys());
        }
    }

    [Fact]
    public void A_guard_is_told_of_its_page_only_and_follows_it_to_another_slot()
    {
        for (ulong seed = 1; seed <= 1000; seed++)
        {
            var draws = new Draws(seed);
            var table = new PageTable();
            var guard = new Guard();
            var guarded = new SortedSet<ulong>();
            var present = new SortedSet<ulong>();
            for (int i = 0; i < 150; i++)
            {
                ulong pfn = draws.Below(100UL);
                guard.Told.Clear();
                var expected = new List<ulong>();
                switch (draws.Below(6))
                {
                    case < 3 when present.Add(pfn):
                        table.Add(pfn);
                        break;
                    case 3 when draws.OneIn(2):
                        table.Remove(pfn);
                        present.Remove(pfn);
                        expected.AddRange(guarded.Remove(pfn) ? [pfn] : []);
                        break;
                    case 4:
                        bool isSet = !draws.OneIn(3);
                        table.SetGuard(pfn, isSet ? guard : null);
                        bool changes = isSet ? present.Contains(pfn) && guarded.Add(pfn) : guarded.Remove(pfn);
                        Assert.True(changes || isSet == guarded.Contains(pfn) || !present.Contains(pfn));
                        break;
                    default:
                        table.Touch(pfn);
                        expected.AddRange(guarded.Contains(pfn) ? [pfn] : []);
                        break;
                }

                Assert.True(expected.SequenceEqual(guard.Told), $"seed {seed}, step {i}");
            }

            guard.Told.Clear();
            table.Clear();
            Assert.True(guarded.SequenceEqual(guard.Told.Order()), $"seed {seed}");
        }
    }

    private static void Step(PageTable table, SortedDictionary<ulong, ulong[]> model, Draws draws, ulong span)
    {
        ulong pfn = draws.Below(span);
        ulong end = pfn + 1 + draws.Below(draws.OneIn(2) ? 16UL : span);
        switch (draws.Below(16))
        {
            case < 9 when !model.ContainsKey(pfn):
                ulong[] added = table.Add(pfn);
                Assert.DoesNotContain(model.Values, page => ReferenceEquals(page, added));
                model.Add(pfn, added);
                break;
            case < 13:
                table.Remove(pfn);
                model.Remove(pfn);
                break;
            case 13 when draws.OneIn(4):
                table.RemoveRange(pfn, end);
                foreach (ulong key in model.Keys.Where(key => key >= pfn && key < end).ToArray())
                {
                    model.Remove(key);
                }

                break;
            default:
                Assert.Equal(model.Keys.Any(key => key >= pfn && key < end), table.AnyIn(pfn, end));
                Assert.Equal(model.GetValueOrDefault(pfn), table.Find(pfn));
                break;
        }
    }

    private sealed class Guard : IPageGuard
    {
        public List<ulong> Told { get; } = [];

        public void PageTouched(ulong pfn) => Told.Add(pfn);
    }
}
