using System.Globalization;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Pstore;

/// <summary>
/// What user space does with pstore in one kernel: mounts it, mostly, and copies the log of the kernel before; sometimes it forgets one or
/// the other. It checks that the file begins as a dump does, that it cannot be removed, and that it stays what it was.
/// </summary>
public sealed class PstoreUserProgram : IUserProgram
{
    private static readonly string[] Names = ["pstore_read", "pstore_mount", "pstore_umount"];
    private static readonly string[] Reasons = ["Panic", "Oops", "Emergency", "Shutdown"];

    private bool _isMounted;
    private string? _file;
    private (ulong Bytes, ulong Checksum)? _copy;

    private enum Step : uint
    {
        Mount,
        List,
        Read,
        Unlink,
        Unmount,
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Operations => Names;

    /// <inheritdoc/>
    public void Start(UserProcess process)
    {
        ArgumentNullException.ThrowIfNull(process);
        if (process.NextBelow(8) != 0)
        {
            Ask(process, Step.Mount, PstoreProtocol.Mount);
        }
    }

    /// <inheritdoc/>
    public void Operate(int operation, UserProcess process)
    {
        switch (operation)
        {
            case 0 when _isMounted:
                Ask(process, Step.List, PstoreProtocol.List);
                break;
            case 2:
                Ask(process, Step.Unmount, PstoreProtocol.Unmount);
                break;
            default:
                Ask(process, Step.Mount, PstoreProtocol.Mount);
                break;
        }
    }

    /// <inheritdoc/>
    public void Answered(uint tag, in Message reply, UserProcess process)
    {
        ArgumentNullException.ThrowIfNull(process);
        KernelResult result = KernelResult.From(reply);
        switch ((Step)tag)
        {
            case Step.Mount:
                AfterMount(result, process);
                break;
            case Step.List:
                AfterList(result, reply.Text, process);
                break;
            case Step.Read:
                AfterRead(result, reply.Text, process);
                break;
            case Step.Unlink:
                AfterUnlink(result, process);
                break;
            default:
                _isMounted = false;
                break;
        }
    }

    /// <inheritdoc/>
    public UserCommand ReadCommand(IReadOnlyList<string> words) => PstoreCommands.Read(words);

    /// <inheritdoc/>
    public string Describe(in Message request) => PstoreCommands.Describe(request);

    private void AfterMount(KernelResult result, UserProcess process)
    {
        _isMounted = result.Succeeded || result.Code == -Errno.EBUSY;
        if (result.Succeeded && process.NextBelow(8) != 0)
        {
            Ask(process, Step.List, PstoreProtocol.List);
        }
    }

    private void AfterList(KernelResult result, string? name, UserProcess process)
    {
        if (!result.Succeeded)
        {
            return;
        }

        _file = name;
        Ask(process, Step.Read, PstoreProtocol.Read, name);
    }

    private void AfterRead(KernelResult result, string? content, UserProcess process)
    {
        // Not there any more: somebody unmounted meanwhile.
        if (!result.Succeeded)
        {
            return;
        }

        if (content is null || (ulong)content.Length != result.Value)
        {
            process.Report($"{_file} has {result.Value} bytes, {content?.Length ?? 0} could be read");
            return;
        }

        if (!_file!.EndsWith(".enc.z", StringComparison.Ordinal) && !BeginsAsDump(content))
        {
            process.Report($"{_file} does not begin as a dump of the log does: '{FirstLine(content)}'");
        }

        if (_copy is { } before && before != (result.Value, result.Extra))
        {
            process.Report($"{_file} had {before.Bytes} bytes with CRC 0x{before.Checksum:x8}, now {result.Value} with 0x{result.Extra:x8}");
        }

        _copy = (result.Value, result.Extra);
        if (process.NextBelow(4) == 0)
        {
            Ask(process, Step.Unlink, PstoreProtocol.Unlink, _file);
        }
    }

    private void AfterUnlink(KernelResult result, UserProcess process)
    {
        if (result.Code is not (-Errno.EPERM or -Errno.ENOENT))
        {
            process.Report($"unlink of {_file}: expected -EPERM, found {Errno.Symbol(result.Code)}");
        }
    }

    /// <summary>The header line: reason, number of the dump in its boot, part; then lines with their level, unless the log was empty.</summary>
    private static bool BeginsAsDump(string content)
    {
        string header = FirstLine(content);
        int number = header.IndexOf('#', StringComparison.Ordinal);
        int part = header.IndexOf(" Part", StringComparison.Ordinal);
        return number > 0
            && part > number
            && Array.IndexOf(Reasons, header[..number]) >= 0
            && uint.TryParse(header.AsSpan(number + 1, part - number - 1), NumberStyles.None, CultureInfo.InvariantCulture, out uint count)
            && uint.TryParse(header.AsSpan(part + " Part".Length), NumberStyles.None, CultureInfo.InvariantCulture, out uint parts)
            && count > 0
            && parts > 0
            && (content.Length <= header.Length + 1 || content[header.Length + 1] == '<');
    }

    private static string FirstLine(string content)
    {
        const int longest = 64;
        int end = content.AsSpan(0, Math.Min(content.Length, longest)).IndexOf('\n');
        return content[..(end < 0 ? Math.Min(content.Length, longest) : end)];
    }

    private static void Ask(UserProcess process, Step step, byte number, string? text = null) =>
        process.Ask(new Message(MessageKind.Of(process.Client, number), Text: text), (uint)step);
}
