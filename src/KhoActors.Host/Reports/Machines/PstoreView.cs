using System.Text.Json;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Host.Reports.Machines;

/// <summary>The blobs of pstore's KHO backend, decoded: the record of the kernel before, and this one's.</summary>
internal sealed class PstoreView : MachineView
{
    /// <inheritdoc/>
    public override string Name => "pstore";

    /// <inheritdoc/>
    public override string Summary => "pstore's records, received and to be handed over, with their text";

    /// <inheritdoc/>
    public override void WriteText(LiveGeneration generation, string? item, Terminal terminal)
    {
        Blobs blobs = BlobsOf(generation);
        WriteText("in", blobs.In, generation, terminal);
        WriteText("out", blobs.Out, generation, terminal);
    }

    /// <inheritdoc/>
    public override void WriteJson(LiveGeneration generation, string? item, Utf8JsonWriter json)
    {
        Blobs blobs = BlobsOf(generation);
        json.WriteStartObject();
        json.WritePropertyName("in");
        WriteJson(blobs.In, generation, json);
        json.WritePropertyName("out");
        WriteJson(blobs.Out, generation, json);
        json.WriteEndObject();
    }

    private static Blobs BlobsOf(LiveGeneration generation)
    {
        Blobs blobs = new(SubtreeBlob.Incoming(generation, PstoreBlob.SubtreeName), SubtreeBlob.Outgoing(generation, PstoreBlob.SubtreeName));
        return blobs is { In: null, Out: null }
            ? throw new UsageException($"this kernel neither received nor hands over a blob {PstoreBlob.SubtreeName} (clients: pstore and its variants)")
            : blobs;
    }

    private static PstoreBlob? Decode(SubtreeBlob place, LiveGeneration generation) =>
        PstoreBlob.Read(generation.Kernel.Memory, place.Phys, place.SizeBytes);

    private static void WriteText(string direction, SubtreeBlob? blob, LiveGeneration generation, Terminal terminal)
    {
        if (blob is not { } place)
        {
            terminal.Out.WriteLine($"{direction}: none");
            return;
        }

        PstoreBlob? record = Decode(place, generation);
        string size = place.SizeBytes is { } bytes ? $", {bytes} bytes" : string.Empty;
        terminal.Out.WriteLine($"{direction}: {Hex(place.Phys)}{size}: {record?.ToString() ?? "of no known layout"}");
        if (record is not { IsEmpty: false, Problem: null })
        {
            return;
        }

        string text = record.Text() ?? "(does not inflate)";
        foreach (string line in text.TrimEnd('\n').Split('\n'))
        {
            terminal.Out.WriteLine($"  {Printable(line)}");
        }
    }

    private static void WriteJson(SubtreeBlob? blob, LiveGeneration generation, Utf8JsonWriter json)
    {
        if (blob is not { } place)
        {
            json.WriteNullValue();
            return;
        }

        PstoreBlob? record = Decode(place, generation);
        json.WriteStartObject();
        json.WriteString("phys", Hex(place.Phys));
        if (place.SizeBytes is { } bytes)
        {
            json.WriteNumber("bytes", bytes);
        }
        else
        {
            json.WriteNull("bytes");
        }

        json.WriteString("layout", record?.Layout.Name);
        json.WriteString("problem", record?.Problem);
        json.WritePropertyName("record");
        WriteRecord(record, json);
        json.WriteEndObject();
    }

    private static void WriteRecord(PstoreBlob? blob, Utf8JsonWriter json)
    {
        if (blob is null or { IsEmpty: true })
        {
            json.WriteNullValue();
            return;
        }

        PstoreRecord record = blob.Record;
        json.WriteStartObject();
        json.WriteString("phys", Hex(blob.RecordPhys));
        json.WriteNumber("bytes", record.SizeBytes);
        json.WriteNumber("seconds", record.TimeSeconds);
        json.WriteNumber("nanoseconds", record.TimeNanoseconds);
        json.WriteNumber("count", record.Count);
        json.WriteNumber("reason", record.Reason);
        json.WriteString("reason_name", ((KmsgDumpReason)record.Reason).ToString());
        json.WriteNumber("part", record.Part);
        json.WriteNumber("compressed", record.Compressed);
        json.WriteString("text", blob.Problem is null ? blob.Text() : null);
        json.WriteEndObject();
    }

    private readonly record struct Blobs(SubtreeBlob? In, SubtreeBlob? Out);
}
