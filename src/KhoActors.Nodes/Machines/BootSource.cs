using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Machines;

/// <summary>How a machine gets into its next kernel.</summary>
public enum BootKind
{
    /// <summary>Power-on or firmware reset: RAM is lost.</summary>
    Cold,

    /// <summary>A kexec: RAM stays, the loader left the image and perhaps hand-over data in it.</summary>
    Kexec,
}

/// <summary>What the loader passes to the next kernel beside RAM; the four numbers of the hand-off are in the setup_data list in RAM.</summary>
/// <param name="Kind">Cold or kexec.</param>
/// <param name="ImagePhys">Where the image was placed.</param>
/// <param name="Initrd">Where the RAM disk was placed; size 0 without one.</param>
/// <param name="SetupDataPhys">Head of the setup_data list, 0 without one.</param>
public readonly record struct BootSource(BootKind Kind, ulong ImagePhys = 0, PhysicalRange Initrd = default, ulong SetupDataPhys = 0)
{
    internal void Write(SnapshotWriter writer)
    {
        writer.WriteVar((ulong)Kind);
        writer.WriteVar(ImagePhys);
        writer.WriteVar(Initrd.Phys);
        writer.WriteVar(Initrd.SizeBytes);
        writer.WriteVar(SetupDataPhys);
    }

    internal static BootSource Read(SnapshotReader reader) => new(
        (BootKind)reader.ReadCount((int)BootKind.Kexec, "how the machine boots"),
        reader.ReadVar(),
        new PhysicalRange(reader.ReadVar(), reader.ReadVar()),
        reader.ReadVar());
}
