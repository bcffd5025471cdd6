using System.Globalization;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Tmpfs;

/// <summary>How requests to tmpfs read in the story of a machine: the words of the script's commands.</summary>
internal static class TmpfsRequestText
{
    /// <summary>A request as a person reads it.</summary>
    public static string Of(in Message request)
    {
        string text = (request.Text ?? string.Empty).Replace('\0', ' ');
        return ClientProtocol.NumberOf(request.Kind) switch
        {
            TmpfsProtocol.Mount => $"mount {text}",
            TmpfsProtocol.Remount => $"remount {text}",
            TmpfsProtocol.Unmount => $"umount {text}",
            TmpfsProtocol.Create => $"create {text}",
            TmpfsProtocol.MakeDirectory => $"mkdir {text}",
            TmpfsProtocol.MakeNode => $"mknod {text}",
            TmpfsProtocol.Link => $"link {text}",
            TmpfsProtocol.SymbolicLink => $"symlink {Shortened(text)}",
            TmpfsProtocol.Unlink => $"unlink {text}",
            TmpfsProtocol.RemoveDirectory => $"rmdir {text}",
            TmpfsProtocol.Rename => request.A == 0 ? $"rename {text}" : Numbers($"rename {text} with flags", request.A),
            TmpfsProtocol.Write => Numbers($"write {text}", request.A, request.B),
            TmpfsProtocol.WriteText => Numbers($"write-text {text} at", request.A),
            TmpfsProtocol.Read => Numbers($"read {text}", request.A, request.B),
            TmpfsProtocol.Truncate => Numbers($"truncate {text}", request.A),
            TmpfsProtocol.Allocate => Numbers($"{((request.A & 2) != 0 ? "punch" : "fallocate")} {text}", request.B, request.C),
            TmpfsProtocol.Seek => Numbers($"{(request.B == 3 ? "seek-data" : "seek-hole")} {text}", request.A),
            TmpfsProtocol.Stat => $"stat {text} {TmpfsCommands.NameOf((TmpfsStatField)request.A)}",
            TmpfsProtocol.ChangeMode => $"chmod {text} {Convert.ToString((long)request.A, 8)}",
            TmpfsProtocol.ChangeOwner => Numbers($"chown {text}", request.B >> 32, request.B & uint.MaxValue),
            TmpfsProtocol.ChangeTimes => Numbers($"utimes {text}", request.A, request.B),
            TmpfsProtocol.ReadLink => $"readlink {text}",
            TmpfsProtocol.ReadDirectory => Numbers($"readdir {text}", request.A),
            TmpfsProtocol.StatFileSystem => $"statfs {text}",
            TmpfsProtocol.Open => $"open {text}",
            TmpfsProtocol.Close => $"close {text}",
            TmpfsProtocol.SetFlags => Numbers($"setflags {text}", request.A),
            TmpfsProtocol.SetExtendedAttribute => Numbers($"setxattr {text}", request.A),
            TmpfsProtocol.MapWrite => Numbers($"map-write {text}", request.A, request.B),
            TmpfsProtocol.MigratePage => Numbers($"migrate {text}", request.A),
            TmpfsProtocol.FreezeNow => "freeze",
            TmpfsProtocol.ThawNow => "thaw",
            TmpfsProtocol.Discard => $"discard {text}",
            TmpfsProtocol.CarryPolicy => request.A == 0 ? "carry on" : "carry drop",
            TmpfsProtocol.ListNames => Numbers("names", request.A),
            _ => $"request {request.Kind} {text}",
        };
    }

    /// <summary>A target and a path: what is too long for a line is the target.</summary>
    private static string Shortened(string words)
    {
        const int longestTarget = 60;
        int space = words.LastIndexOf(' ');
        return space > longestTarget ? $"{words.AsSpan(0, longestTarget)}...{words.AsSpan(space)}" : words;
    }

    private static string Numbers(string words, ulong first) => string.Create(CultureInfo.InvariantCulture, $"{words} {first}");

    private static string Numbers(string words, ulong first, ulong second) => string.Create(CultureInfo.InvariantCulture, $"{words} {first} {second}");
}
