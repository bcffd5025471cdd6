namespace KhoActors.Nodes.Runtime;

/// <summary>
/// Whether a text has an encoding in UTF-8. A lone surrogate has none: encoders put U+FFFD in its place, and different texts would
/// give the same bytes.
/// </summary>
internal static class WellFormedText
{
    public static bool Is(ReadOnlySpan<char> text)
    {
        while (text.IndexOfAnyInRange('\uD800', '\uDFFF') is >= 0 and var at)
        {
            if (at + 1 == text.Length || !char.IsSurrogatePair(text[at], text[at + 1]))
            {
                return false;
            }

            text = text[(at + 2)..];
        }

        return true;
    }
}
