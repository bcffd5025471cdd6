namespace KhoActors.Tests.Shared;

/// <summary>A fact on a file system of its own, which only root may mount; reported as skipped for others.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MountFactAttribute : FactAttribute
{
    private static readonly Lazy<bool> Mounts = new(CanMount);
    private static readonly Lazy<bool> BreaksExt4 = new(CanBreakExt4);

    /// <param name="image">Whether it is an ext4 in a file, on which the kernel can be made to find an error; else a tmpfs.</param>
    public MountFactAttribute(bool image = false)
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess || !Mounts.Value)
        {
            Skip = "needs root, to mount a small file system";
        }
        else if (image && !BreaksExt4.Value)
        {
            Skip = "needs mkfs.ext4, a loop device, and a kernel whose ext4 can be told to find an error";
        }
    }

    private static bool CanMount()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("kho disk ");
        bool canMount = SmallFileSystem.Succeeds("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder.FullName)
            && SmallFileSystem.Succeeds("umount", folder.FullName);
        folder.Delete();
        return canMount;
    }

    private static bool CanBreakExt4()
    {
        try
        {
            using SmallFileSystem disk = SmallFileSystem.Ext4(mebibytes: 4);
            disk.Break();
            return true;
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
