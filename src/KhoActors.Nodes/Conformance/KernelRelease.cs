using System.Globalization;

namespace KhoActors.Nodes.Conformance;

/// <summary>The first two numbers of a kernel release: enough to know which generation of KHO it speaks.</summary>
/// <param name="Major">First number.</param>
/// <param name="Minor">Second number.</param>
public readonly record struct KernelRelease(int Major, int Minor)
{
    /// <summary>Whether KHO data is attached to an image only when it was finalized before the load (up to 6.18).</summary>
    public bool FinalizesBeforeLoad => IsBefore(6, 19);

    /// <summary>Whether this release is older than another.</summary>
    /// <param name="major">First number.</param>
    /// <param name="minor">Second number.</param>
    /// <returns>Whether it is.</returns>
    public bool IsBefore(int major, int minor) => Major < major || (Major == major && Minor < minor);

    /// <summary>Reads a release.</summary>
    /// <param name="text">For example <c>7.3.0-rc7-a</c>.</param>
    /// <param name="release">The numbers.</param>
    /// <returns>Whether it starts with two numbers.</returns>
    public static bool TryParse(string text, out KernelRelease release)
    {
        release = default;
        string[] parts = text.Split('.', 3);
        if (parts.Length < 2 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int major))
        {
            return false;
        }

        string minorText = new([.. parts[1].TakeWhile(char.IsAsciiDigit)]);
        if (!int.TryParse(minorText, NumberStyles.None, CultureInfo.InvariantCulture, out int minor))
        {
            return false;
        }

        release = new KernelRelease(major, minor);
        return true;
    }
}
