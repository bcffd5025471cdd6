using System.Globalization;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Nodes.Tests.Tmpfs;

/// <summary>All that user space can see of a mount, as lines: names, every attribute, content, holes, targets, limits. Invariant T6 compares two.</summary>
internal static class FileSystemImage
{
    private const ulong Piece = 1 << 20;

    /// <summary>Looks at a mount.</summary>
    public static string Of(TmpfsBench bench, string mount)
    {
        // The first look may touch access times; a second one finds them touched.
        Walk(bench, mount);
        return Walk(bench, mount);
    }

    private static string Walk(TmpfsBench bench, string mount)
    {
        List<string> lines = [];
        for (ulong part = 0; part < 2; part++)
        {
            lines.Add($"statfs {part}: {Show(bench.Call(TmpfsProtocol.StatFileSystem, mount, part))}");
        }

        Visit(bench, mount, string.Empty, lines);
        return string.Join('\n', lines);
    }

    private static void Visit(TmpfsBench bench, string mount, string path, List<string> lines)
    {
        string full = $"{mount}{path}";
        KernelResult number = bench.Call(TmpfsProtocol.Stat, full, (ulong)TmpfsStatField.InodeAndSize);
        KernelResult mode = bench.Call(TmpfsProtocol.Stat, full, (ulong)TmpfsStatField.ModeLinksOwner);
        Assert.Equal((0, 0), (number.Code, mode.Code));
        lines.Add($"{path}: inode {number.Value}, size {number.Extra}, {Show(mode)}");
        for (TmpfsStatField field = TmpfsStatField.BlocksDevice; field <= TmpfsStatField.BirthTime; field++)
        {
            lines.Add($"{path}: {field} {Show(bench.Call(TmpfsProtocol.Stat, full, (ulong)field))}");
        }

        switch (mode.Value >> 44)
        {
            case 4:
                VisitEntries(bench, mount, path, lines);
                break;
            case 8:
                VisitData(bench, full, number.Extra, lines);
                break;
            case 0xA:
                uint link = bench.Ask(TmpfsProtocol.ReadLink, full);
                bench.Run();
                lines.Add($"{path} -> {bench.TextTo(link)}");
                break;
            default:
                break;
        }
    }

    private static void VisitEntries(TmpfsBench bench, string mount, string path, List<string> lines)
    {
        List<string> names = [];
        ulong position = 0;
        while (true)
        {
            uint asked = bench.Ask(TmpfsProtocol.ReadDirectory, $"{mount}{path}", position);
            bench.Run();
            KernelResult entry = bench.AnswerTo(asked)!.Value;
            Assert.Equal(0, entry.Code);
            if (entry.Extra == 0)
            {
                break;
            }

            string name = bench.TextTo(asked)!;
            lines.Add($"{path}/{name}: entry {entry.Extra:x}");
            if (name is not ("." or ".."))
            {
                names.Add(name);
            }

            position = entry.Value;
        }

        foreach (string name in names)
        {
            Visit(bench, mount, $"{path}/{name}", lines);
        }
    }

    private static void VisitData(TmpfsBench bench, string full, ulong size, List<string> lines)
    {
        ulong at = 0;
        while (true)
        {
            KernelResult data = bench.Call(TmpfsProtocol.Seek, full, at, 3);
            if (data.Code != 0)
            {
                lines.Add($"data from {at}: {data.Code}");
                break;
            }

            KernelResult hole = bench.Call(TmpfsProtocol.Seek, full, data.Value, 4);
            lines.Add($"data from {data.Value} to {hole.Value}");
            for (at = data.Value; at < hole.Value; at += Piece)
            {
                lines.Add($"content at {at}: {Show(bench.Call(TmpfsProtocol.Read, full, at, Math.Min(Piece, hole.Value - at)))}");
            }

            at = hole.Value;
        }

        lines.Add($"end: {Show(bench.Call(TmpfsProtocol.Read, full, size, 1))}");
    }

    private static string Show(KernelResult result) => string.Create(CultureInfo.InvariantCulture, $"{result.Code} {result.Value:x} {result.Extra:x}");
}
