using System.Text;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Poc;

namespace KhoActors.Subsystems.Tests.Tmpfs.Poc;

/// <summary>User space on a machine whose kernels have the proof of concept.</summary>
internal sealed class PocUser(PocMachine machine)
{
    public PocUser(bool debug = false, string commandLine = "nokaslr", bool khoEnabled = true, params (ulong, ulong)[] ram)
        : this(new PocMachine(kernel => new TmpfsPocActor(kernel), debug: debug, commandLine: commandLine, khoEnabled: khoEnabled, ram: ram))
    {
    }

    public PocMachine Machine => machine;

    private PocAddresses Addresses => new(machine.Kernel, PocAddresses.FixedBase);

    public static uint Crc(ReadOnlySpan<byte> bytes) => Crc32.Of(bytes);

    public static uint Crc(string text) => Crc(Encoding.Latin1.GetBytes(text));

    public int Mount(string options = "kho=test", string point = "m", TmpfsMounter mounter = TmpfsMounter.None, uint uid = 0, uint gid = 0) =>
        Ask(TmpfsProtocol.Mount, $"{point}\0{options}", (ulong)mounter, Owner(uid, gid)).Code;

    /// <summary>With the file system on <c>m</c>.</summary>
    public static PocUser Mounted(PocUser? user = null, string options = "kho=test")
    {
        user ??= new PocUser();
        Assert.Equal(0, user.Mount(options));
        return user;
    }

    public int Unmount(string point = "m") => Ask(TmpfsProtocol.Unmount, point).Code;

    public int Remount(string options, string point = "m") => Ask(TmpfsProtocol.Remount, $"{point}\0{options}").Code;

    public int Create(string path, uint mode = 0x1A4, uint uid = 0, uint gid = 0) => Ask(TmpfsProtocol.Create, path, mode, Owner(uid, gid)).Code;

    public int MakeDirectory(string path, uint mode = 0x1ED) => Ask(TmpfsProtocol.MakeDirectory, path, mode).Code;

    public int MakeNode(string path, uint mode) => Ask(TmpfsProtocol.MakeNode, path, mode).Code;

    public int Link(string from, string to) => Ask(TmpfsProtocol.Link, $"{from}\0{to}").Code;

    public int SymbolicLink(string target, string path) => Ask(TmpfsProtocol.SymbolicLink, $"{target}\0{path}").Code;

    public int Unlink(string path) => Ask(TmpfsProtocol.Unlink, path).Code;

    public int RemoveDirectory(string path) => Ask(TmpfsProtocol.RemoveDirectory, path).Code;

    public int Rename(string from, string to, ulong flags = 0) => Ask(TmpfsProtocol.Rename, $"{from}\0{to}", flags).Code;

    /// <summary>Bytes written, or the negative errno.</summary>
    public long Write(string path, string text, ulong offset = 0) => Count(Ask(TmpfsProtocol.WriteText, $"{path}\0{text}", offset));

    /// <summary>Bytes of a pattern written, or the negative errno.</summary>
    public long WritePattern(string path, ulong bytes, ulong offset = 0, ulong seed = 1) =>
        Count(KernelResult.From(machine.CallMessage(Of(TmpfsProtocol.Write, path, offset, bytes, seed))));

    /// <summary>Makes a file and writes a text into it.</summary>
    public void File(string path, string text = "content")
    {
        Assert.Equal(0, Create(path));
        Assert.Equal(text.Length, Write(path, text));
    }

    public KernelResult Read(string path, ulong bytes = 1 << 20, ulong offset = 0) => Ask(TmpfsProtocol.Read, path, offset, bytes);

    public void Holds(string path, string text)
    {
        KernelResult read = Read(path);
        Assert.Equal((0, (ulong)text.Length, (ulong)Crc(text)), (read.Code, read.Value, read.Extra));
    }

    public int Truncate(string path, ulong size) => Ask(TmpfsProtocol.Truncate, path, size).Code;

    public int Allocate(string path, ulong mode, ulong offset, ulong bytes) =>
        KernelResult.From(machine.CallMessage(Of(TmpfsProtocol.Allocate, path, mode, offset, bytes))).Code;

    public KernelResult Stat(string path, TmpfsStatField field = TmpfsStatField.InodeAndSize) => Ask(TmpfsProtocol.Stat, path, (ulong)field);

    public ulong Number(string path)
    {
        KernelResult found = Stat(path);
        Assert.Equal(0, found.Code);
        return found.Value;
    }

    public ulong Size(string path) => Stat(path).Extra;

    public uint Mode(string path) => (uint)(Stat(path, TmpfsStatField.ModeLinksOwner).Value >> 32);

    public uint Links(string path) => (uint)Stat(path, TmpfsStatField.ModeLinksOwner).Value;

    public (uint Uid, uint Gid) Owner(string path)
    {
        ulong owner = Stat(path, TmpfsStatField.ModeLinksOwner).Extra;
        return ((uint)(owner >> 32), (uint)owner);
    }

    public KernelResult StatFileSystem(ulong what, string point = "m") => Ask(TmpfsProtocol.StatFileSystem, point, what);

    /// <summary>The machine's freeze hook.</summary>
    public int Freeze() => Ask(ClientProtocol.Freeze).Code;

    public int Activate() => Ask(TmpfsProtocol.FreezeNow).Code;

    public int Deactivate() => Ask(TmpfsProtocol.ThawNow).Code;

    /// <summary>Position, number, type and name of every entry that getdents shows.</summary>
    public List<(ulong Next, ulong Number, byte Type, string Name)> List(string path)
    {
        List<(ulong, ulong, byte, string)> entries = [];
        for (ulong position = 0; ;)
        {
            Message reply = machine.CallMessage(Of(TmpfsProtocol.ReadDirectory, path, position));
            KernelResult result = KernelResult.From(reply);
            Assert.Equal(0, result.Code);
            if (result.Extra == 0)
            {
                return entries;
            }

            entries.Add((result.Value, result.Extra & ((1UL << 56) - 1), (byte)(result.Extra >> 56), reply.Text!));
            position = result.Value;
        }
    }

    public IEnumerable<string> Names(string path) => List(path).Select(entry => entry.Name);

    /// <summary>The KHO inode behind a path.</summary>
    public PocInode Mirror(string path) => new(machine.Kernel.Memory, Addresses.Follow(Number(path), PocInode.SizeBytes));

    public PocDirectory MirrorDirectory(string path) => new(machine.Kernel.Memory, Addresses, Number(path));

    public string[] MirrorNames(string path)
    {
        PocDirectory directory = MirrorDirectory(path);
        return [.. Enumerable.Range(0, (int)directory.Count).Select(i => directory[(ulong)i].Name)];
    }

    /// <summary>Physical address of a file's page, as its block entry has it.</summary>
    public ulong Page(string path, ulong index = 0) => Mirror(path).BlockEntry(index);

    /// <summary>A kexec with the freeze hook, then a mount.</summary>
    public void Kexec(string? options = "kho=test")
    {
        Assert.Equal(0, machine.Kexec().Code);
        if (options is not null)
        {
            Assert.Equal(0, Mount(options));
        }
    }

    /// <summary>The published tree.</summary>
    public byte[] Tree()
    {
        (ulong phys, ulong sizeBytes) = machine.Published(PocTree.SubtreeName)!.Value;
        return machine.Bytes(phys, (int)sizeBytes);
    }

    public bool IsTracked(ulong phys, int order = 0) => machine.Tracked.Contains((PageGeometry.PfnOf(phys), order));

    public KernelResult Ask(byte number, string? text = null, ulong a = 0, ulong b = 0) => machine.Call(Of(number, text, a, b));

    private static Message Of(byte number, string? text, ulong a = 0, ulong b = 0, ulong c = 0) =>
        new(MessageKind.Of(TmpfsProtocol.Actor, number), a, b, c, Text: text);

    private static ulong Owner(uint uid, uint gid) => ((ulong)uid << 32) | gid;

    private static long Count(KernelResult result) => result.Succeeded ? (long)result.Value : result.Code;
}
