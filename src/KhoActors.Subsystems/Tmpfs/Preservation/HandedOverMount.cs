using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Subsystems.Tmpfs.Preservation;

/// <summary>A mount that the previous kernel handed over and that nobody has mounted in this one.</summary>
/// <param name="slot">Its slot in the incoming anchor.</param>
internal sealed class HandedOverMount(MountSlot slot)
{
    /// <summary>Its slot in the incoming anchor.</summary>
    public MountSlot Slot => slot;

    /// <summary>Pages that were restored and are this kernel's, in the order of the snapshot.</summary>
    public List<ulong> Claimed { get; } = [];

    /// <summary>
    /// Whether all its pages are this kernel's: it was to be passed on in a kexec that was given up. It can be mounted and passed on as before.
    /// </summary>
    public bool IsHeld { get; set; }

    /// <summary>Whether only some of its pages could be restored: there is nothing left to mount.</summary>
    public bool IsBroken { get; set; }

    /// <summary>Whether a snapshot takes it along.</summary>
    public bool CanBeCarried => !IsBroken;
}
