using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace KhoActors.Host.Commands;

/// <summary>Options that mean the same on every command that has them.</summary>
internal static class CommonOptions
{
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
