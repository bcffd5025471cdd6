using System.Globalization;
using System.Text.Json;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Host.Reports.Machines;

/// <summary>What anchors of tmpfs-kho-v1 in RAM lead to: mounts and their trees.</summary>
internal sealed class TmpfsView : MachineView
{
    private const string Complete = "complete";
    private const string Building = "building";
    private const string Empty = "empty";
    private const int TargetLengthMax = 60;

    /// <inheritdoc/>
    public override string Name => "tmpfs";

    /// <inheritdoc/>
    public override string Summary => "mounts received and to be handed over, with their trees";

    /// <inheritdoc/>
    public override void WriteText(LiveGeneration generation, string? item, Terminal terminal)
    {
        (TmpfsHandOver? incoming, TmpfsHandOver? outgoing) = HandOversOf(generation);
        WriteText("in", incoming, terminal);
        WriteText("out", outgoing, terminal);
    }

    /// <inheritdoc/>
    public override void WriteJson(LiveGeneration generation, string? item, Utf8JsonWriter json)
    {
        (TmpfsHandOver? incoming, TmpfsHandOver? outgoing) = HandOversOf(generation);
        json.WriteStartObject();
        json.WritePropertyName("in");
        WriteJson(incoming, json);
        json.WritePropertyName("out");
        WriteJson(outgoing, json);
        json.WriteEndObject();
    }

    private static (TmpfsHandOver? In, TmpfsHandOver? Out) HandOversOf(LiveGeneration generation)
    {
        (TmpfsHandOver? In, TmpfsHandOver? Out) both = (TmpfsHandOver.Incoming(generation), TmpfsHandOver.Outgoing(generation));
        return both is (null, null)
            ? throw new UsageException($"this kernel neither received nor hands over an anchor {AnchorPage.SubtreeName} (client: tmpfs)")
            : both;
    }

    private static void WriteText(string direction, TmpfsHandOver? handOver, Terminal terminal)
    {
        if (handOver is null)
        {
            terminal.Out.WriteLine($"{direction}: none");
            return;
        }

        terminal.Out.WriteLine($"{direction}: anchor at {Hex(handOver.AnchorPhys)}: {Describe(handOver)}");
        foreach (TmpfsHandOver.Mount mount in handOver.Mounts)
        {
            terminal.Out.WriteLine();
            WriteText(mount, terminal);
        }

        if (handOver.Mounts.Count > 0)
        {
            terminal.Out.WriteLine();
        }
    }

    private static string Describe(TmpfsHandOver handOver) => StateOf(handOver) switch
    {
        Complete => string.Create(CultureInfo.InvariantCulture, $"{Complete}, generation {handOver.Reading.Generation}, mounts: {handOver.Mounts.Count}"),
        Building => $"{Building}: a snapshot is being made or taken apart",
        Empty => $"{Empty}: nothing is frozen",
        string state => $"{state}: {handOver.Reading.Reason}",
    };

    private static string StateOf(TmpfsHandOver handOver) => handOver.Reading.Verdict switch
    {
        AnchorVerdict.Complete => Complete,
        AnchorVerdict.Nothing => handOver.State == AnchorState.Building ? Building : Empty,
        AnchorVerdict.OtherVersion => "other-version",
        _ => "damaged",
    };

    private static void WriteText(TmpfsHandOver.Mount mount, Terminal terminal)
    {
        MountSlot slot = mount.Slot;
        string carried = slot.IsCarried ? ", carried" : string.Empty;
        terminal.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"mount {slot.Name}: super page at {Hex(slot.SuperPhys)}, {slot.Pages} pages{carried}"));
        if (mount.Snapshot is not { } snapshot)
        {
            terminal.Out.WriteLine($"  not to be read: {mount.Problem}");
            return;
        }

        SuperBlock super = snapshot.Super;
        terminal.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {(super.IsReadOnly ? "ro" : "rw")}, root inode {super.RootNumber}, next inode {super.NextNumber}, mode {Octal(super.Mode)}, "
            + $"uid {super.Uid}, gid {super.Gid}, uuid {super.Uuid:x32}"));
        terminal.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  blocks {super.UsedBlocks} of {Limit(super.MaxBlocks)}, inodes {super.Inodes} of {Limit(super.MaxInodes)}, "
            + $"pages: {super.MetaPages} of structure, {super.DataPages} of data"));
        terminal.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  kernels that passed it on unmounted: {super.Carried}, frozen at {super.Frozen.Seconds}.{super.Frozen.Nanoseconds:d9}"));
        SummaryTable table = new(">inode", "mode", ">links", ">uid", ">gid", ">bytes", ">pages", "path");
        foreach ((string path, TmpfsInode inode) in mount.Walk())
        {
            string target = inode.Target switch
            {
                null => string.Empty,
                { Length: > TargetLengthMax } to => $" -> {Printable(to[..TargetLengthMax])}...",
                string to => $" -> {Printable(to)}",
            };
            table.Row(
                Number(inode.Number), ModeText(inode), Number(inode.LinkCount), Number(inode.Uid), Number(inode.Gid), Number(TmpfsFileSystem.StatSize(inode)),
                Number((ulong)inode.Pages.Count), $"{Printable(path)}{target}");
        }

        table.Write(terminal);
    }

    private static void WriteJson(TmpfsHandOver? handOver, Utf8JsonWriter json)
    {
        if (handOver is null)
        {
            json.WriteNullValue();
            return;
        }

        json.WriteStartObject();
        json.WriteString("phys", Hex(handOver.AnchorPhys));
        json.WriteString("state", StateOf(handOver));
        json.WriteString("reason", handOver.Reading.Verdict is AnchorVerdict.OtherVersion or AnchorVerdict.Corrupt ? handOver.Reading.Reason : null);
        json.WriteNumber("generation", handOver.Reading.Generation);
        json.WriteStartArray("mounts");
        foreach (TmpfsHandOver.Mount mount in handOver.Mounts)
        {
            WriteJson(mount, json);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteJson(TmpfsHandOver.Mount mount, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("name", mount.Slot.Name);
        json.WriteString("phys", Hex(mount.Slot.SuperPhys));
        json.WriteNumber("pages", mount.Slot.Pages);
        json.WriteBoolean("carried", mount.Slot.IsCarried);
        json.WriteString("problem", mount.Problem.Length == 0 ? null : mount.Problem);
        json.WritePropertyName("super");
        if (mount.Snapshot is { } snapshot)
        {
            WriteJson(snapshot.Super, json);
        }
        else
        {
            json.WriteNullValue();
        }

        json.WriteStartArray("tree");
        foreach ((string path, TmpfsInode inode) in mount.Walk())
        {
            WriteJson(path, inode, json);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteJson(SuperBlock super, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("uuid", super.Uuid.ToString("x32", CultureInfo.InvariantCulture));
        json.WriteBoolean("read_only", super.IsReadOnly);
        json.WriteNumber("max_blocks", super.MaxBlocks);
        json.WriteNumber("used_blocks", super.UsedBlocks);
        json.WriteNumber("max_inodes", super.MaxInodes);
        json.WriteNumber("inodes", super.Inodes);
        json.WriteNumber("used_inode_space", super.UsedInodeSpace);
        json.WriteNumber("meta_pages", super.MetaPages);
        json.WriteNumber("data_pages", super.DataPages);
        json.WriteNumber("root_inode", super.RootNumber);
        json.WriteNumber("next_inode", super.NextNumber);
        json.WriteString("mode", Octal(super.Mode));
        json.WriteNumber("uid", super.Uid);
        json.WriteNumber("gid", super.Gid);
        json.WriteNumber("carried", super.Carried);
        json.WriteNumber("frozen_seconds", super.Frozen.Seconds);
        json.WriteNumber("frozen_nanoseconds", super.Frozen.Nanoseconds);
        json.WriteEndObject();
    }

    private static void WriteJson(string path, TmpfsInode inode, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("path", path);
        json.WriteNumber("inode", inode.Number);
        json.WriteString("mode", Octal(inode.Mode));
        json.WriteNumber("links", inode.LinkCount);
        json.WriteNumber("uid", inode.Uid);
        json.WriteNumber("gid", inode.Gid);
        json.WriteNumber("bytes", TmpfsFileSystem.StatSize(inode));
        json.WriteNumber("pages", inode.Pages.Count);
        json.WriteString("target", inode.Target);
        json.WriteEndObject();
    }

    private static string ModeText(TmpfsInode inode)
    {
        const string types = "?-dcbpsl";
        const string permissions = "rwxrwxrwx";
        char[] text = [types[inode.EntryType], .. permissions];
        for (int i = 0; i < permissions.Length; i++)
        {
            if ((inode.Mode >> (permissions.Length - 1 - i) & 1) == 0)
            {
                text[i + 1] = '-';
            }
        }

        MarkSpecial(3, 0x800, 's');
        MarkSpecial(6, 0x400, 's');
        MarkSpecial(9, 0x200, 't');
        return new string(text);

        void MarkSpecial(int at, uint bit, char mark)
        {
            if ((inode.Mode & bit) != 0)
            {
                text[at] = text[at] == 'x' ? mark : char.ToUpperInvariant(mark);
            }
        }
    }

    private static string Octal(uint mode) => Convert.ToString((int)mode, 8).PadLeft(4, '0');

    private static string Limit(ulong limit) => limit == 0 ? "any" : Number(limit);

    private static string Number(ulong value) => value.ToString(CultureInfo.InvariantCulture);
}
