using System.Diagnostics;
using System.Globalization;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Host.Bench;

/// <summary>B7: 64 sub-trees added to a root FDT, one after the other; each add opens the blob, adds and packs.</summary>
internal sealed class RootFdtWorkload
{
    private const int Rounds = 200;
    private const ulong FirstAddress = 0x200000000;
    private readonly byte[] _page = new byte[PageGeometry.SizeBytes];
    private readonly string[] _names = [.. Enumerable.Range(0, 64).Select(i => "blob-" + i.ToString("D4", CultureInfo.InvariantCulture))];

    /// <summary>Runs all rounds; setting the FDT up is not timed.</summary>
    /// <returns>Nanoseconds per add.</returns>
    public double Measure()
    {
        TimeSpan elapsed = TimeSpan.Zero;
        for (int round = 0; round < Rounds; round++)
        {
            RootFdt.Setup(_page, KhoAbi.V2, 0x1_0000_0000);
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < _names.Length; i++)
            {
                RootFdt.AddSubtree(_page, KhoAbi.V2, _names[i], FirstAddress + ((ulong)i * PageGeometry.SizeBytes), 0);
            }

            elapsed += Stopwatch.GetElapsedTime(start);
        }

        return elapsed.TotalNanoseconds / (Rounds * _names.Length);
    }

    /// <summary>Looks every sub-tree up in the last round's FDT.</summary>
    /// <returns>How many were found with their address.</returns>
    public WorkProof Verify()
    {
        int found = 0;
        for (int i = 0; i < _names.Length; i++)
        {
            found += RootFdt.FindSubtree(_page, KhoAbi.V2, _names[i], out ulong phys, out _) == SubtreeLookup.Found
                && phys == FirstAddress + ((ulong)i * PageGeometry.SizeBytes) ? 1 : 0;
        }

        return new WorkProof($"{found} sub-trees", found == _names.Length);
    }
}
