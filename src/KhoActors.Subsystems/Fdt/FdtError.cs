namespace KhoActors.Subsystems.Fdt;

/// <summary>
/// Error codes of libfdt (scripts/dtc/libfdt/libfdt.h) as positive integers. Functions return the negative; 0, an offset or a length
/// is success. Some kernel log lines print these numbers, and old kernels returned them where an errno was expected.
/// </summary>
public static class FdtError
{
    /// <summary>The node or property does not exist.</summary>
    public const int NotFound = 1;

    /// <summary>A node of that name exists.</summary>
    public const int Exists = 2;

    /// <summary>The buffer is too small for the operation.</summary>
    public const int NoSpace = 3;

    /// <summary>An offset does not point to the kind of tag that is needed, or a string offset is outside its block.</summary>
    public const int BadOffset = 4;

    /// <summary>A path is malformed.</summary>
    public const int BadPath = 5;

    /// <summary>A phandle is 0 or 0xffffffff.</summary>
    public const int BadPhandle = 6;

    /// <summary>The sequential writer is not in the state that the call needs.</summary>
    public const int BadState = 7;

    /// <summary>The blob, or a part of it, ends too early.</summary>
    public const int Truncated = 8;

    /// <summary>The magic number is not 0xd00dfeed.</summary>
    public const int BadMagic = 9;

    /// <summary>The version cannot be read, or not with this operation.</summary>
    public const int BadVersion = 10;

    /// <summary>Tags are unknown, unbalanced or in an impossible order.</summary>
    public const int BadStructure = 11;

    /// <summary>The blocks are not in the order that editing needs.</summary>
    public const int BadLayout = 12;

    /// <summary>An internal inconsistency.</summary>
    public const int Internal = 13;

    /// <summary>A #address-cells or #size-cells property is malformed.</summary>
    public const int BadNCells = 14;

    /// <summary>A property has an unexpected value.</summary>
    public const int BadValue = 15;

    /// <summary>An overlay is malformed.</summary>
    public const int BadOverlay = 16;

    /// <summary>No phandle is left.</summary>
    public const int NoPhandles = 17;

    /// <summary>Unknown flags.</summary>
    public const int BadFlags = 18;

    /// <summary>A block or the blob is not aligned.</summary>
    public const int Alignment = 19;

    /// <summary>The symbolic name of a result.</summary>
    /// <param name="result">A result of an FDT function.</param>
    /// <returns>For example <c>FDT_ERR_BADMAGIC</c>; the plain number when it is no error.</returns>
    public static string Symbol(int result) => -(long)result switch
    {
        NotFound => "FDT_ERR_NOTFOUND",
        Exists => "FDT_ERR_EXISTS",
        NoSpace => "FDT_ERR_NOSPACE",
        BadOffset => "FDT_ERR_BADOFFSET",
        BadPath => "FDT_ERR_BADPATH",
        BadPhandle => "FDT_ERR_BADPHANDLE",
        BadState => "FDT_ERR_BADSTATE",
        Truncated => "FDT_ERR_TRUNCATED",
        BadMagic => "FDT_ERR_BADMAGIC",
        BadVersion => "FDT_ERR_BADVERSION",
        BadStructure => "FDT_ERR_BADSTRUCTURE",
        BadLayout => "FDT_ERR_BADLAYOUT",
        Internal => "FDT_ERR_INTERNAL",
        BadNCells => "FDT_ERR_BADNCELLS",
        BadValue => "FDT_ERR_BADVALUE",
        BadOverlay => "FDT_ERR_BADOVERLAY",
        NoPhandles => "FDT_ERR_NOPHANDLES",
        BadFlags => "FDT_ERR_BADFLAGS",
        Alignment => "FDT_ERR_ALIGNMENT",
        _ => result.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };
}
