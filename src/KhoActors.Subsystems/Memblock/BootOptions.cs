namespace KhoActors.Subsystems.Memblock;

/// <summary>
/// Walks the options of a kernel command line in order (lib/cmdline.c, next_arg; kernel/params.c): separated by white space, double
/// quotes keep blanks together, and <c>--</c> ends the kernel's options. Allocates nothing.
/// </summary>
public ref struct BootOptions
{
    private ReadOnlySpan<char> _rest;

    /// <summary>Starts at the first option.</summary>
    /// <param name="commandLine">The command line.</param>
    public BootOptions(ReadOnlySpan<char> commandLine) => _rest = commandLine;

    /// <summary>The present option's name, as written.</summary>
    public ReadOnlySpan<char> Name { get; private set; }

    /// <summary>Its value; empty without one.</summary>
    public ReadOnlySpan<char> Value { get; private set; }

    /// <summary>Whether the option has a <c>=</c>.</summary>
    public bool HasValue { get; private set; }

    /// <summary>Moves to the next option.</summary>
    /// <returns>False at the end.</returns>
    public bool MoveNext()
    {
        _rest = _rest.TrimStart();
        if (_rest.IsEmpty)
        {
            return false;
        }

        bool argumentQuoted = _rest[0] == '"';
        ReadOnlySpan<char> text = argumentQuoted ? _rest[1..] : _rest;
        int end = 0;
        int equals = 0;
        for (bool quoted = argumentQuoted; end < text.Length && (quoted || !char.IsWhiteSpace(text[end])); end++)
        {
            if (text[end] == '=' && equals == 0)
            {
                equals = end;
            }
            else if (text[end] == '"')
            {
                quoted = !quoted;
            }
        }

        _rest = text[Math.Min(end + 1, text.Length)..];
        ReadOnlySpan<char> option = text[..end];
        if (argumentQuoted && end > 0 && option[^1] == '"')
        {
            option = option[..^1];
        }

        HasValue = equals > 0;
        Name = HasValue ? option[..equals] : option;
        Value = HasValue ? Unquoted(option[(equals + 1)..]) : default;
        return HasValue || !Name.SequenceEqual("--");
    }

    /// <summary>Whether the present option has a name; dashes and underscores are the same (parameq).</summary>
    /// <param name="name">The name with underscores.</param>
    /// <returns>True when it is this option.</returns>
    public readonly bool Is(ReadOnlySpan<char> name)
    {
        if (Name.Length != name.Length)
        {
            return false;
        }

        for (int i = 0; i < name.Length; i++)
        {
            if ((Name[i] == '-' ? '_' : Name[i]) != name[i])
            {
                return false;
            }
        }

        return true;
    }

    private static ReadOnlySpan<char> Unquoted(ReadOnlySpan<char> value)
    {
        if (value.IsEmpty || value[0] != '"')
        {
            return value;
        }

        value = value[1..];
        return !value.IsEmpty && value[^1] == '"' ? value[..^1] : value;
    }
}
