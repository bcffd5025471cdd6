using System.Numerics;
using KhoActors.Subsystems.Kho;

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
        ulong bytes = RequestedBytes(request.Build, request.CommandLine);
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

    /// <summary>What the last fitting <c>log_buf_len=</c> asks for.</summary>
    /// <param name="build">The kernel, whose built-in buffer has 2^<see cref="KernelBuild.LogBufShift"/> bytes.</param>
    /// <param name="commandLine">Its command line.</param>
    /// <returns>Bytes, a power of two above the built-in size; 0 when the built-in buffer stays.</returns>
    public static ulong RequestedBytes(KernelBuild build, string commandLine)
    {
        ulong wanted = 0;
        BootOptions options = new(commandLine);
        while (options.MoveNext())
        {
            if (options.Is("log_buf_len") && MemParse.Parse(options.Value, build.MemparseBareSuffix, out ulong value) >= 0)
            {
                ulong size = value == 0 ? 0 : BitOperations.RoundUpToPowerOf2(Math.Min(value, LargestBytes));
                wanted = size > 1UL << build.LogBufShift ? size : wanted;
            }
        }

        return wanted;
    }
}
