using System.CommandLine;

namespace KhoActors.Host.Commands;

/// <summary>Options that mean the same on every command that has them.</summary>
internal static class CommonOptions
{
    /// <summary>Makes the option <c>--json</c>.</summary>
    /// <returns>A new option, as each command owns its options.</returns>
    public static Option<bool> Json() => new("--json") { Description = "Write the report as JSON with stable field names." };
}
