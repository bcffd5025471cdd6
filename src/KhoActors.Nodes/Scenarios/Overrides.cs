using System.Globalization;

namespace KhoActors.Nodes.Scenarios;

/// <summary>
/// Puts the values of <c>--set path=value</c> into a document before it is read, so that they meet the same checks. A value that begins
/// with a bracket, brace or quote is YAML; any other is taken as it is, so that command lines need no second quoting.
/// </summary>
internal static class Overrides
{
    /// <summary>Applies one setting.</summary>
    /// <param name="root">The document; it is changed.</param>
    /// <param name="setting">For example <c>hardware.0.memory=2 GiB</c>; numbers address items of lists.</param>
    /// <param name="problems">Where problems go.</param>
    /// <exception cref="ScenarioException">The value is not valid YAML.</exception>
    public static void Apply(ConfigNode root, string setting, ProblemList problems)
    {
        SourcePosition position = new($"--set {Shorten(setting)}");
        int equals = setting.IndexOf('=', StringComparison.Ordinal);
        string path = equals < 0 ? "" : setting[..equals].Trim();
        string[] segments = path.Split('.');
        if (segments.Length > YamlReader.MaximumDepth || Array.Exists(segments, segment => segment.Length == 0))
        {
            problems.Add(position, "", "expected path=value with a dotted path, for example workload.operations_per_kexec=128");
            return;
        }

        ConfigNode value = Parse(setting[(equals + 1)..], position);
        ConfigNode node = root;
        for (int i = 0; i < segments.Length - 1; i++)
        {
            if (Step(node, segments[i], position) is not { } next)
            {
                problems.Add(position, path, NoSuchPlace(node, segments[i]));
                return;
            }

            node = next;
        }

        if (!Put(node, segments[^1], value, position))
        {
            problems.Add(position, path, NoSuchPlace(node, segments[^1]));
        }
    }

    private static ConfigNode Parse(string text, SourcePosition position) =>
        text.Trim() is ['[' or '{' or '"' or '\'', ..] structured
            ? YamlReader.ReadOption(structured, position)
            : new ConfigScalar(position, text, plain: true);

    /// <summary>The node below a key or index; a missing key of a mapping begins a new mapping.</summary>
    private static ConfigNode? Step(ConfigNode node, string segment, SourcePosition position)
    {
        if (node is not ConfigMapping mapping)
        {
            return node is ConfigSequence sequence && IndexIn(sequence, segment) is { } index ? sequence.Items[index] : null;
        }

        if (mapping.Find(segment) is { } entry)
        {
            return entry.Value;
        }

        ConfigMapping added = new(position);
        mapping.Set(new ConfigEntry(segment, position, added));
        return added;
    }

    private static bool Put(ConfigNode node, string segment, ConfigNode value, SourcePosition position)
    {
        if (node is ConfigMapping mapping)
        {
            mapping.Set(new ConfigEntry(segment, position, value));
            return true;
        }

        if (node is ConfigSequence sequence && IndexIn(sequence, segment) is { } index)
        {
            sequence.Items[index] = value;
            return true;
        }

        return false;
    }

    private static int? IndexIn(ConfigSequence sequence, string segment) =>
        int.TryParse(segment, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < sequence.Items.Count ? index : null;

    private static string NoSuchPlace(ConfigNode node, string segment) => node is ConfigSequence sequence
        ? $"{ConfigScalar.Quote(segment)} is not an item of the list at {node.Position}, which has {sequence.Items.Count} (the first is 0)"
        : $"{ConfigScalar.Quote(segment)} lies below {node.Describe()} at {node.Position}, which has no fields";

    private static string Shorten(string setting) => ConfigScalar.Quote(setting)[1..^1];
}
