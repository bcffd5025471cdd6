using System.Globalization;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Tmpfs;

/// <summary>What a script may ask of tmpfs: the system calls of <see cref="TmpfsProtocol"/>, by the names of their tools.</summary>
internal static class TmpfsCommands
{
    private const string Seed = "seed";

    // By their numbers in TmpfsStatField.
    private static readonly string[] StatFields = ["inode", "mode", "blocks", "atime", "mtime", "ctime", "btime"];

    private static readonly CommandTable Table = new(
        new UserCommandShape("mount", "POINT [OPTIONS] [ro|unprivileged|userns]...", Mount),
        new UserCommandShape("remount", "POINT [OPTIONS]", static words => words.Count is 1 or 2 ? Ask(TmpfsProtocol.Remount, Two(words, 1)) : null),
        new UserCommandShape("umount", "POINT", static words => OnPath(TmpfsProtocol.Unmount, words)),
        new UserCommandShape("create", "PATH [MODE]", static words => Create(TmpfsProtocol.Create, 0x1A4, words)),
        new UserCommandShape("mkdir", "PATH [MODE]", static words => Create(TmpfsProtocol.MakeDirectory, 0x1ED, words)),
        new UserCommandShape("mknod", "PATH fifo|socket|char|block [DEVICE]", MakeNode),
        new UserCommandShape("link", "OLD NEW", static words => words.Count == 2 ? Ask(TmpfsProtocol.Link, Two(words, 1)) : null),
        new UserCommandShape("symlink", "TARGET PATH", static words => words.Count == 2 ? Ask(TmpfsProtocol.SymbolicLink, Two(words, 1)) : null),
        new UserCommandShape("unlink", "PATH", static words => OnPath(TmpfsProtocol.Unlink, words)),
        new UserCommandShape("rmdir", "PATH", static words => OnPath(TmpfsProtocol.RemoveDirectory, words)),
        new UserCommandShape("rename", "OLD NEW [noreplace|exchange|whiteout]", Rename),
        new UserCommandShape("write", "PATH OFFSET BYTES seed SEED [nonblock]", static words => Write(TmpfsProtocol.Write, words)),
        new UserCommandShape("map-write", "PATH OFFSET BYTES seed SEED", static words => words.Count == 5 ? Write(TmpfsProtocol.MapWrite, words) : null),
        new UserCommandShape("write-text", "PATH OFFSET TEXT", WriteText),
        new UserCommandShape("read", "PATH OFFSET BYTES [seed SEED]", Read),
        new UserCommandShape("truncate", "PATH SIZE", static words => OnPathWith(TmpfsProtocol.Truncate, words)),
        new UserCommandShape("fallocate", "PATH OFFSET BYTES [keep-size]", static words => Allocate(words, punches: false)),
        new UserCommandShape("punch", "PATH OFFSET BYTES", static words => words.Count == 3 ? Allocate(words, punches: true) : null),
        new UserCommandShape("seek-data", "PATH OFFSET", static words => OnPathWith(TmpfsProtocol.Seek, words, 3)),
        new UserCommandShape("seek-hole", "PATH OFFSET", static words => OnPathWith(TmpfsProtocol.Seek, words, 4)),
        new UserCommandShape("stat", "PATH [size BYTES|inode|mode|blocks|atime|mtime|ctime|btime]", Stat),
        new UserCommandShape("chmod", "PATH MODE", ChangeMode),
        new UserCommandShape("chown", "PATH UID GID", ChangeOwner),
        new UserCommandShape("utimes", "PATH ACCESS MODIFY", ChangeTimes),
        new UserCommandShape("readlink", "PATH", static words => OnPath(TmpfsProtocol.ReadLink, words)),
        new UserCommandShape("readdir", "PATH POSITION", static words => OnPathWith(TmpfsProtocol.ReadDirectory, words)),
        new UserCommandShape("statfs", "POINT [blocks|inodes|type]", StatFileSystem),
        new UserCommandShape("open", "PATH", static words => OnPath(TmpfsProtocol.Open, words)),
        new UserCommandShape("close", "fd:N", static words => OnPath(TmpfsProtocol.Close, words)),
        new UserCommandShape("setflags", "PATH FLAGS", static words => OnPathWith(TmpfsProtocol.SetFlags, words)),
        new UserCommandShape("setxattr", "PATH NAME BYTES", SetExtendedAttribute),
        new UserCommandShape("migrate", "PATH PAGE", static words => OnPathWith(TmpfsProtocol.MigratePage, words)),
        new UserCommandShape("freeze", "", static words => words.Count == 0 ? Ask(TmpfsProtocol.FreezeNow, null) : null),
        new UserCommandShape("thaw", "", static words => words.Count == 0 ? Ask(TmpfsProtocol.ThawNow, null) : null),
        new UserCommandShape("discard", "NAME", static words => words.Count == 1 ? Ask(TmpfsProtocol.Discard, words[0]) : null),
        new UserCommandShape("carry", "on|drop", CarryPolicy),
        new UserCommandShape("names", "POSITION", ListNames));

    /// <summary>Reads a command.</summary>
    public static UserCommand ReadCommand(IReadOnlyList<string> words) => Table.Read(words);

    /// <summary>What a script calls a field of stat.</summary>
    public static string NameOf(TmpfsStatField field) => StatFields[(int)field];

    private static UserCommand Ask(byte number, string? text, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0) =>
        new(new Message(MessageKind.Of(TmpfsProtocol.Actor, number), a, b, c, d, text));

    private static bool IsPath(string word) => word.StartsWith('/') || word.StartsWith("fd:", StringComparison.Ordinal);

    private static string Two(IReadOnlyList<string> words, int second) => $"{words[0]}\0{(second < words.Count ? words[second] : "")}";

    private static bool Number(IReadOnlyList<string> words, int index, out ulong number) => CommandTable.TryReadNumber(words[index], out number);

    private static UserCommand? OnPath(byte number, IReadOnlyList<string> words) => words.Count == 1 && IsPath(words[0]) ? Ask(number, words[0]) : null;

    private static UserCommand? OnPathWith(byte number, IReadOnlyList<string> words, ulong b = 0) =>
        words.Count == 2 && IsPath(words[0]) && Number(words, 1, out ulong a) ? Ask(number, words[0], a, b) : null;

    private static UserCommand? Mount(IReadOnlyList<string> words)
    {
        TmpfsMounter mounter = TmpfsMounter.None;
        int flags = words.Count;
        for (; flags > 1 && FlagOf(words[flags - 1]) is { } flag; flags--)
        {
            mounter |= flag;
        }

        return flags is 1 or 2 && IsPath(words[0]) ? Ask(TmpfsProtocol.Mount, Two([.. words.Take(flags)], 1), (ulong)mounter) : null;
    }

    private static TmpfsMounter? FlagOf(string word) => word switch
    {
        "ro" => TmpfsMounter.ReadOnly,
        "unprivileged" => TmpfsMounter.Unprivileged,
        "userns" => TmpfsMounter.OtherUserNamespace,
        _ => null,
    };

    private static UserCommand? Create(byte number, ulong mode, IReadOnlyList<string> words)
    {
        bool isRead = words.Count is 1 or 2 && IsPath(words[0]) && (words.Count == 1 || CommandTable.TryReadOctal(words[1], out mode));
        return isRead ? Ask(number, words[0], mode) : null;
    }

    private static UserCommand? MakeNode(IReadOnlyList<string> words)
    {
        ulong device = 0;
        bool isRead = words.Count is 2 or 3 && IsPath(words[0]) && (words.Count == 2 || Number(words, 2, out device));
        ulong type = !isRead ? 0UL : words[1] switch { "fifo" => 0x1000, "char" => 0x2000, "block" => 0x6000, "socket" => 0xC000, _ => 0 };
        return type == 0 ? null : Ask(TmpfsProtocol.MakeNode, words[0], type | 0x1A4, 0, device);
    }

    private static UserCommand? Rename(IReadOnlyList<string> words)
    {
        int flag = words.Count == 3 ? Array.IndexOf(["noreplace", "exchange", "whiteout"], words[2]) : 0;
        return words.Count is 2 or 3 && flag >= 0 ? Ask(TmpfsProtocol.Rename, Two(words, 1), words.Count == 2 ? 0 : 1UL << flag) : null;
    }

    private static UserCommand? Write(byte number, IReadOnlyList<string> words)
    {
        bool waits = words.Count == 5;
        bool isRead = (waits || (words.Count == 6 && words[5] == "nonblock")) && IsPath(words[0]) && words[3] == Seed;
        return isRead && Number(words, 1, out ulong offset) && Number(words, 2, out ulong bytes) && Number(words, 4, out ulong seed)
            ? Ask(number, words[0], offset, bytes, seed, waits ? 0UL : 1)
            : null;
    }

    private static UserCommand? WriteText(IReadOnlyList<string> words) =>
        words.Count >= 3 && IsPath(words[0]) && Number(words, 1, out ulong offset)
            ? Ask(TmpfsProtocol.WriteText, $"{words[0]}\0{string.Join(' ', words.Skip(2))}", offset)
            : null;

    private static UserCommand? Read(IReadOnlyList<string> words)
    {
        const ulong mostBytes = 1 << 20;
        ulong seed = 0;
        bool isChecked = words.Count == 5 && words[3] == Seed && Number(words, 4, out seed);
        bool isRead = (isChecked || words.Count == 3) && IsPath(words[0]);
        if (!isRead || !Number(words, 1, out ulong offset) || !Number(words, 2, out ulong bytes) || bytes > mostBytes)
        {
            return null;
        }

        UserCommand read = Ask(TmpfsProtocol.Read, words[0], offset, bytes);
        return isChecked ? read with { ExpectedExtra = TmpfsPattern.ChecksumOf(seed, offset, bytes), ExtraName = "content checksum" } : read;
    }

    private static UserCommand? Allocate(IReadOnlyList<string> words, bool punches)
    {
        const ulong keepSize = 1, punchHole = 2;
        bool keeps = words.Count == 4 && words[3] == "keep-size";
        bool isRead = (keeps || words.Count == 3) && IsPath(words[0]);
        ulong mode = punches ? keepSize | punchHole : keeps ? keepSize : 0;
        return isRead && Number(words, 1, out ulong offset) && Number(words, 2, out ulong bytes)
            ? Ask(TmpfsProtocol.Allocate, words[0], mode, offset, bytes)
            : null;
    }

    private static UserCommand? Stat(IReadOnlyList<string> words)
    {
        if (words.Count is 0 or > 3 || !IsPath(words[0]))
        {
            return null;
        }

        if (words.Count == 3)
        {
            return words[1] == "size" && Number(words, 2, out ulong size)
                ? Ask(TmpfsProtocol.Stat, words[0], (ulong)TmpfsStatField.InodeAndSize) with { ExpectedExtra = size, ExtraName = "size" }
                : null;
        }

        int field = Array.IndexOf(StatFields, words.Count == 1 ? StatFields[0] : words[1]);
        return field < 0 ? null : Ask(TmpfsProtocol.Stat, words[0], (ulong)field);
    }

    private static UserCommand? ChangeMode(IReadOnlyList<string> words) =>
        words.Count == 2 && IsPath(words[0]) && CommandTable.TryReadOctal(words[1], out ulong mode) ? Ask(TmpfsProtocol.ChangeMode, words[0], mode) : null;

    private static UserCommand? ChangeOwner(IReadOnlyList<string> words) =>
        words.Count == 3 && IsPath(words[0]) && Number(words, 1, out ulong uid) && Number(words, 2, out ulong gid) && (uid | gid) <= uint.MaxValue
            ? Ask(TmpfsProtocol.ChangeOwner, words[0], 0, (uid << 32) | gid)
            : null;

    private static UserCommand? ChangeTimes(IReadOnlyList<string> words) =>
        words.Count == 3
        && IsPath(words[0])
        && long.TryParse(words[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long access)
        && long.TryParse(words[2], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long modify)
            ? Ask(TmpfsProtocol.ChangeTimes, words[0], (ulong)access, (ulong)modify)
            : null;

    private static UserCommand? StatFileSystem(IReadOnlyList<string> words)
    {
        int what = words.Count == 1 ? 0 : words.Count == 2 ? Array.IndexOf(["blocks", "inodes", "type"], words[1]) : -1;
        return what >= 0 && IsPath(words[0]) ? Ask(TmpfsProtocol.StatFileSystem, words[0], (ulong)what) : null;
    }

    private static UserCommand? SetExtendedAttribute(IReadOnlyList<string> words) =>
        words.Count == 3 && IsPath(words[0]) && Number(words, 2, out ulong bytes)
            ? Ask(TmpfsProtocol.SetExtendedAttribute, $"{words[0]}\0{words[1]}", bytes)
            : null;

    private static UserCommand? CarryPolicy(IReadOnlyList<string> words) => words switch
    {
        ["on"] => Ask(TmpfsProtocol.CarryPolicy, null, 0),
        ["drop"] => Ask(TmpfsProtocol.CarryPolicy, null, 1),
        _ => null,
    };

    private static UserCommand? ListNames(IReadOnlyList<string> words) =>
        words.Count == 1 && Number(words, 0, out ulong position) ? Ask(TmpfsProtocol.ListNames, null, position) : null;
}
