using System.Numerics;

namespace KhoActors.Subsystems.Memblock;

/// <summary>The log buffer of <c>log_buf_len=</c> (kernel/printk/printk.c, setup_log_buf): text, descriptors and infos.</summary>
internal static class LogBuffer
{
    private const ulong LargestBytes = 1UL << 31;
    private const int TextBytesPerRecordLog2 = 5;
    private const ulong DescriptorBytes = 24;
    private const ulong InfoBytes = 88;
    private const ulong AlignBytes = 8;

    /// <summary>Allocates the three parts when the option asks for more than the built-in buffer; gives up as a whole when one does not fit.</summary>
    /// <param name="request">The build and its command line.</param>
    /// <param name="memblock">The boot-time allocator.</param>
    public static void Allocate(EarlyBootRequest request, MemblockAllocator memblock)
    {
        ulong bytes = RequestedBytes(request);
        if (bytes == 0)
        {
            return;
        }

        ulong records = bytes >> TextBytesPerRecordLog2;
        ulong text = memblock.Allocate(bytes, AlignBytes);
        ulong descriptors = text == 0 ? 0 : memblock.Allocate(records * DescriptorBytes, AlignBytes);
        ulong infos = descriptors == 0 ? 0 : memblock.Allocate(records * InfoBytes, AlignBytes);
        if (infos == 0)
        {
            memblock.Free(descriptors, descriptors == 0 ? 0 : records * DescriptorBytes);
            memblock.Free(text, text == 0 ? 0 : bytes);
        }
    }

    private static ulong RequestedBytes(EarlyBootRequest request)
    {
        ulong wanted = 0;
        BootOptions options = new(request.CommandLine);
        while (options.MoveNext())
        {
            if (options.Is("log_buf_len") && MemParse.Parse(options.Value, request.Build.MemparseBareSuffix, out ulong value) >= 0)
            {
                ulong size = value == 0 ? 0 : BitOperations.RoundUpToPowerOf2(Math.Min(value, LargestBytes));
                wanted = size > 1UL << request.Build.LogBufShift ? size : wanted;
            }
        }

        return wanted;
    }
}
