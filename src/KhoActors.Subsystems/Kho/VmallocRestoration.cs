using System.Numerics;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Kho;

/// <summary>
/// Turns a handed-over vmalloc area back into a live one (kho_restore_vmalloc, 6.18 on). The descriptor is believed: what follows from a
/// damaged one is what the kernel would do. One object for a kernel's life.
/// </summary>
/// <param name="context">The kernel.</param>
/// <param name="restoration">Restores pages.</param>
/// <param name="areas">Receives the area.</param>
/// <param name="pages">Adopts restored pages, and takes the chunks back.</param>
internal sealed class VmallocRestoration(VmallocContext context, Restoration restoration, VmallocAreas areas, PageAllocator pages)
{
    private readonly List<ulong> _groupPfns = [];

    /// <summary>Restores an area.</summary>
    /// <param name="descriptor">What the previous kernel wrote.</param>
    /// <param name="owner">Who gets its pages.</param>
    /// <returns>The new area; null on any failure, after which pages that were restored already are lost.</returns>
    /// <exception cref="SimulatedOopsException">The chain leads where there is no RAM.</exception>
    public VmallocArea? Restore(VmallocDescriptor descriptor, PageOwner owner)
    {
        _groupPfns.Clear();
        return HasRoomForPageArray(descriptor.TotalPages) && RestoreChain(descriptor, owner) && descriptor.TotalPages != 0
            ? areas.Map(
                System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_groupPfns),
                BitOperations.Log2(descriptor.PagesPerGroup),
                descriptor.AreaFlags,
                context.Defects.RestoresHeadsOnly)
            : null;
    }

    /// <summary>The kernel first allocates a pointer for each page: at most 2 GiB, of memory that it has.</summary>
    private bool HasRoomForPageArray(uint totalPages)
    {
        ulong bytes = (ulong)totalPages * sizeof(ulong);
        return bytes <= int.MaxValue && PageGeometry.AlignUp(bytes) >> PageGeometry.Shift <= pages.FreePages;
    }

    private bool RestoreChain(VmallocDescriptor descriptor, PageOwner owner)
    {
        KhoCore.Adopter adoptForOwner = new(pages, owner);
        KhoCore.Adopter adoptForKho = new(pages, PageOwner.Kho);
        ulong pagesPerGroup = descriptor.PagesPerGroup;
        ulong restored = 0;
        for (ulong chunk = descriptor.FirstChunkPhys; chunk != 0;)
        {
            ulong group;
            for (int entry = 0; (group = context.EntryAt(chunk, entry)) != 0; entry++)
            {
                restored += pagesPerGroup;
                if (pagesPerGroup == 0 || restored > descriptor.TotalPages
                    || restoration.RestorePages(group, pagesPerGroup, ref adoptForOwner) == Restoration.Nothing)
                {
                    return false;
                }

                _groupPfns.Add(PageGeometry.PfnOf(group));
            }

            if (restoration.RestorePages(chunk, 1, ref adoptForKho) == Restoration.Nothing)
            {
                return false;
            }

            ulong next = context.NextChunk(chunk);
            FreeChunk(chunk);
            chunk = next;
        }

        return restored == descriptor.TotalPages;
    }

    /// <summary>Frees a chunk's page. One that was stamped with a larger order gives one page back in the kernel; here it is lost as a whole.</summary>
    private void FreeChunk(ulong phys)
    {
        if (pages.TryGetBlock(PageGeometry.PfnOf(phys), out ulong head, out int order, out _) && order == 0)
        {
            pages.Free(PageGeometry.PhysOf(head), 0, PageOwner.Kho);
        }
    }
}
