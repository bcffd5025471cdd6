namespace KhoActors.Host.Doctor;

/// <summary>How a check ended.</summary>
internal enum Verdict
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>The program works, but something is limited.</summary>
    Warning,

    /// <summary>Something that commands need is not there.</summary>
    Missing,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Name">What was looked at.</param>
/// <param name="Verdict">How it is.</param>
/// <param name="Found">What was found.</param>
/// <param name="Advice">What to do about it; empty when nothing.</param>
internal sealed record Check(string Name, Verdict Verdict, string Found, string Advice = "");
