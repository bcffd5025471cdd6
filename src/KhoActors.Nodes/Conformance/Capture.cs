using System.Globalization;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// A recorded chain of real kernels: a folder with <c>case.json</c> and one folder <c>gen-N</c> for each generation. A single
/// <c>gen-N</c> folder is a capture too; what its parent's case.json says is used when it is there.
/// </summary>
public sealed class Capture
{
    private const string GenerationPrefix = "gen-";
    private const string ConsoleTail = "console-tail.txt";

    private readonly CaptureFiles _files;
    private readonly List<CaptureGeneration> _generations = [];

    private Capture(CaptureFiles files, string name, string description, int? selected)
    {
        _files = files;
        Name = name;
        Description = description;
        Selected = selected;
    }

    /// <summary>Name of the case folder.</summary>
    public string Name { get; }

    /// <summary>What the case shows, in one line; empty when it has no case.json.</summary>
    public string Description { get; }

    /// <summary>CPUs of the captured machine; 1 when case.json does not say.</summary>
    public int Cpus { get; private init; } = 1;

    /// <summary>The generation that was asked for when a <c>gen-N</c> folder was opened, else null.</summary>
    public int? Selected { get; }

    /// <summary>The generations, ascending.</summary>
    public IReadOnlyList<CaptureGeneration> Generations => _generations;

    /// <summary>Values of the kernel builds, from <c>kernels.json</c> in the case folder or beside it.</summary>
    public CaptureKernels Kernels { get; private set; } = CaptureKernels.None;

    /// <summary>Whether a folder looks like a capture: a case or a single generation.</summary>
    /// <param name="directory">Path of the folder.</param>
    /// <returns>Whether <see cref="Open"/> is worth a try.</returns>
    public static bool Recognises(string directory) => Directory.Exists(directory)
        && (IsCase(directory) || (GenerationOf(directory) is not null && File.Exists(Path.Combine(directory, "dmesg.txt"))));

    /// <summary>Opens a capture.</summary>
    /// <param name="directory">A case folder or a <c>gen-N</c> folder.</param>
    /// <returns>The capture; its larger files are read when asked for.</returns>
    /// <exception cref="CaptureFormatException">The folder or its case.json is missing or malformed.</exception>
    public static Capture Open(string directory)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        int? selected = IsCase(full) ? null : GenerationOf(full);
        string root = selected is null ? full : Path.GetDirectoryName(full)!;
        CaptureFiles files = new(root);
        bool described = files.Exists(CaptureCaseFile.Name);
        if (!described && selected is null)
        {
            throw new CaptureFormatException(CaptureCaseFile.Name, string.Empty, "is missing");
        }

        (string description, int cpus, IReadOnlyList<CaptureDescription> generations) = described ? CaptureCaseFile.Read(files) : (string.Empty, 1, []);
        Capture capture = new(files, Path.GetFileName(root), description, selected) { Cpus = cpus, Kernels = CaptureKernels.ReadNear(root) };
        foreach (CaptureDescription generation in generations.OrderBy(generation => generation.Number))
        {
            capture.Add(generation);
        }

        if (selected is { } number && capture.Find(number) is null)
        {
            capture.AddUndescribed(number);
        }

        return capture;
    }

    /// <summary>A generation by its number.</summary>
    /// <param name="number">Place in the chain.</param>
    /// <returns>The generation.</returns>
    /// <exception cref="CaptureFormatException">The capture does not have it.</exception>
    public CaptureGeneration Generation(int number) =>
        Find(number) ?? throw new CaptureFormatException(CaptureCaseFile.Name, "generations", $"generation {number} is missing");

    /// <summary>A generation by its number, if the capture has it.</summary>
    /// <param name="number">Place in the chain.</param>
    /// <returns>The generation, or null.</returns>
    public CaptureGeneration? Find(int number) => _generations.Find(generation => generation.Number == number);

    internal static bool IsCase(string directory) => File.Exists(Path.Combine(directory, CaptureCaseFile.Name));

    /// <summary>Reads the serial output of a case that ended in a crash or hang.</summary>
    /// <returns>Its lines, or null when there is none.</returns>
    public IReadOnlyList<string>? ReadConsoleTail() => _files.Exists(ConsoleTail) ? _files.Lines(ConsoleTail) : null;

    private static int? GenerationOf(string directory)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)));
        return name.StartsWith(GenerationPrefix, StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(GenerationPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : null;
    }

    private void Add(CaptureDescription description) =>
        _generations.Add(new CaptureGeneration(this, _files, description, $"{GenerationPrefix}{description.Number.ToString(CultureInfo.InvariantCulture)}"));

    /// <summary>A folder without case.json: what is needed comes from its own files.</summary>
    private void AddUndescribed(int number)
    {
        string folder = $"{GenerationPrefix}{number.ToString(CultureInfo.InvariantCulture)}";
        string file = $"{folder}/dmesg.txt";
        string release = CaptureLog.Parse(file, _files.Lines(file)).Release;
        Add(new CaptureDescription(number, release, _files.Text($"{folder}/cmdline").TrimEnd('\n', '\r')));
    }
}
