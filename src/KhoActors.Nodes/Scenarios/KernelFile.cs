using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Scenarios;

/// <summary>Reads a kernel file (config/kernels): one simulated kernel build.</summary>
public static class KernelFile
{
    /// <summary>Key of the kernel that a file extends: it has all of its values but those that it gives itself.</summary>
    internal const string ExtendsKey = "extends";

    private const int DeepestExtension = 8;

    /// <summary>Reads and checks a kernel file.</summary>
    /// <param name="utf8">The file's bytes.</param>
    /// <param name="source">Its name in messages.</param>
    /// <param name="kernels">Where the kernel is that it extends; null when it may extend none.</param>
    /// <returns>The build, with every value of the kernels that it extends.</returns>
    /// <exception cref="ScenarioException">The file is not valid; the exception lists why and where.</exception>
    public static KernelBuild Read(ReadOnlySpan<byte> utf8, string source, KernelCatalog? kernels = null)
    {
        ProblemList problems = new();
        ConfigNode root = Extended(YamlReader.ReadBytes(utf8, source), kernels, DeepestExtension, problems);
        problems.ThrowIfAny();
        KernelBuild build = new RecordBinder(problems).Bind<KernelBuild>(root);
        Check(build, new CrossChecks(root, problems, ""));
        problems.ThrowIfAny();
        return build;
    }

    /// <summary>A file's values, and behind them those of the kernel that it extends; each keeps its place.</summary>
    private static ConfigNode Extended(ConfigNode root, KernelCatalog? kernels, int depth, ProblemList problems)
    {
        if (root is not ConfigMapping mapping || mapping.Find(ExtendsKey) is not { } extends)
        {
            return root;
        }

        mapping.Entries.Remove(extends);
        ConfigNode? extended = extends.Value is ConfigScalar name && kernels is not null && depth > 0 ? kernels.ReadNode(name.Text) : null;
        if (extended is null)
        {
            string problem = depth == 0 ? $"kernels extend each other in a circle, or more than {DeepestExtension} deep"
                : kernels is null ? "a kernel that stands alone cannot extend another"
                : $"no kernel {extends.Value.Describe()}; {NameSuggestion.For((extends.Value as ConfigScalar)?.Text ?? "", kernels.Names)}";
            problems.Add(extends.Value.Position, ExtendsKey, problem);
            return root;
        }

        if (Extended(extended, kernels, depth - 1, problems) is ConfigMapping below)
        {
            mapping.Entries.AddRange([.. below.Entries.Where(entry => mapping.Find(entry.Key) is null)]);
        }

        return mapping;
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
