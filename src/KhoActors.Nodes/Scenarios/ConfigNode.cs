namespace KhoActors.Nodes.Scenarios;

/// <summary>A value as it was written, with its place. Anchors, tags and duplicate keys are already refused.</summary>
internal abstract class ConfigNode(SourcePosition position)
{
    public SourcePosition Position { get; } = position;

    /// <summary>What the value is, for messages.</summary>
    public abstract string Describe();

    /// <summary>The deepest node on the way along a path such as <c>hardware[1].memory</c>.</summary>
    public ConfigNode Nearest(string path)
    {
        ConfigNode node = this;
        foreach (string segment in path.Replace("]", "", StringComparison.Ordinal).Split('.', '['))
        {
            ConfigNode? next = node switch
            {
                ConfigMapping mapping => mapping.Find(segment)?.Value,
                ConfigSequence sequence when int.TryParse(segment, out int index) && index >= 0 && index < sequence.Items.Count => sequence.Items[index],
                _ => null,
            };
            if (next is null)
            {
                return node;
            }

            node = next;
        }

        return node;
    }
}

/// <summary>Text, a number or a truth value.</summary>
internal sealed class ConfigScalar(SourcePosition position, string text, bool plain) : ConfigNode(position)
{
    public string Text { get; } = text;

    /// <summary>Whether it was written without quotes, so that it can be a number or null.</summary>
    public bool Plain { get; } = plain;

    public bool IsNull => Plain && Text is "" or "~" or "null";

    public override string Describe() => IsNull ? "nothing" : Quote(Text);

    /// <summary>Text in quotes, made safe for one line of a terminal.</summary>
    public static string Quote(string text)
    {
        const int longest = 60;
        string start = text.Length > longest ? string.Concat(text.AsSpan(0, longest), "...") : text;
        return $"'{string.Concat(start.Select(c => char.IsControl(c) || char.IsSurrogate(c) || c is '\u2028' or '\u2029' ? '?' : c))}'";
    }
}

/// <summary>A list.</summary>
internal sealed class ConfigSequence(SourcePosition position) : ConfigNode(position)
{
    public List<ConfigNode> Items { get; } = [];

    public override string Describe() => "a list";
}

/// <summary>One key of a mapping and its value.</summary>
internal sealed record ConfigEntry(string Key, SourcePosition KeyPosition, ConfigNode Value);

/// <summary>A mapping from keys to values, in the order of the source.</summary>
internal sealed class ConfigMapping(SourcePosition position) : ConfigNode(position)
{
    public List<ConfigEntry> Entries { get; } = [];

    public override string Describe() => "a mapping";

    public ConfigEntry? Find(string key) => Entries.Find(entry => entry.Key == key);

    /// <summary>Adds a key or replaces its value.</summary>
    public void Set(ConfigEntry entry)
    {
        int index = Entries.FindIndex(existing => existing.Key == entry.Key);
        if (index < 0)
        {
            Entries.Add(entry);
        }
        else
        {
            Entries[index] = entry;
        }
    }
}
