namespace KhoActors.Nodes.Scenarios;

/// <summary>One file of a catalog.</summary>
/// <param name="Name">Its name: the file's name without ending.</param>
/// <param name="Path">Where it is.</param>
/// <param name="Summary">Its summary; empty when it cannot be read.</param>
/// <param name="Problem">Why it cannot be read, or null.</param>
public sealed record CatalogEntry(string Name, string Path, string Summary, ScenarioException? Problem);

/// <summary>A folder of YAML files that are found by name.</summary>
internal sealed class ConfigFolder(string folder, string kind)
{
    private const string Ending = ".yaml";
    private const int ChunkBytes = 16 << 10;

    /// <summary>Names of the files, sorted.</summary>
    public IReadOnlyList<string> Names()
    {
        if (!Directory.Exists(folder))
        {
            return [];
        }

        string[] files = Directory.GetFiles(folder, "*" + Ending);
        Array.Sort(files, StringComparer.Ordinal);
        return [.. files.Select(file => Path.GetFileNameWithoutExtension(file))];
    }

    public bool Has(string name) => CrossChecks.IsName(name) && File.Exists(PathOf(name));

    public string PathOf(string name) => Path.Combine(folder, name + Ending);

    /// <summary>Whether a path ends as YAML files do.</summary>
    public static bool IsYaml(string path) => path.EndsWith(Ending, StringComparison.Ordinal) || path.EndsWith(".yml", StringComparison.Ordinal);

    /// <summary>The path of a file that is given by name, or by a path (which has a separator or the ending .yaml).</summary>
    /// <exception cref="ScenarioException">There is none.</exception>
    public string Locate(string nameOrPath)
    {
        if (nameOrPath.AsSpan().IndexOfAny('/', '\\') >= 0 || IsYaml(nameOrPath))
        {
            return nameOrPath;
        }

        return Has(nameOrPath)
            ? PathOf(nameOrPath)
            : throw Refuse(folder, $"no {kind} {ConfigScalar.Quote(nameOrPath)}; {NameSuggestion.For(nameOrPath, Names())}");
    }

    /// <summary>Reads a file, but never more than the reader accepts: it may be a device or still growing.</summary>
    /// <exception cref="ScenarioException">It cannot be read.</exception>
    public static byte[] ReadBytes(string path)
    {
        if (Directory.Exists(path))
        {
            throw Refuse(path, "is a folder; a file is expected");
        }

        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            using MemoryStream content = new();
            byte[] chunk = new byte[ChunkBytes];
            for (int length = file.Read(chunk); length > 0; length = file.Read(chunk))
            {
                content.Write(chunk, 0, length);
                if (content.Length > YamlReader.MaximumBytes)
                {
                    throw Refuse(path, $"the file has more than {YamlReader.MaximumBytes} bytes");
                }
            }

            return content.ToArray();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw Refuse(path, $"cannot be read: {exception.Message}");
        }
    }

    /// <summary>Reads every file for a list; one that cannot be read is listed with its problem.</summary>
    public IReadOnlyList<CatalogEntry> Entries(Func<string, string> summaryOfName)
    {
        List<CatalogEntry> entries = [];
        foreach (string name in Names())
        {
            try
            {
                entries.Add(new CatalogEntry(name, PathOf(name), summaryOfName(name), null));
            }
            catch (ScenarioException exception)
            {
                entries.Add(new CatalogEntry(name, PathOf(name), "", exception));
            }
        }

        return entries;
    }

    /// <summary>Makes sure that a file's name and the name inside it are the same, so that what lists show can be found.</summary>
    /// <exception cref="ScenarioException">They differ.</exception>
    public void RequireName(string fileName, string name)
    {
        if (fileName != name)
        {
            throw Refuse(PathOf(fileName), $"the file is named '{fileName}' but its name is '{name}'; they must be the same");
        }
    }

    private static ScenarioException Refuse(string source, string message) => new([new ScenarioProblem(new SourcePosition(source), "", message)]);
}
