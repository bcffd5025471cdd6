using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace KhoActors.Nodes.Scenarios;

/// <summary>
/// Reads one YAML document into <see cref="ConfigNode"/>s. The input is hostile: its size, depth and number of values are bounded, and
/// anchors, aliases (which multiply), tags (which name types) and further documents are refused.
/// </summary>
internal sealed class YamlReader
{
    /// <summary>Largest source, in bytes of UTF-8.</summary>
    public const int MaximumBytes = 1 << 20;

    /// <summary>Deepest nesting of lists and mappings.</summary>
    public const int MaximumDepth = 16;

    /// <summary>Most values in one source.</summary>
    public const int MaximumValues = 100_000;

    /// <summary>How much larger a canonical text may be than a file: it holds every default and several kernels.</summary>
    public const int CanonicalScale = 16;

    private readonly Func<Mark, SourcePosition> _position;
    private readonly Parser _parser;
    private int _valuesLeft;

    private YamlReader(string text, int scale, Func<Mark, SourcePosition> position)
    {
        _valuesLeft = MaximumValues * scale;
        _position = position;
        _parser = new Parser(new StringReader(text));
    }

    /// <summary>Reads a file's bytes.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="source">Their name in messages.</param>
    /// <param name="scale">Factor on the limits: 1 or <see cref="CanonicalScale"/>.</param>
    /// <exception cref="ScenarioException">The bytes are too many, not UTF-8, or not YAML of the accepted kind.</exception>
    public static ConfigNode ReadBytes(ReadOnlySpan<byte> bytes, string source, int scale = 1)
    {
        if (bytes.Length > MaximumBytes * scale)
        {
            throw Refuse(new SourcePosition(source), $"the file has {bytes.Length} bytes; at most {MaximumBytes * scale} are read");
        }

        try
        {
            UTF8Encoding strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
            string text = strict.GetString(bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes);
            return ReadText(text, scale, mark => new SourcePosition(source, (int)mark.Line, (int)mark.Column));
        }
        catch (DecoderFallbackException exception)
        {
            throw Refuse(new SourcePosition(source), $"the file is not UTF-8 (byte {exception.Index})");
        }
    }

    /// <summary>Reads a value that the command line gave; all of it has the option's position.</summary>
    /// <exception cref="ScenarioException">The text is too long or not YAML of the accepted kind.</exception>
    public static ConfigNode ReadOption(string text, SourcePosition position) =>
        text.Length > MaximumBytes
            ? throw Refuse(position, $"the value has {text.Length} characters; at most {MaximumBytes} are read")
            : ReadText(text, 1, _ => position);

    private static ConfigNode ReadText(string text, int scale, Func<Mark, SourcePosition> position)
    {
        YamlReader reader = new(text, scale, position);
        try
        {
            return reader.Document();
        }
        catch (YamlException exception)
        {
            throw Refuse(position(exception.Start), $"not valid YAML: {exception.Message.ReplaceLineEndings(" ").TrimEnd('.')}");
        }
        catch (InvalidOperationException)
        {
            // YamlDotNet 16.3 throws this instead of its own exception for some text inside brackets that are not closed.
            throw Refuse(
                position(reader._parser.Current?.End ?? Mark.Empty),
                "not valid YAML: what follows here cannot be understood; is a bracket not closed?");
        }
    }

    private static ScenarioException Refuse(SourcePosition position, string message) => new([new ScenarioProblem(position, "", message)]);

    private ConfigNode Document()
    {
        _parser.Consume<StreamStart>();
        if (_parser.Accept<StreamEnd>(out _))
        {
            throw Refuse(_position(_parser.Current!.Start), "the file is empty");
        }

        _parser.Consume<DocumentStart>();
        ConfigNode root = Value(0);
        _parser.Consume<DocumentEnd>();
        return _parser.Accept<DocumentStart>(out _)
            ? throw Refuse(_position(_parser.Current!.Start), "a second document begins here; a file holds one")
            : root;
    }

    private ConfigNode Value(int depth)
    {
        ParsingEvent next = _parser.Consume<ParsingEvent>();
        SourcePosition position = _position(next.Start);
        if (next is AnchorAlias || next is NodeEvent { Anchor.IsEmpty: false })
        {
            throw Refuse(position, "anchors and aliases are not accepted; write the value out");
        }

        if (next is NodeEvent { Tag.IsEmpty: false })
        {
            throw Refuse(position, "tags are not accepted; the field decides the type");
        }

        if (_valuesLeft-- == 0)
        {
            throw Refuse(position, "too many values");
        }

        if (next is Scalar scalar)
        {
            return new ConfigScalar(position, scalar.Value, scalar.Style == ScalarStyle.Plain);
        }

        if (depth == MaximumDepth)
        {
            throw Refuse(position, $"nested deeper than {MaximumDepth} levels");
        }

        return next is SequenceStart ? Sequence(position, depth + 1) : Mapping(position, depth + 1);
    }

    private ConfigSequence Sequence(SourcePosition position, int depth)
    {
        ConfigSequence sequence = new(position);
        while (!_parser.TryConsume<SequenceEnd>(out _))
        {
            sequence.Items.Add(Value(depth));
        }

        return sequence;
    }

    private ConfigMapping Mapping(SourcePosition position, int depth)
    {
        ConfigMapping mapping = new(position);
        HashSet<string> keys = new(StringComparer.Ordinal);
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            ConfigNode node = Value(depth);
            if (node is not ConfigScalar key)
            {
                throw Refuse(node.Position, $"{node.Describe()} cannot be a key");
            }

            if (!keys.Add(key.Text))
            {
                throw Refuse(key.Position, $"the key {key.Describe()} is given twice; its first value is at {mapping.Find(key.Text)!.Value.Position}");
            }

            mapping.Entries.Add(new ConfigEntry(key.Text, key.Position, Value(depth)));
        }

        return mapping;
    }
}
