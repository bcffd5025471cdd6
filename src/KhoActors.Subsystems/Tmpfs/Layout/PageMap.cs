namespace KhoActors.Subsystems.Tmpfs.Layout;

/// <summary>A page of a map and its place.</summary>
/// <param name="Index">Its place, 0 for the first.</param>
/// <param name="Value">The leaf entry: the page's address, and flags in the low bits.</param>
internal readonly record struct MapLeaf(ulong Index, ulong Value);

/// <summary>
/// The page map of tmpfs-kho-v1: (address, depth). With depth 0 the address is itself a leaf entry; a map of depth d is a node page of 512 maps of
/// depth d - 1, 0 where nothing is. The depth is the smallest that reaches the last page.
/// </summary>
public static class PageMap
{
    /// <summary>log2 of the entries of a node page.</summary>
    public const int DigitBits = 9;

    /// <summary>Entries of a node page.</summary>
    public const int Entries = 1 << DigitBits;

    /// <summary>Flag of a leaf entry whose page's content is valid; without it fallocate allocated the page and a reader takes it as zero.</summary>
    public const ulong UpToDate = 1;

    /// <summary>Bits of a leaf entry below the page's address.</summary>
    public const ulong FlagBits = LayoutRules.PageBytes - 1;

    /// <summary>The depth of a map.</summary>
    /// <param name="lastIndex">The highest place that has a page.</param>
    /// <returns>The smallest depth that reaches it; 0..6 for places of files.</returns>
    public static int DepthOf(ulong lastIndex)
    {
        int depth = 0;
        for (; lastIndex != 0; lastIndex >>= DigitBits)
        {
            depth++;
        }

        return depth;
    }

    /// <summary>The entry of a node page under which a place lies.</summary>
    /// <param name="index">The place.</param>
    /// <param name="depth">The depth of the map whose node it is, at least 1.</param>
    /// <returns>0..511.</returns>
    public static int DigitOf(ulong index, int depth) => (int)(index >> (DigitBits * (depth - 1))) & (Entries - 1);

    /// <summary>How many node pages a map of the pages 0 to <paramref name="pages"/> - 1 has.</summary>
    /// <param name="pages">How many pages.</param>
    /// <returns>The nodes of all levels.</returns>
    public static ulong NodesOfDense(ulong pages)
    {
        ulong nodes = 0;
        for (ulong below = pages; below > 1; nodes += below)
        {
            below = (below + Entries - 1) >> DigitBits;
        }

        return nodes;
    }

    /// <summary>How many node pages the map of a file has.</summary>
    /// <param name="pages">The file's pages.</param>
    /// <returns>The nodes of all levels.</returns>
    internal static ulong NodesOf(TmpfsPages pages)
    {
        if (pages.Count == 0)
        {
            return 0;
        }

        int depth = DepthOf(pages[pages.Count - 1].Index);
        ulong nodes = (ulong)depth;
        for (int i = 1; i < pages.Count; i++)
        {
            // One new node on each level where this page's way leaves the one before it.
            ulong different = (pages[i].Index ^ pages[i - 1].Index) >> DigitBits;
            nodes += (ulong)DepthOf(different);
        }

        return nodes;
    }
}
