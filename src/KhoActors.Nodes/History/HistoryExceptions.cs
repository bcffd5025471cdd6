namespace KhoActors.Nodes.History;

/// <summary>A history, or a part of it, is damaged or was never one. The message names history, run, machine, record and what is wrong.</summary>
public sealed class HistoryDamageException : Exception
{
    /// <summary>Says what is wrong.</summary>
    /// <param name="message">One sentence: where, what was found, what is accepted.</param>
    public HistoryDamageException(string message)
        : base(message)
    {
    }

    /// <summary>Says what is wrong.</summary>
    /// <param name="message">One sentence: where, what was found, what is accepted.</param>
    /// <param name="inner">Who found it.</param>
    public HistoryDamageException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

/// <summary>A history cannot be read or written now: not there, no permission, read-only, disk full, busy for too long. Nothing is half-written.</summary>
public sealed class HistoryUnavailableException : Exception
{
    /// <summary>Says why.</summary>
    /// <param name="message">One sentence: which history, what was tried, what the system says.</param>
    public HistoryUnavailableException(string message)
        : base(message)
    {
    }

    /// <summary>Says why.</summary>
    /// <param name="message">One sentence: which history, what was tried, what the system says.</param>
    /// <param name="inner">What the system said.</param>
    public HistoryUnavailableException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
