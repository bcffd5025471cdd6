namespace KhoActors.Nodes.Conformance;

/// <summary>A capture cannot be read: a file is missing, too large, truncated or holds something else than the format says.</summary>
/// <param name="file">Path of the file, relative to the capture.</param>
/// <param name="field">Field or place inside the file, empty when the whole file is meant.</param>
/// <param name="problem">What is wrong and, where it helps, what was expected.</param>
/// <param name="innerException">The cause, if another library found it.</param>
public sealed class CaptureFormatException(string file, string field, string problem, Exception? innerException = null)
    : Exception(field.Length == 0 ? $"{file}: {problem}" : $"{file}: {field}: {problem}", innerException)
{
    /// <summary>Path of the file, relative to the capture.</summary>
    public string File { get; } = file;

    /// <summary>Field or place inside the file, empty when the whole file is meant.</summary>
    public string Field { get; } = field;
}
