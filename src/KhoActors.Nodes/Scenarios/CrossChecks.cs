namespace KhoActors.Nodes.Scenarios;

/// <summary>Checks that span fields, reported at the place of the field that is at fault.</summary>
/// <param name="root">The document.</param>
/// <param name="problems">Where problems go.</param>
/// <param name="prefix">Path of the checked record in the document; empty for its root.</param>
internal sealed class CrossChecks(ConfigNode root, ProblemList problems, string prefix)
{
    /// <summary>What <see cref="IsName"/> accepts, for messages.</summary>
    public const string NameRule = "a name consists of lower-case letters, digits, dots and dashes, and begins with a letter or digit";

    /// <summary>Whether a text can be the name of a scenario or kernel: also a file name on every system.</summary>
    public static bool IsName(string text) =>
        text.Length is > 0 and <= 64
        && char.IsAsciiLetterOrDigit(text[0])
        && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '-');

    /// <summary>The checks of a record inside this one.</summary>
    /// <param name="path">Its path here; empty for this record.</param>
    public CrossChecks Below(string path) => path.Length == 0 ? this : new CrossChecks(root, problems, prefix.Length == 0 ? path : $"{prefix}.{path}");

    /// <summary>Adds a problem unless a condition holds.</summary>
    public void Require(bool condition, string path, string message)
    {
        if (!condition)
        {
            string whole = prefix.Length == 0 ? path : path.Length == 0 ? prefix : $"{prefix}.{path}";
            problems.Add(root.Nearest(whole).Position, whole, message);
        }
    }
}
