using System.Text.Json;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems;

namespace KhoActors.Host.Reports.Machines;

/// <summary>The kernel's log, also of a kernel that died.</summary>
internal sealed class DmesgView : MachineView
{
    /// <inheritdoc/>
    public override string Name => "dmesg";

    /// <inheritdoc/>
    public override string Summary => "the kernel's log with levels";

    /// <inheritdoc/>
    public override bool ShowsTheDead => true;

    /// <inheritdoc/>
    public override void WriteText(LiveGeneration generation, string? item, Terminal terminal)
    {
        foreach (LogLine line in generation.Kernel.Log.Lines)
        {
            terminal.Out.WriteLine(line.ToString());
        }
    }

    /// <inheritdoc/>
    public override void WriteJson(LiveGeneration generation, string? item, Utf8JsonWriter json)
    {
        json.WriteStartArray();
        foreach (LogLine line in generation.Kernel.Log.Lines)
        {
            json.WriteStartObject();
            json.WriteNumber("level", (int)line.Level);
            json.WriteString("text", line.Text);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
