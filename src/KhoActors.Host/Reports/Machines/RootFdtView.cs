using System.Text.Json;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Fdt;

namespace KhoActors.Host.Reports.Machines;

/// <summary>A root FDT in RAM as device tree source: the one that the kernel hands over, or the one that it received.</summary>
internal sealed class RootFdtView : MachineView
{
    private const string Outgoing = "out";
    private const string Incoming = "in";

    /// <inheritdoc/>
    public override string Name => "fdt";

    /// <inheritdoc/>
    public override string Summary => "the root FDT as source; 'in' for the one received";

    /// <inheritdoc/>
    public override string ItemName => "direction";

    /// <inheritdoc/>
    public override void WriteText(LiveGeneration generation, string? item, Terminal terminal)
    {
        byte[] page = PageOf(generation, item);
        terminal.Out.Write(
            DeviceTreeSource.Of(page) ?? throw new UsageException($"what lies there is no sound device tree: {DeviceTreeSource.ProblemOf(page)}"));
    }

    /// <inheritdoc/>
    public override void WriteJson(LiveGeneration generation, string? item, Utf8JsonWriter json)
    {
        byte[] page = PageOf(generation, item);
        json.WriteStartObject();
        json.WriteString("phys", Hex(item == Incoming ? generation.Kernel.Incoming!.Handoff.FdtPhys : generation.Kernel.Kho.FdtPhys));
        json.WriteNumber("totalsize", FdtReader.TotalSize(page));
        json.WriteString("dts", DeviceTreeSource.Of(page));
        json.WriteEndObject();
    }

    private static byte[] PageOf(LiveGeneration generation, string? item) => item switch
    {
        null or Outgoing => generation.ReadRootFdt() ?? throw new UsageException("KHO is off in this kernel: it hands no root FDT over"),
        Incoming => generation.ReadIncomingFdt() ?? throw new UsageException("this kernel took over no root FDT"),
        _ => throw new UsageException($"no root FDT '{item}'; there are {Outgoing}, {Incoming}"),
    };
}
