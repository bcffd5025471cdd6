namespace KhoActors.Nodes.Conformance;

/// <summary>A vector or a capture needs something that this build does not simulate: the case counts as unsupported.</summary>
public sealed class NotSimulatedException : Exception
{
    /// <summary>Something is not simulated.</summary>
    public NotSimulatedException()
        : this("not simulated")
    {
    }

    /// <summary>Something is not simulated.</summary>
    /// <param name="message">What.</param>
    public NotSimulatedException(string message)
        : base(message)
    {
    }

    /// <summary>Something is not simulated.</summary>
    /// <param name="message">What.</param>
    /// <param name="innerException">How it was noticed.</param>
    public NotSimulatedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
