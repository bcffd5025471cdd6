using System.Globalization;
using KhoActors.Host.Reports;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Runs;

/// <summary>The command lines that go on with a run: ready to be copied, with its history and clients where they are needed.</summary>
/// <param name="number">The run's number.</param>
/// <param name="address">Its history.</param>
/// <param name="clients">Assemblies that its clients come from.</param>
internal sealed class RunLines(int number, string address, IReadOnlyList<string> clients)
{
    private readonly string _name = number.ToString(CultureInfo.InvariantCulture);

    /// <summary>The command lines of a run.</summary>
    /// <param name="run">The run.</param>
    /// <param name="address">Its history.</param>
    public RunLines(StoredRun run, string address)
        : this(run.Number, address, [.. run.Facts.ClientAssemblies.Select(static assembly => assembly.Path)])
    {
    }

    /// <summary>The run's number.</summary>
    public string Number => _name;

    /// <summary>Its history.</summary>
    public string Address => address;

    /// <summary>The word for the order in which the run goes on, where its history does not say it; or null.</summary>
    public string? Order { get; init; }

    /// <summary>Continues the run.</summary>
    public string Resume => Finish(new ReproducingLine("run").With("--resume", _name).With("--order", Order), clients);

    /// <summary>Replays and compares all of the run.</summary>
    public string Verify => Finish(new ReproducingLine("replay", _name), clients) + " --verify";

    /// <summary>Shows what is known of the run.</summary>
    public string Show => Finish(new ReproducingLine("runs show", _name), []);

    /// <summary>Tells the story of one machine up to a generation.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="generation">The generation.</param>
    /// <returns>The command line.</returns>
    public string Replay(int machine, int generation) =>
        Finish(new ReproducingLine("replay", _name).With("--machine", (ulong)machine).With("--to", (ulong)generation), clients);

    /// <summary>Looks into one machine in a generation.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="generation">The generation.</param>
    /// <returns>The command line.</returns>
    public string Inspect(int machine, int generation) =>
        Finish(new ReproducingLine("inspect", _name).With("--machine", (ulong)machine).With("--at", (ulong)generation), clients);

    private string Finish(ReproducingLine line, IReadOnlyList<string> assemblies) =>
        line.With("--store", address == Histories.DefaultAddress ? null : address).WithEach("--clients", assemblies).ToString();
}
