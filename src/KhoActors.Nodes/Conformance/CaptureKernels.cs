namespace KhoActors.Nodes.Conformance;

/// <summary>What is known of a captured kernel build.</summary>
/// <param name="Name">Name of the build, for example <c>7.3.0-rc7-a</c>.</param>
/// <param name="InitSizeBytes">init_size of its image.</param>
/// <param name="PreferredAddress">pref_address of its image.</param>
/// <param name="AlignmentBytes">kernel_alignment of its image.</param>
/// <param name="FileBytes">Bytes of the image file.</param>
public sealed record CaptureKernel(string Name, ulong InitSizeBytes, ulong PreferredAddress, ulong AlignmentBytes, ulong FileBytes);

/// <summary>The kernel builds of a set of captures (<c>kernels.json</c>). Optional: images are then known by their load log only.</summary>
public sealed class CaptureKernels
{
    private const string FileName = "kernels.json";

    private readonly IReadOnlyList<CaptureKernel> _kernels;

    private CaptureKernels(IReadOnlyList<CaptureKernel> kernels) => _kernels = kernels;

    /// <summary>No builds.</summary>
    public static CaptureKernels None { get; } = new([]);

    /// <summary>Finds a build.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The build, or null.</returns>
    public CaptureKernel? Find(string name) => _kernels.FirstOrDefault(kernel => kernel.Name == name);

    internal static CaptureKernels ReadNear(string caseFolder)
    {
        foreach (string? folder in (ReadOnlySpan<string?>)[caseFolder, Path.GetDirectoryName(caseFolder)])
        {
            if (folder is not null && File.Exists(Path.Combine(folder, FileName)))
            {
                return Read(new CaptureFiles(folder));
            }
        }

        return None;
    }

    private static CaptureKernels Read(CaptureFiles files)
    {
        CaptureField root = CaptureField.Parse(FileName, files.Bytes(FileName));
        List<CaptureKernel> kernels = [];
        foreach (string name in root.MemberNames())
        {
            CaptureField kernel = root[name];
            ulong alignment = kernel["kernel_alignment"].Size();
            if (alignment == 0 || (alignment & (alignment - 1)) != 0)
            {
                throw kernel["kernel_alignment"].Complaint("is not a power of two");
            }

            kernels.Add(new CaptureKernel(
                name, kernel["init_size"].Size(), kernel["pref_address"].Address(), alignment, kernel["bzimage_bytes"].Size()));
        }

        return new CaptureKernels(kernels);
    }
}
