using System.Text;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>The debugfs files <c>out/scratch_phys</c> and <c>out/scratch_len</c>: one line for each scratch area.</summary>
internal static class ScratchFiles
{
    /// <summary>Reads both files.</summary>
    public static ScratchArea[] Parse(string generation, byte[] addresses, byte[] sizes)
    {
        ulong[] starts = Numbers($"{generation}/kho/out/scratch_phys", addresses);
        ulong[] lengths = Numbers($"{generation}/kho/out/scratch_len", sizes);
        if (starts.Length != lengths.Length)
        {
            throw new CaptureFormatException($"{generation}/kho/out/scratch_len", string.Empty, $"has {lengths.Length} lines instead of {starts.Length}");
        }

        return [.. starts.Zip(lengths, (start, length) => new ScratchArea(start, length))];
    }

    private static ulong[] Numbers(string file, byte[] content)
    {
        string[] lines = CaptureFiles.SplitLines(Encoding.ASCII.GetString(content));
        ulong[] numbers = new ulong[lines.Length];
        for (int i = 0; i < lines.Length; i++)
        {
            if (!CaptureField.TryParse(lines[i].TrimEnd('\r'), out numbers[i]) || numbers[i] >= 1UL << PageGeometry.PhysicalAddressBits)
            {
                throw new CaptureFormatException(file, $"line {i + 1}", "is not a number below 2^52 like 0x1e800000");
            }
        }

        return numbers;
    }
}
