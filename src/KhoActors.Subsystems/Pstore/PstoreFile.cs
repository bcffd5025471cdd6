namespace KhoActors.Subsystems.Pstore;

/// <summary>A file of the pstore file system (fs/pstore/inode.c): mode 0444, one record, its content as it was when the file system looked.</summary>
public sealed class PstoreFile
{
    /// <summary>Suffix of a record that could not be inflated, or was not to be.</summary>
    public const string CompressedSuffix = ".enc.z";

    internal PstoreFile(string backend, in ReadRecord copy, byte[] content, bool compressed, long nowSeconds)
    {
        Copy = copy;
        Content = content;
        Name = $"dmesg-{backend}-0{(compressed ? CompressedSuffix : "")}";
        ModifiedSeconds = copy.Fields.TimeSeconds != 0 ? copy.Fields.TimeSeconds : nowSeconds;
    }

    /// <summary>Its name, for example <c>dmesg-kho-0</c>.</summary>
    public string Name { get; }

    /// <summary>Modification time, in seconds since 1970: the record's, unless that is 0.</summary>
    public long ModifiedSeconds { get; }

    /// <summary>Its content.</summary>
    public ReadOnlyMemory<byte> Content { get; }

    /// <summary>What the backend gave.</summary>
    internal ReadRecord Copy { get; }
}
