using System.Diagnostics;

namespace KhoActors.Tests.Shared;

/// <summary>A file system of its own, small, mounted while a test runs: a tmpfs, or an ext4 in a file.</summary>
internal sealed class SmallFileSystem : IDisposable
{
    private readonly string? _image;

    /// <summary>A tmpfs.</summary>
    public SmallFileSystem(int kibibytes)
        : this(image: null) => Mount($"-t tmpfs -o size={kibibytes}k tmpfs");

    private SmallFileSystem(string? image)
    {
        _image = image;
        Folder = Directory.CreateTempSubdirectory("kho disk ").FullName;
    }

    /// <summary>Where it is mounted.</summary>
    public string Folder { get; }

    /// <summary>An ext4, which becomes read-only at its first error.</summary>
    public static SmallFileSystem Ext4(int mebibytes)
    {
        string image = Path.GetTempFileName();
        using (FileStream file = File.OpenWrite(image))
        {
            file.SetLength((long)mebibytes << 20);
        }

        SmallFileSystem disk = new(image);
        if (Succeeds("mkfs.ext4", "-q", "-F", "-e", "remount-ro", image) && Succeeds("mount", "-o", "loop", image, disk.Folder))
        {
            return disk;
        }

        Directory.Delete(disk.Folder);
        File.Delete(image);
        throw new IOException("An ext4 in a file cannot be made and mounted here.");
    }

    /// <summary>Mounts the tmpfs with other options.</summary>
    public void Remount(string options) => Mount($"-o remount,{options}");

    /// <summary>Makes the kernel find an error in the ext4: from now on it cannot be written.</summary>
    public void Break() => File.WriteAllText($"/sys/fs/ext4/{Path.GetFileName(Device())}/trigger_fs_error", "1");

    /// <summary>Repairs the ext4, as one does after such an error.</summary>
    public void Repair()
    {
        Assert.True(Succeeds("umount", Folder));
        Run("e2fsck", "-f", "-y", _image!);
        Mount("-o loop", _image!);
    }

    public void Dispose()
    {
        Assert.True(Succeeds("umount", Folder));
        Directory.Delete(Folder);
        if (_image is not null)
        {
            File.Delete(_image);
        }
    }

    /// <summary>Runs a program that says nothing to anybody.</summary>
    /// <returns>Whether it ended well.</returns>
    public static bool Succeeds(string program, params string[] arguments) => Run(program, arguments) == 0;

    // In /proc/mounts a space is written as \040.
    private string Device() =>
        File.ReadLines("/proc/mounts").Select(static line => line.Split(' '))
            .Last(mount => mount[1].Replace("\\040", " ", StringComparison.Ordinal) == Folder)[0];

    private void Mount(string options, params string[] source) => Assert.True(Succeeds("mount", [.. options.Split(' '), .. source, Folder]));

    private static int Run(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using Process process = Process.Start(start)!;
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }
}
