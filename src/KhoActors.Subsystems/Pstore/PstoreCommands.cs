using System.Globalization;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Pstore;

/// <summary>What a script may ask of pstore, and how its requests read in a story.</summary>
internal static class PstoreCommands
{
    /// <summary>The file that holds the log of the kernel before.</summary>
    public const string LogFile = "dmesg-kho-0";

    private static readonly CommandTable Table = new(
        new UserCommandShape("mount", "[OPTIONS]", static words => words.Count <= 1 ? Ask(PstoreProtocol.Mount, Optional(words)) : null),
        new UserCommandShape("umount", "", static words => words.Count == 0 ? Ask(PstoreProtocol.Unmount) : null),
        new UserCommandShape("remount", "[OPTIONS]", static words => words.Count <= 1 ? Ask(PstoreProtocol.Remount, Optional(words)) : null),
        new UserCommandShape("list", "[POSITION]", List),
        new UserCommandShape("read", "NAME", static words => words.Count == 1 ? Ask(PstoreProtocol.Read, words[0]) : null),
        new UserCommandShape("copy", "[NAME]", static words => words.Count <= 1 ? Ask(PstoreProtocol.Read, Optional(words) ?? LogFile) : null),
        new UserCommandShape("unlink", "NAME", static words => words.Count == 1 ? Ask(PstoreProtocol.Unlink, words[0]) : null),
        new UserCommandShape("parameter", "NAME", static words => words.Count == 1 ? Ask(PstoreProtocol.ReadParameter, words[0]) : null),
        new UserCommandShape("update-ms", "MILLISECONDS", UpdateInterval));

    /// <summary>Reads a command.</summary>
    public static UserCommand Read(IReadOnlyList<string> words) => Table.Read(words);

    /// <summary>A request as a person reads it.</summary>
    public static string Describe(in Message request) => ClientProtocol.NumberOf(request.Kind) switch
    {
        PstoreProtocol.Mount => $"mount {request.Text}".TrimEnd(),
        PstoreProtocol.Unmount => "umount",
        PstoreProtocol.Remount => $"remount {request.Text}".TrimEnd(),
        PstoreProtocol.List => string.Create(CultureInfo.InvariantCulture, $"list file {request.A}"),
        PstoreProtocol.Read => $"read {request.Text}",
        PstoreProtocol.Unlink => $"unlink {request.Text}",
        PstoreProtocol.ReadParameter => $"parameter {request.Text}",
        PstoreProtocol.WriteUpdateInterval => string.Create(CultureInfo.InvariantCulture, $"update_ms {(long)request.A}"),
        _ => $"request {request.Kind}",
    };

    private static string? Optional(IReadOnlyList<string> words) => words.Count == 0 ? null : words[0];

    private static UserCommand Ask(byte number, string? text = null, ulong a = 0) =>
        new(new Message(MessageKind.Of(PstoreProtocol.Actor, number), a, Text: text));

    private static UserCommand? List(IReadOnlyList<string> words)
    {
        ulong position = 0;
        bool isRead = words.Count == 0 || (words.Count == 1 && CommandTable.TryReadNumber(words[0], out position));
        return isRead ? Ask(PstoreProtocol.List, null, position) : null;
    }

    private static UserCommand? UpdateInterval(IReadOnlyList<string> words)
    {
        bool isRead = long.TryParse(words.Count == 1 ? words[0] : "", NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long milliseconds);
        return isRead && milliseconds is >= -1 and <= int.MaxValue ? Ask(PstoreProtocol.WriteUpdateInterval, null, (ulong)milliseconds) : null;
    }
}
