using System.Globalization;
using System.Text;
using System.Text.Json;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Host.Reports.Machines;

/// <summary>/sys/kernel/debug/kho: the list of entries, or one file of it.</summary>
internal sealed class DebugfsView : MachineView
{
    // A damaged size may be anything.
    private const int BytesShownMax = 16 << 20;

    /// <inheritdoc/>
    public override string Name => "debugfs";

    /// <inheritdoc/>
    public override string Summary => "the files below /sys/kernel/debug/kho, or one of them, e.g. out/fdt";

    /// <inheritdoc/>
    public override string ItemName => "path";

    /// <inheritdoc/>
    public override void WriteText(LiveGeneration generation, string? item, Terminal terminal)
    {
        Debugfs debugfs = DebugfsOf(generation);
        if (item is not null)
        {
            WriteFile(debugfs, Find(debugfs, item), terminal);
            return;
        }

        IReadOnlyList<DebugfsEntry> entries = debugfs.List();
        int width = entries.Max(static entry => entry.SizeBytes).ToString(CultureInfo.InvariantCulture).Length;
        foreach (DebugfsEntry entry in entries)
        {
            terminal.Out.WriteLine($"{entry.Mode} {entry.SizeBytes.ToString(CultureInfo.InvariantCulture).PadLeft(width)} {Printable(entry.Path)}");
        }
    }

    /// <inheritdoc/>
    public override void WriteJson(LiveGeneration generation, string? item, Utf8JsonWriter json)
    {
        Debugfs debugfs = DebugfsOf(generation);
        if (item is not null)
        {
            WriteFileJson(debugfs, Find(debugfs, item), json);
            return;
        }

        json.WriteStartArray();
        foreach (DebugfsEntry entry in debugfs.List())
        {
            json.WriteStartObject();
            WriteFields(entry, json);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static Debugfs DebugfsOf(LiveGeneration generation) =>
        generation.Kernel.Kho.Debugfs is not { } debugfs
            ? throw new UsageException($"kernel {generation.Kernel.Start.Build.Name} is built without debugfs for KHO (kho_debugfs)")
            : debugfs.List().Count != 0 ? debugfs : throw new UsageException("KHO is off in this kernel: there is no /sys/kernel/debug/kho");

    private static DebugfsEntry Find(Debugfs debugfs, string path)
    {
        if (debugfs.Find(path) is { Content: not DebugfsContent.Directory } file)
        {
            return file;
        }

        IEnumerable<string> files =
            from entry in debugfs.List()
            where entry.Content != DebugfsContent.Directory
            select Printable(entry.Path);
        throw new UsageException($"no file '{path}' in debugfs of this kernel; there are {string.Join(", ", files)}");
    }

    private static void WriteFile(Debugfs debugfs, DebugfsEntry file, Terminal terminal)
    {
        byte[] content = Read(debugfs, file);
        if (file.Content == DebugfsContent.Text)
        {
            terminal.Out.Write(Encoding.ASCII.GetString(content));
            return;
        }

        if (IsRootFdt(file))
        {
            WriteRootFdt(debugfs, file, content, terminal);
        }
        else
        {
            HexDump.Write(content, terminal.Out);
        }

        if ((ulong)content.Length < file.SizeBytes)
        {
            terminal.Complain(string.Create(
                CultureInfo.InvariantCulture, $"{content.Length} of {file.SizeBytes} bytes are shown: more cannot be read, or is too much"));
        }
    }

    /// <summary>A file that is cut off holds no sound tree: then RAM shows the rest.</summary>
    private static void WriteRootFdt(Debugfs debugfs, DebugfsEntry file, byte[] content, Terminal terminal)
    {
        ulong whole = FdtReader.TotalSize(content);
        if (whole > file.SizeBytes)
        {
            terminal.Out.WriteLine(
                $"// The file ends after {file.SizeBytes} of {whole} bytes: its length was fixed when it was made. This is the whole tree in RAM.");
            content = Read(debugfs, file with { SizeBytes = whole });
        }

        terminal.Out.Write(
            DeviceTreeSource.Of(content)
            ?? throw new UsageException($"{file.Path} shows no sound device tree: {DeviceTreeSource.ProblemOf(content)}"));
    }

    private static void WriteFileJson(Debugfs debugfs, DebugfsEntry file, Utf8JsonWriter json)
    {
        byte[] content = Read(debugfs, file);
        json.WriteStartObject();
        WriteFields(file, json);
        json.WriteBase64String("data", content);
        json.WriteString("dts", DeviceTreeSource.Of(content));
        json.WriteEndObject();
    }

    private static void WriteFields(DebugfsEntry entry, Utf8JsonWriter json)
    {
        json.WriteString("path", entry.Path);
        json.WriteString("mode", entry.Mode);
        json.WriteNumber("bytes", entry.SizeBytes);
        json.WriteString("phys", entry.Content == DebugfsContent.Memory ? Hex(entry.Phys) : null);
    }

    private static bool IsRootFdt(DebugfsEntry file) => file.Path is "kho/in/fdt" or "kho/out/fdt";

    private static byte[] Read(Debugfs debugfs, DebugfsEntry file)
    {
        byte[] content = new byte[Math.Min(file.SizeBytes, BytesShownMax)];
        return content[..debugfs.Read(file, 0, content)];
    }

    /// <summary>Names come from RAM and may hold anything.</summary>
    private static string Printable(string path) => string.Concat(path.Select(static c => char.IsControl(c) ? '?' : c));
}
