namespace KhoActors.Nodes.Conformance;

/// <summary>A vector needs something that this build does not simulate: the case counts as unsupported.</summary>
internal sealed class NotSimulatedException : Exception
{
    public NotSimulatedException()
        : this("not simulated")
    {
    }

    public NotSimulatedException(string message)
        : base(message)
    {
    }

    public NotSimulatedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
