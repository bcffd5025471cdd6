using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Pstore;

/// <summary>What user space asks of pstore's file system and module, each answered with a kernel result.</summary>
public static class PstoreProtocol
{
    /// <summary>The actor of every pstore profile.</summary>
    public static readonly ActorId Actor = new(8);

    /// <summary>
    /// mount -t pstore. Text: options (<c>kmsg_bytes=</c>; what cannot be read is passed over). Value: files that are there. -EBUSY when it is
    /// mounted.
    /// </summary>
    public const byte Mount = 0x10;

    /// <summary>umount. -EINVAL when it is not mounted.</summary>
    public const byte Unmount = 0x11;

    /// <summary>mount with MS_REMOUNT. Text: options.</summary>
    public const byte Remount = 0x12;

    /// <summary>
    /// getdents of one file. A: position; value: its size in bytes; extra: mtime in seconds since 1970; reply text: its name. -ENOENT behind the
    /// last file, and when pstore is not mounted.
    /// </summary>
    public const byte List = 0x13;

    /// <summary>Reads a whole file. Value: bytes; extra: their CRC-32 (IEEE). Text: name; reply text: the content, a character a byte. -ENOENT.</summary>
    public const byte Read = 0x14;

    /// <summary>unlink. -EPERM: the backend cannot erase. -ENOENT. Text: name.</summary>
    public const byte Unlink = 0x15;

    /// <summary>
    /// The timer of <c>update_ms</c>: looks for new records some time after an oops was stored. Sent by pstore to itself, no reply. A: number of
    /// the timer; only the last one set counts.
    /// </summary>
    public const byte Rescan = 0x16;

    /// <summary>A parameter of pstore as sysfs shows it. Reply text: its value. Text: its name, such as <c>kmsg_bytes</c>.</summary>
    public const byte ReadParameter = 0x17;

    /// <summary>Writes <c>update_ms</c>, the one parameter that can be written. A: milliseconds as a signed number; it counts from the next oops on.</summary>
    public const byte WriteUpdateInterval = 0x18;
}
