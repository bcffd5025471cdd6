namespace KhoActors.Nodes.Conformance;

/// <summary>A recorded vector is not what its format says: the message names the field and what is wrong with it.</summary>
public sealed class VectorFormatException : Exception
{
    /// <summary>A vector is malformed.</summary>
    public VectorFormatException()
        : this("malformed vector")
    {
    }

    /// <summary>A vector is malformed in a certain way.</summary>
    /// <param name="message">Field and what is wrong with it.</param>
    public VectorFormatException(string message)
        : base(message)
    {
    }

    /// <summary>A vector is malformed, as something else found out.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">What found it out.</param>
    public VectorFormatException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
