using KhoActors.Nodes.History;

namespace KhoActors.Host.Runs;

/// <summary>Opens histories for commands; the one place that knows addresses.</summary>
internal static class Histories
{
    /// <summary>File of the history that is meant when none is named.</summary>
    public const string DefaultFile = "./khoactors.db";

    /// <summary>The history that is meant when none is named.</summary>
    public const string DefaultAddress = Sqlite + DefaultFile;

    /// <summary>The address that stands for no history.</summary>
    public const string None = "none";

    private const string Sqlite = "sqlite:";

    /// <summary>The address of a file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>Its address as a history.</returns>
    public static string AddressOf(string path) => Sqlite + path;

    /// <summary>Opens a history.</summary>
    /// <param name="address">Its address.</param>
    /// <param name="access">What is going to be done with it.</param>
    /// <returns>The history.</returns>
    /// <exception cref="UsageException">It is no address, or <see cref="None"/>.</exception>
    /// <exception cref="HistoryUnavailableException">It is not there, or cannot be used so.</exception>
    /// <exception cref="HistoryDamageException">It is damaged, or no history.</exception>
    public static IHistoryStore Open(string address, HistoryAccess access)
    {
        if (address == None)
        {
            throw new UsageException($"--store {None}: a history is needed here");
        }

        try
        {
            return HistoryStores.Open(address, access);
        }
        catch (ArgumentException refusal)
        {
            throw new UsageException($"--store '{HistoryStores.WithoutPassword(address)}': {refusal.Message.Split(" (Parameter")[0].TrimEnd('.')}");
        }
    }
}
