using System.Text.Json;
using KhoActors.Nodes.Machines;

namespace KhoActors.Host.Reports.Machines;

/// <summary>One way to look at a machine of a scenario: what <c>kho inspect</c> shows. A new one is a class and a line in <see cref="MachineViews"/>.</summary>
internal abstract class MachineView
{
    /// <summary>Its name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>What it shows, in a few words.</summary>
    public abstract string Summary { get; }

    /// <summary>What the word after the view's name selects, for example a path; null when the view is always shown as a whole.</summary>
    public virtual string? ItemName => null;

    /// <summary>Whether it makes sense after the kernel died, also when it died so early that it has no KHO core.</summary>
    public virtual bool ShowsTheDead => false;

    /// <summary>Writes it for people.</summary>
    /// <param name="generation">The generation.</param>
    /// <param name="item">What to show of it; null for all.</param>
    /// <param name="terminal">Where to.</param>
    /// <exception cref="UsageException">There is no such item, or nothing of the kind in this kernel.</exception>
    public abstract void WriteText(LiveGeneration generation, string? item, Terminal terminal);

    /// <summary>Writes it as one JSON value. Addresses are strings in hexadecimal, sizes are numbers of bytes.</summary>
    /// <param name="generation">The generation.</param>
    /// <param name="item">What to show of it; null for all.</param>
    /// <param name="json">Where to.</param>
    /// <exception cref="UsageException">There is no such item, or nothing of the kind in this kernel.</exception>
    public abstract void WriteJson(LiveGeneration generation, string? item, Utf8JsonWriter json);

    /// <summary>An address as reports write it.</summary>
    /// <param name="phys">The address.</param>
    /// <returns>Lower-case hexadecimal with 0x.</returns>
    protected static string Hex(ulong phys) => $"0x{phys:x}";
}
