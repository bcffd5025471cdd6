using System.CommandLine;
using KhoActors.Host.Runs;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Commands;

/// <summary>What commands about recorded runs have in common.</summary>
internal static class HistoryOptions
{
    /// <summary>Makes the option <c>--store</c>.</summary>
    /// <param name="mayBeNone">Whether the command can do without a history.</param>
    /// <returns>A new option.</returns>
    public static Option<string> Store(bool mayBeNone = false) => new("--store")
    {
        Description = $"The history: {HistoryStores.AcceptedAddresses}" + (mayBeNone ? $", or '{Histories.None}' to keep none." : "."),
        HelpName = "URI",
        DefaultValueFactory = static _ => Histories.DefaultAddress,
    };

    /// <summary>Makes the argument that names a run.</summary>
    /// <param name="mayBeFile">Whether a file of records may be named as well.</param>
    /// <returns>A new argument.</returns>
    public static Argument<string> Run(bool mayBeFile = false) => new("run")
    {
        Description = $"The run: its number, or '{RunName.Newest}'" + (mayBeFile ? $"; or FILE{HistoryFile.Extension}." : "."),
    };
}
