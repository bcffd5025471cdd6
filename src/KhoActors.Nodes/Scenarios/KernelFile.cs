using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Scenarios;

/// <summary>Reads a kernel file (config/kernels): one simulated kernel build.</summary>
public static class KernelFile
{
    /// <summary>Reads and checks a kernel file.</summary>
    /// <param name="utf8">The file's bytes.</param>
    /// <param name="source">Its name in messages.</param>
    /// <returns>The build.</returns>
    /// <exception cref="ScenarioException">The file is not valid; the exception lists why and where.</exception>
    public static KernelBuild Read(ReadOnlySpan<byte> utf8, string source)
    {
        ConfigNode root = YamlReader.ReadBytes(utf8, source);
        ProblemList problems = new();
        KernelBuild build = new RecordBinder(problems).Bind<KernelBuild>(root);
        Check(build, new CrossChecks(root, problems, ""));
        problems.ThrowIfAny();
        return build;
    }

    /// <summary>Checks what spans several fields of a kernel.</summary>
    internal static void Check(KernelBuild build, CrossChecks checks)
    {
        checks.Require(CrossChecks.IsName(build.Name), "name", CrossChecks.NameRule);
        checks.Require(!build.Release.Contains(' ', StringComparison.Ordinal), "release", "a release contains no spaces");
        checks.Require(
            build.ImagePreferredAddress % build.ImageAlignmentBytes == 0,
            "image_preferred_address",
            $"the address must be a multiple of image_alignment_bytes, 0x{build.ImageAlignmentBytes:x}");
        for (int i = 0; i < build.EarlyAllocations.Count; i++)
        {
            EarlyAllocation allocation = build.EarlyAllocations[i];
            checks.Require(allocation.Name.Length > 0, $"early_allocations[{i}].name", "the name is empty");
            checks.Require(
                allocation.KeepBytes is not { } kept || kept <= allocation.SizeBytes,
                $"early_allocations[{i}].keep_bytes",
                $"more is kept than size_bytes, {allocation.SizeBytes}");
            checks.Require(
                allocation.SmallestBytes <= allocation.SizeBytes,
                $"early_allocations[{i}].smallest_bytes",
                $"it is halved down to more than size_bytes, {allocation.SizeBytes}");
            checks.Require(
                allocation.MaxAddress == 0 || allocation.MinAddress < allocation.MaxAddress,
                $"early_allocations[{i}].max_address",
                $"it is not above min_address, 0x{allocation.MinAddress:x}");
        }
    }
}
