using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Memory;

public sealed class PageTableTests
{
    [Fact]
    public void Random_additions_and_removals_leave_what_a_dictionary_has()
    {
        var table = new PageTable();
        for (ulong seed = 1; seed <= 300; seed++)
        {
            table.Clear();
            var model = new SortedDictionary<ulong, ulong[]>();
            var draws = new Draws(seed);
            ulong span = draws.OneIn(2) ? 200UL : 1UL << (8 + draws.Below(30));
            for (int i = 0; i < 400; i++)
            {
                Step(table, model, draws, span);
            }

            Assert.Equal(model.Count, table.Count);
            Assert.Equal(model.Keys, table.SortedKeys());
            foreach ((ulong pfn, ulong[] page) in model)
            {
                Assert.Same(page, table.Find(pfn));
            }
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
}
