using System.Globalization;

namespace KhoActors.Nodes.Scenarios;

/// <summary>How the text of a number is read. The unit follows from the property's name, which carries it.</summary>
internal enum ValueUnit
{
    /// <summary>A whole number, decimal or hexadecimal.</summary>
    None,

    /// <summary>Bytes or an address: a number, or one with KiB, MiB, GiB or TiB.</summary>
    Bytes,

    /// <summary>Virtual time in nanosecond ticks: a number with ns, us, ms, s, min or h.</summary>
    Ticks,

    /// <summary>A chance: a number with ppm or %.</summary>
    PartsPerMillion,
}

/// <summary>Reads and writes numbers with units.</summary>
internal static class UnitValue
{
    private static readonly (string Name, ulong Factor)[] Sizes = [("TiB", 1UL << 40), ("GiB", 1UL << 30), ("MiB", 1UL << 20), ("KiB", 1UL << 10), ("B", 1)];

    private static readonly (string Name, ulong Factor)[] Durations =
        [("h", 3_600_000_000_000), ("min", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];

    private static readonly (string Name, ulong Factor)[] Chances = [("%", 10_000), ("ppm", 1)];

    /// <summary>The unit that a property's name carries.</summary>
    public static ValueUnit OfProperty(string name) =>
        name.EndsWith("Bytes", StringComparison.Ordinal) || name.EndsWith("Address", StringComparison.Ordinal) || name is "Start" or "End" ? ValueUnit.Bytes
        : name.EndsWith("Ticks", StringComparison.Ordinal) ? ValueUnit.Ticks
        : name.EndsWith("PartsPerMillion", StringComparison.Ordinal) ? ValueUnit.PartsPerMillion
        : ValueUnit.None;

    /// <summary>What texts a unit accepts, for messages.</summary>
    public static string Accepted(ValueUnit unit) => unit switch
    {
        ValueUnit.Bytes => "a size such as 16 MiB, 4KiB, 0x1000 or a number of bytes",
        ValueUnit.Ticks => "a duration such as 10 ms (units: ns, us, ms, s, min, h)",
        ValueUnit.PartsPerMillion => "a chance such as 250 ppm or 0.5 %",
        _ => "a whole number",
    };

    /// <summary>A regular expression for the texts that a unit accepts, for the schema; null when only numbers are.</summary>
    public static string? Pattern(ValueUnit unit) => unit switch
    {
        ValueUnit.Bytes => "^([0-9]+ ?(B|KiB|MiB|GiB|TiB)?|0x[0-9a-fA-F]+)$",
        ValueUnit.Ticks => "^[0-9]+ ?(ns|us|ms|s|min|h)$",
        ValueUnit.PartsPerMillion => "^[0-9]+(\\.[0-9]{1,4})? ?(ppm|%)$",
        _ => null,
    };

    /// <summary>Reads a number.</summary>
    /// <param name="text">What was written.</param>
    /// <param name="unit">Its unit.</param>
    /// <param name="value">The value in bytes, ticks, parts per million or as it is.</param>
    /// <returns>Null, or what is wrong.</returns>
    public static string? TryParse(string text, ValueUnit unit, out Int128 value)
    {
        value = 0;
        if (unit is ValueUnit.None or ValueUnit.Bytes && text.StartsWith("0x", StringComparison.Ordinal))
        {
            bool valid = ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong hexadecimal);
            value = hexadecimal;
            return valid ? null : Expected(text, unit);
        }

        bool negative = text.StartsWith('-');
        int start = negative ? 1 : 0;
        int digits = start;
        while (digits < text.Length && char.IsAsciiDigit(text[digits]))
        {
            digits++;
        }

        if (!UInt128.TryParse(text.AsSpan(start, digits - start), NumberStyles.None, CultureInfo.InvariantCulture, out UInt128 whole) || whole > ulong.MaxValue)
        {
            return digits > start ? $"found {ConfigScalar.Quote(text)}, which is beyond 64 bits" : Expected(text, unit);
        }

        value = negative ? -(Int128)whole : (Int128)whole;
        return WithUnit(text, digits, unit, ref value);
    }

    /// <summary>A value as a reader likes it.</summary>
    public static string Format(Int128 value, ValueUnit unit)
    {
        if (unit == ValueUnit.PartsPerMillion)
        {
            return $"{value} ppm";
        }

        foreach ((string name, ulong factor) in UnitsOf(unit))
        {
            if (value != 0 && value % factor == 0)
            {
                return $"{value / factor} {name}";
            }
        }

        return value.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>A value in its smallest unit, so that the same value has one text.</summary>
    public static string Canonical(Int128 value, ValueUnit unit)
    {
        string number = value.ToString(CultureInfo.InvariantCulture);
        return unit switch
        {
            ValueUnit.Ticks => $"\"{number} ns\"",
            ValueUnit.PartsPerMillion => $"\"{number} ppm\"",
            _ => number,
        };
    }

    private static (string Name, ulong Factor)[] UnitsOf(ValueUnit unit) => unit switch
    {
        ValueUnit.Bytes => Sizes,
        ValueUnit.Ticks => Durations,
        ValueUnit.PartsPerMillion => Chances,
        _ => [],
    };

    private static string Expected(string text, ValueUnit unit) => $"found {ConfigScalar.Quote(text)}, expected {Accepted(unit)}";

    private static string? WithUnit(string text, int position, ValueUnit unit, ref Int128 value)
    {
        ReadOnlySpan<char> rest = text.AsSpan(position);
        ulong fractionPartsPerMillion = 0;
        bool fraction = unit == ValueUnit.PartsPerMillion && rest.StartsWith(".");
        if (fraction)
        {
            int length = 1;
            while (length < rest.Length && char.IsAsciiDigit(rest[length]))
            {
                length++;
            }

            if (length is 1 or > 5 || text[0] == '-')
            {
                return Expected(text, unit);
            }

            fractionPartsPerMillion = ulong.Parse(rest[1..length].ToString().PadRight(4, '0'), NumberStyles.None, CultureInfo.InvariantCulture);
            rest = rest[length..];
        }

        string name = (rest.StartsWith(" ") ? rest[1..] : rest).ToString();
        if (name.Length == 0 && rest.Length == 0)
        {
            return !fraction && (unit is ValueUnit.None or ValueUnit.Bytes || value == 0)
                ? null
                : $"found {ConfigScalar.Quote(text)} without a unit, expected {Accepted(unit)}";
        }

        foreach ((string known, ulong factor) in UnitsOf(unit))
        {
            if (known == name && (!fraction || known == "%"))
            {
                value = (value * factor) + fractionPartsPerMillion;
                return null;
            }
        }

        return unit == ValueUnit.None ? Expected(text, unit) : $"found {ConfigScalar.Quote(text)} with an unknown unit, expected {Accepted(unit)}";
    }
}
