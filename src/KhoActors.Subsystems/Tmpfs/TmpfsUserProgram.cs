using System.Globalization;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Tmpfs;

/// <summary>
/// What user space does with tmpfs in one kernel: it mounts two file systems that are handed over, mostly at once, sometimes late, sometimes
/// not at all, so that they are carried on; lists what came over and checks files and links against what their names say; then works in
/// small trees of a few dozen names.
/// </summary>
public sealed partial class TmpfsUserProgram : IUserProgram
{
    private const int MostEntriesListed = 64;
    private const ulong MostFileBytes = 48 << 10;
    private static readonly string[] MountNames = ["work", "cache"];

    private readonly bool _isFaithful;
    private readonly MountedTree[] _mounts = [.. MountNames.Select(static name => new MountedTree(name))];
    private Task[] _tasks = new Task[8];

    /// <summary>A program for one kernel.</summary>
    /// <param name="isFaithful">Whether the layout promises that what was there is there again: then what is not is a violation.</param>
    public TmpfsUserProgram(bool isFaithful = true) => _isFaithful = isFaithful;

    private enum Step : byte
    {
        Idle,
        Mount,
        MountAgain,
        Unmount,
        List,
        Check,
        CheckLink,
        Make,
        Write,
        Truncate,
        Remove,
        Rename,
        Freeze,
        Other,
    }

    /// <summary>When a file system is mounted in this kernel.</summary>
    private enum Manner
    {
        AtOnce,
        Late,
        Never,
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Operations => OperationNames;

    /// <inheritdoc/>
    public void Start(UserProcess process)
    {
        ArgumentNullException.ThrowIfNull(process);
        foreach (MountedTree mount in _mounts)
        {
            mount.Manner = process.NextBelow(8) switch { < 6 => Manner.AtOnce, 6 => Manner.Late, _ => Manner.Never };
            if (mount.Manner == Manner.AtOnce)
            {
                AskMount(mount, Step.Mount, process);
            }
        }
    }

    /// <inheritdoc/>
    public void Answered(uint tag, in Message reply, UserProcess process)
    {
        ArgumentNullException.ThrowIfNull(process);
        Task task = _tasks[tag];
        _tasks[tag] = default;
        if (task.File is { } file)
        {
            file.Content.IsBusy = false;
        }

        KernelResult result = KernelResult.From(reply);
        switch (task.Step)
        {
            case Step.Mount or Step.MountAgain:
                AfterMount(task, result, process);
                break;
            case Step.Unmount:
                AfterUnmount(task.Mount!, result);
                break;
            case Step.List:
                AfterList(task, result, reply.Text, process);
                break;
            case Step.Check:
                AfterCheck(task, result, process);
                break;
            case Step.CheckLink:
                AfterCheckLink(task, result, reply.Text, process);
                break;
            case Step.Freeze when result.Succeeded:
                Ask(Step.Other, null, null, Request(process, TmpfsProtocol.ThawNow, null), process);
                break;
            default:
                AfterChange(task, result);
                break;
        }
    }

    /// <inheritdoc/>
    public UserCommand ReadCommand(IReadOnlyList<string> words) => TmpfsCommands.ReadCommand(words);

    /// <inheritdoc/>
    public string Describe(in Message request) => TmpfsRequestText.Of(request);

    private static Message Request(UserProcess process, byte number, string? text, ulong a = 0, ulong b = 0, ulong c = 0) =>
        new(MessageKind.Of(process.Client, number), a, b, c, 0, text);

    private static string Two(string first, string second) => $"{first}\0{second}";

    /// <summary>Sometimes with a limit: one below what is used is refused, and the mount tried again without.</summary>
    private void AskMount(MountedTree mount, Step step, UserProcess process)
    {
        string limit = step == Step.Mount && process.NextBelow(2) == 0
            ? string.Create(CultureInfo.InvariantCulture, $",size={64 << (int)process.NextBelow(4)}k,nr_inodes=64")
            : string.Empty;
        Ask(step, mount, null, Request(process, TmpfsProtocol.Mount, Two(mount.Point, $"kho={mount.Name}{limit}")), process);
    }

    private void AfterMount(in Task task, KernelResult result, UserProcess process)
    {
        MountedTree mount = task.Mount!;
        if (result.Code == -Errno.EINVAL && task.Step == Step.Mount)
        {
            AskMount(mount, Step.MountAgain, process);
            return;
        }

        if (result.Code is -Errno.EUCLEAN or -Errno.EIO && _isFaithful)
        {
            process.Report($"mount of {mount.Point}: {Errno.Symbol(result.Code)}, though nobody damaged what was handed over");
        }

        if (!result.Succeeded)
        {
            return;
        }

        mount.IsMounted = true;
        mount.Files.Clear();
        AskList(mount, mount.Point, 0, process);
    }

    private static void AfterUnmount(MountedTree mount, KernelResult result)
    {
        if (result.Succeeded)
        {
            mount.IsMounted = false;
            mount.Files.Clear();
        }
    }

    private void AskList(MountedTree mount, string directory, ulong position, UserProcess process) =>
        Ask(Step.List, mount, null, Request(process, TmpfsProtocol.ReadDirectory, directory, position), process, directory);

    private void AfterList(in Task task, KernelResult result, string? name, UserProcess process)
    {
        const ulong inodeMask = (1UL << 56) - 1;
        bool isEnd = !result.Succeeded || (result.Extra & inodeMask) == 0 || name is null;
        MountedTree mount = task.Mount!;
        if (isEnd || mount.Files.Count >= MostEntriesListed || !mount.IsMounted)
        {
            return;
        }

        if (TmpfsKnownFile.Read(task.Path!, name!) is { } file)
        {
            mount.Files.Add(file);
            Examine(mount, mount.Files[mount.Files.Count - 1], process);
        }

        AskList(mount, task.Path!, result.Value, process);
    }

    /// <summary>Looks at a name that came over, or was made before the file system was mounted again.</summary>
    private void Examine(MountedTree mount, TmpfsKnownFile file, UserProcess process)
    {
        switch (file.Kind)
        {
            case TmpfsKnownKind.Dense when !file.Content.IsBusy:
                AskCheck(mount, file, process);
                break;
            case TmpfsKnownKind.Link:
                Ask(Step.CheckLink, mount, file, Request(process, TmpfsProtocol.ReadLink, file.Path), process);
                break;
            case TmpfsKnownKind.Directory:
                AskList(mount, file.Path, 0, process);
                break;
            default:
                break;
        }
    }

    private void AskCheck(MountedTree mount, TmpfsKnownFile file, UserProcess process) =>
        Ask(Step.Check, mount, file, Request(process, TmpfsProtocol.Read, file.Path, 0, MostFileBytes), process);

    private void AfterCheck(in Task task, KernelResult result, UserProcess process)
    {
        TmpfsKnownFile file = task.File!;
        if (!result.Succeeded)
        {
            task.Mount!.Files.Remove(file);
            return;
        }

        uint expected = TmpfsPattern.ChecksumOf(file.Content.Seed, 0, result.Value);
        if (expected != result.Extra && _isFaithful)
        {
            process.Report(string.Create(
                CultureInfo.InvariantCulture,
                $"{file.Path} was written with a pattern whose first {result.Value} bytes have CRC 0x{expected:x8}; they have 0x{result.Extra:x8}"));
        }

        if (file.Content.SizeBytes is { } size && size != result.Value && _isFaithful)
        {
            process.Report(string.Create(CultureInfo.InvariantCulture, $"{file.Path} has {size} bytes, {result.Value} could be read"));
        }

        file.Content.SizeBytes = result.Value;
    }

    private void AfterCheckLink(in Task task, KernelResult result, string? target, UserProcess process)
    {
        if (result.Succeeded && target != TmpfsKnownFile.TargetOf(task.File!.Content.Seed) && _isFaithful)
        {
            process.Report($"{task.File.Path} is a link to '{target}'");
        }
    }

    private void Ask(Step step, MountedTree? mount, TmpfsKnownFile? file, in Message request, UserProcess process, string? path = null, ulong size = 0)
    {
        int slot = Array.FindIndex(_tasks, static task => task.Step == Step.Idle);
        if (slot < 0)
        {
            slot = _tasks.Length;
            Array.Resize(ref _tasks, slot * 2);
        }

        if (file is not null)
        {
            file.Content.IsBusy = true;
        }

        _tasks[slot] = new Task(step, mount, file, path, size);
        process.Ask(request, (uint)slot);
    }

    /// <summary>A request that is not answered yet.</summary>
    /// <param name="Step">What it is for.</param>
    /// <param name="Mount">The file system.</param>
    /// <param name="File">The file that is busy with it.</param>
    /// <param name="Path">A directory that is listed, or a new name.</param>
    /// <param name="SizeBytes">Offset of a write, or the new size.</param>
    private readonly record struct Task(Step Step, MountedTree? Mount, TmpfsKnownFile? File, string? Path, ulong SizeBytes);

    /// <summary>A file system that is handed over.</summary>
    /// <param name="name">Its name at the hand-over.</param>
    private sealed class MountedTree(string name)
    {
        public string Name => name;

        public string Point { get; } = $"/{name}";

        public Manner Manner { get; set; }

        public bool IsMounted { get; set; }

        public TmpfsKnownFiles Files { get; } = new($"/{name}");
    }
}
