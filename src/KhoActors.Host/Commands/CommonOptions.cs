using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace KhoActors.Host.Commands;

/// <summary>Options that mean the same on every command that has them.</summary>
internal static class CommonOptions
{
    private const int WorkersMax = 1024;

    /// <summary>Makes the option <c>--json</c>.</summary>
    /// <returns>A new option, as each command owns its options.</returns>
    public static Option<bool> Json() => new("--json")
    {
        Description = "Write the report as JSON with stable field names.",
        Arity = ArgumentArity.Zero,
    };

    /// <summary>Makes the option <c>--clients</c>; see <see cref="ClientAssemblies"/>.</summary>
    /// <returns>A new option.</returns>
    public static Option<string[]> Clients() => new("--clients")
    {
        Description = "An assembly with KHO clients of your own; may be given again.",
        HelpName = "FILE.dll",
    };

    /// <summary>Makes an option that takes a count.</summary>
    /// <param name="name">Its name with the dashes.</param>
    /// <param name="description">What it counts.</param>
    /// <param name="largest">The largest count accepted.</param>
    /// <returns>A new option; without it on the command line the value is null.</returns>
    public static Option<int?> Count(string name, string description, int largest = int.MaxValue) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = parsed => Parse(name, 1, largest, parsed),
    };

    /// <summary>Makes an option that takes the number of something that is counted from 0.</summary>
    /// <param name="name">Its name with the dashes.</param>
    /// <param name="description">What is numbered.</param>
    /// <returns>A new option; without it on the command line the value is null.</returns>
    public static Option<int?> Number(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = parsed => Parse(name, 0, int.MaxValue, parsed),
    };

    /// <summary>Makes the option <c>--workers</c>.</summary>
    /// <returns>A new option; without it on the command line the value is null.</returns>
    public static Option<int?> Workers() => Count("--workers", "Threads; the digest is the same for any number.", WorkersMax);

    /// <summary>Makes an option that takes a size in bytes.</summary>
    /// <param name="name">Its name with the dashes.</param>
    /// <param name="description">What is so large.</param>
    /// <returns>A new option; without it on the command line the value is null.</returns>
    public static Option<long?> Size(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "SIZE",
        CustomParser = parsed => ParseSize(name, parsed),
    };

    private static long? ParseSize(string name, ArgumentResult parsed)
    {
        string text = parsed.Tokens[0].Value;
        int digits = text.TakeWhile(char.IsAsciiDigit).Count();
        int shift = text[digits..].TrimStart() switch
        {
            "" or "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            "TiB" => 40,
            _ => -1,
        };
        if (shift >= 0 && long.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out long count) && count <= long.MaxValue >> shift)
        {
            return count << shift;
        }

        parsed.AddError($"{name} '{text}': a size such as 512 MiB, 4GiB or a number of bytes is accepted");
        return null;
    }

    private static int? Parse(string name, int smallest, int largest, ArgumentResult parsed)
    {
        string text = parsed.Tokens[0].Value;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= smallest && number <= largest)
        {
            return number;
        }

        parsed.AddError($"{name} '{text}': a whole number from {smallest} to {largest} is accepted");
        return null;
    }
}
