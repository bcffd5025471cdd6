using System.Globalization;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;

namespace KhoActors.Host.Reports.Machines;

/// <summary>A view of a machine, with which machine it is.</summary>
/// <param name="plan">The fleet.</param>
/// <param name="machine">Number of the machine.</param>
/// <param name="generation">The generation that is looked at.</param>
/// <param name="view">The view.</param>
/// <param name="item">What to show of it, or null.</param>
/// <param name="run">Title of the recorded run that it was executed from, or null.</param>
internal sealed class MachineReport(FleetPlan plan, int machine, LiveGeneration generation, MachineView view, string? item, string? run)
{
    /// <summary>Writes it.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="asJson">Whether as JSON.</param>
    /// <exception cref="UsageException">There is no such item, or nothing of the kind in this kernel.</exception>
    public void Write(Terminal terminal, bool asJson)
    {
        if (asJson)
        {
            WriteJson(terminal);
            return;
        }

        // A view that refuses has written nothing, and its complaint is the only line.
        view.WriteText(generation, item, terminal);
        string kernel = generation.Kernel.Start.Build.Name;
        terminal.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{(run is null ? "" : $"{run}, ")}scenario {plan.Scenario.Name}, seed {plan.Seed}, machine {machine}, generation {generation.Number}, kernel {kernel}"));
    }

    private void WriteJson(Terminal terminal) => JsonReport.Write(terminal, json =>
    {
        json.WriteStartObject();
        json.WriteString("scenario", plan.Scenario.Name);
        json.WriteNumber("seed", plan.Seed);
        json.WriteNumber("machine", machine);
        json.WriteNumber("generation", generation.Number);
        json.WriteString("kernel", generation.Kernel.Start.Build.Name);
        json.WriteString("command_line", generation.Kernel.Start.CommandLine);
        json.WriteString("death", generation.LastWords);
        json.WriteString("view", view.Name);
        json.WriteString("item", item);
        json.WriteString("run", run);
        json.WritePropertyName("content");
        view.WriteJson(generation, item, json);
        json.WriteEndObject();
    });
}
