using System.Globalization;
using System.Numerics;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs.Poc;

/// <summary>
/// Which pages hold file data: a bitmap in RAM with one bit for each page of total RAM, indexed by page frame number. Where RAM has holes, frame
/// numbers go higher than RAM has pages, and their bits lie behind the bitmap: in memory of somebody else, unless rounding left room.
/// </summary>
internal sealed class PocPageBitmap
{
    private const int BitsInWord = 64;

    private readonly ClientKernel _kernel;
    private readonly PocAddresses _addresses;
    private readonly ulong[] _blocks;
    private readonly ulong _blockBytes;
    private readonly ulong _bits;

    private PocPageBitmap(ClientKernel kernel, PocAddresses addresses, ulong bits, ulong[] blocks, ulong blockBytes)
    {
        _kernel = kernel;
        _addresses = addresses;
        _bits = bits;
        _blocks = blocks;
        _blockBytes = blockBytes;
    }

    /// <summary>Allocates it (kvzalloc): contiguous where the page allocator can, else mapped from pieces with a guard page behind them.</summary>
    /// <param name="kernel">Gives the memory.</param>
    /// <param name="addresses">The direct map.</param>
    /// <param name="bits">Pages of total RAM.</param>
    /// <returns>The bitmap, or null when memory is exhausted.</returns>
    public static PocPageBitmap? Create(ClientKernel kernel, PocAddresses addresses, ulong bits)
    {
        ulong bytes = (bits + BitsInWord - 1) / BitsInWord * sizeof(ulong);
        int order = Math.Min(PageGeometry.OrderOf(Math.Max(bytes, 1)), kernel.Build.MaxPageOrder);
        ulong blockBytes = (ulong)PageGeometry.SizeBytes << order;
        var blocks = new ulong[(int)((bytes + blockBytes - 1) / blockBytes)];
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = kernel.AllocatePages(order, zero: true);
            if (blocks[i] == 0)
            {
                for (; i > 0; i--)
                {
                    kernel.FreePages(blocks[i - 1], order);
                }

                return null;
            }
        }

        return new PocPageBitmap(kernel, addresses, bits, blocks, blockBytes);
    }

    /// <summary>Sets a page's bit.</summary>
    /// <param name="pfn">Page frame number; nobody compares it with the bitmap's size.</param>
    /// <exception cref="PageOwnershipException">The bit lies in memory of somebody else.</exception>
    /// <exception cref="SimulatedOopsException">It lies behind the mapped pieces, or outside RAM.</exception>
    public void Set(ulong pfn)
    {
        ulong word = WordOf(pfn);
        _kernel.Memory.WriteUInt64(word, _kernel.Memory.ReadUInt64(word) | (1UL << (int)(pfn % BitsInWord)));
    }

    /// <summary>Clears a page's bit; as <see cref="Set"/>.</summary>
    /// <param name="pfn">Page frame number.</param>
    public void Clear(ulong pfn)
    {
        ulong word = WordOf(pfn);
        _kernel.Memory.WriteUInt64(word, _kernel.Memory.ReadUInt64(word) & ~(1UL << (int)(pfn % BitsInWord)));
    }

    /// <summary>The pages whose bits are set, ascending; bits behind the bitmap's end are not looked at.</summary>
    /// <returns>Page frame numbers.</returns>
    public List<ulong> ToList()
    {
        const ulong BitsInPage = PageGeometry.SizeBytes * 8;
        List<ulong> pfns = [];
        for (ulong start = 0; start < _bits; start += BitsInPage)
        {
            // A page that was never written is all zero.
            ulong[]? words = _kernel.Memory.Memory.WrittenPage(PageGeometry.PfnOf(WordOf(start)));
            for (int i = 0; words is not null && i < words.Length; i++)
            {
                for (ulong word = words[i]; word != 0; word &= word - 1)
                {
                    ulong pfn = start + ((ulong)i * BitsInWord) + (ulong)BitOperations.TrailingZeroCount(word);
                    if (pfn < _bits)
                    {
                        pfns.Add(pfn);
                    }
                }
            }
        }

        return pfns;
    }

    private ulong WordOf(ulong pfn)
    {
        ulong offset = pfn / BitsInWord * sizeof(ulong);
        if (_blocks.Length == 1)
        {
            return _addresses.Follow(_addresses.VirtualOf(_blocks[0] + offset), sizeof(ulong));
        }

        ulong block = offset / _blockBytes;
        return block < (ulong)_blocks.Length
            ? _blocks[block] + (offset % _blockBytes)
            : throw new SimulatedOopsException(
                string.Create(CultureInfo.InvariantCulture, $"BUG: unable to handle page fault for address: {VmallocAreas.StartAddress + offset:x16}"));
    }
}
