namespace KhoActors.Host;

/// <summary>How the program ends. The numbers are a promise to scripts; 64, 70 and 74 are those of sysexits.h.</summary>
internal enum ExitCode
{
    /// <summary>Everything that was checked held.</summary>
    Held = 0,

    /// <summary>An invariant was violated or a vector failed.</summary>
    Violated = 1,

    /// <summary>Nothing was checked, or not all of it: a run cut short, cases that this build does not simulate.</summary>
    Inconclusive = 2,

    /// <summary>The same seed and model gave another digest.</summary>
    Diverged = 3,

    /// <summary>A command line, scenario or kernel file that cannot be used.</summary>
    Usage = 64,

    /// <summary>A defect of the simulator itself.</summary>
    Defect = 70,

    /// <summary>Standard output, a store or a folder could not be read or written.</summary>
    StoreFailure = 74,

    /// <summary>Interrupted by the user; what was done so far is kept.</summary>
    Interrupted = 130,
}
