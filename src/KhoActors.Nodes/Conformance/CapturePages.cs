using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>One captured page.</summary>
/// <param name="Phys">Physical address.</param>
/// <param name="Roles">What it was saved as, for example <c>root-fdt</c>, <c>radix-l5</c>, <c>blob:memblock</c>.</param>
/// <param name="Data">Its 4096 bytes.</param>
public sealed record CapturePage(ulong Phys, IReadOnlyList<string> Roles, byte[] Data);

/// <summary>The memory that a generation handed over, as far as it was saved.</summary>
/// <param name="RootFdtPhys">Address of the root FDT.</param>
/// <param name="Pages">The pages, in file order.</param>
public sealed record CapturePages(ulong RootFdtPhys, IReadOnlyList<CapturePage> Pages)
{
    internal const string FileName = "pages.json.gz";

    /// <summary>Puts the pages into simulated RAM. What was not saved reads as zero.</summary>
    /// <returns>New RAM.</returns>
    public PhysicalMemory ToMemory()
    {
        PhysicalMemory memory = new();
        foreach (CapturePage page in Pages)
        {
            memory.Write(page.Phys, page.Data);
        }

        return memory;
    }

    /// <summary>Whether a page was saved.</summary>
    /// <param name="phys">Any address inside it.</param>
    /// <returns>Whether its bytes are known.</returns>
    public bool Holds(ulong phys) => _saved.Contains(PageGeometry.PfnOf(phys));

    private readonly HashSet<ulong> _saved = [.. Pages.Select(page => PageGeometry.PfnOf(page.Phys))];

    internal static CapturePages Read(CaptureFiles files, string file)
    {
        CaptureField root = CaptureField.Parse(file, files.Inflated(file));
        if (root["page_size"].Number() != PageGeometry.SizeBytes)
        {
            throw root["page_size"].Complaint($"is not {PageGeometry.SizeBytes}");
        }

        if (root["encoding"].Text() != "base64")
        {
            throw root["encoding"].Complaint("is not base64");
        }

        CaptureField[] items = root["pages"].Items();
        CapturePage[] pages = new CapturePage[items.Length];
        for (int i = 0; i < items.Length; i++)
        {
            pages[i] = Page(items[i]);
        }

        return new CapturePages(root["root_fdt_phys"].Address(), pages);
    }

    private static CapturePage Page(in CaptureField field)
    {
        ulong phys = field["phys"].Address();
        if (phys % PageGeometry.SizeBytes != 0)
        {
            throw field["phys"].Complaint("is not the address of a page");
        }

        byte[] data = field["data"].Base64();
        if (data.Length != PageGeometry.SizeBytes)
        {
            throw field["data"].Complaint($"holds {data.Length} bytes instead of {PageGeometry.SizeBytes}");
        }

        return new CapturePage(phys, [.. (field.Find("role")?.Items() ?? []).Select(role => role.Text())], data);
    }
}
