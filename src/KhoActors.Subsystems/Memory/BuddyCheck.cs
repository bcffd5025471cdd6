namespace KhoActors.Subsystems.Memory;

/// <summary>The full consistency check of <see cref="Buddy"/>: recomputes from the blocks what the allocator keeps along the way.</summary>
internal static class BuddyCheck
{
    public static void Run(Buddy buddy)
    {
        var pages = new ulong[buddy.Areas];
        var blocks = new int[buddy.Areas];
        int divided = 0;
        for (int i = 0; i < buddy.Sections.Count; i++)
        {
            Section section = buddy.Sections[i];
            divided += section.Heads is null ? 0 : 1;
            Require(ReferenceEquals(buddy.Sections.Find(section.StartPfn), section), "a section is found by its address", section.StartPfn);
            Require(
                !buddy.Untouched.TryFirstIn(section.StartPfn, section.StartPfn + Section.Pages, out _),
                "a section is touched as a whole",
                section.StartPfn);
            CheckTypes(buddy, section);
            CheckBlocks(buddy, section, pages, blocks);
        }

        Require(divided == buddy.Sections.Divided, "divided sections are counted", (ulong)divided);
        CheckLists(buddy, blocks);
        foreach (PageRange range in buddy.Untouched.Ranges)
        {
            pages[range.Value] += range.EndPfn - range.StartPfn;
        }

        for (int area = 0; area < pages.Length; area++)
        {
            Require(pages[area] == buddy.FreePages(area), $"the free pages of area {area} are counted", pages[area]);
        }
    }

    private static void CheckTypes(Buddy buddy, Section section)
    {
        for (int offset = 0; offset < Section.Pages; offset += 1 << buddy.PageblockOrder)
        {
            ulong pfn = section.StartPfn + (uint)offset;
            Require(buddy.TypeIn(section, offset) == buddy.TypeOf(pfn), "a section knows the types of its pageblocks", pfn);
        }
    }

    private static void CheckBlocks(Buddy buddy, Section section, ulong[] pages, int[] blocks)
    {
        int end = 0;
        for (int offset = 0; offset < Section.Pages; offset++)
        {
            BlockHead head = section.HeadAt(offset);
            if (!head.Exists)
            {
                continue;
            }

            ulong pfn = section.StartPfn + (uint)offset;
            int size = 1 << head.Order;
            Require(offset >= end, "blocks do not overlap", pfn);
            Require((offset & (size - 1)) == 0, "blocks are naturally aligned", pfn);
            end = offset + size;
            if (head.IsFree)
            {
                int area = buddy.AreaIn(section, offset);
                pages[area] += (ulong)size;
                blocks[area]++;
                Require(!IsMergeable(buddy, section, offset, head.Order), "buddies are merged", pfn);
            }
        }
    }

    private static bool IsMergeable(Buddy buddy, Section section, int offset, int order)
    {
        int other = offset ^ (1 << order);
        return order < Section.Order && section.HeadAt(other) is { Exists: true, IsFree: true } head && head.Order == order
            && buddy.AreaIn(section, other) == buddy.AreaIn(section, offset);
    }

    private static void CheckLists(Buddy buddy, int[] blocks)
    {
        for (int area = 0; area < blocks.Length; area++)
        {
            int listed = 0;
            for (int order = 0; order <= Section.Order; order++)
            {
                foreach ((int slot, ulong pfn) in buddy.Lists.BlocksOf(area, order))
                {
                    listed++;
                    Section? section = buddy.Sections.Find(pfn);
                    int offset = (int)(pfn & Section.Mask);
                    Require(section is not null && section.HeadAt(offset) == new BlockHead(order, PageOwner.Free), "a listed block is free", pfn);
                    Require(section!.SlotAt(offset) == slot && buddy.AreaIn(section, offset) == area, "a listed block is in its list", pfn);
                }

                Require(buddy.Lists.Any(area, order) == (buddy.Lists.SmallestOrder(area, order) == order), "the orders of an area are known", (ulong)order);
            }

            Require(listed == blocks[area], $"the free blocks of area {area} are listed", (ulong)listed);
        }
    }

    private static void Require(bool holds, string rule, ulong value)
    {
        if (!holds)
        {
            throw new InvalidOperationException($"page allocator: it does not hold that {rule} ({value:x})");
        }
    }
}
