using System.CommandLine;
using System.Globalization;

namespace KhoActors.Host.Commands;

/// <summary>Options that mean the same on every command that has them.</summary>
internal static class CommonOptions
{
    /// <summary>Makes the option <c>--json</c>.</summary>
    /// <returns>A new option, as each command owns its options.</returns>
    public static Option<bool> Json() => new("--json") { Description = "Write the report as JSON with stable field names." };

    /// <summary>Makes an option that takes a whole number from 1 on.</summary>
    /// <param name="name">Its name, with dashes.</param>
    /// <param name="description">What it does.</param>
    /// <returns>The option; its value is null when it is not given.</returns>
    public static Option<int?> Count(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = argument =>
        {
            string text = argument.Tokens[0].Value;
            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0)
            {
                return number;
            }

            argument.AddError($"{name} '{text}': a whole number from 1 to {int.MaxValue} is accepted");
            return null;
        },
    };
}
