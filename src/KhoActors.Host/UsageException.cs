namespace KhoActors.Host;

/// <summary>A request that cannot be carried out as it was made; the program ends with <see cref="ExitCode.Usage"/>.</summary>
internal sealed class UsageException : Exception
{
    /// <summary>Says what is wrong and what is accepted.</summary>
    /// <param name="message">One line.</param>
    public UsageException(string message)
        : base(message)
    {
    }
}
