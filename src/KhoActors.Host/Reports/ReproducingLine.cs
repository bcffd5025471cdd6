using System.Globalization;
using System.Text;

namespace KhoActors.Host.Reports;

/// <summary>A command line of this program that a person copies into a shell: it runs a failing run again, continues one, or replays it.</summary>
internal sealed class ReproducingLine
{
    private readonly StringBuilder _line;

    /// <summary>Starts a line.</summary>
    /// <param name="command">The command, for example <c>run</c>.</param>
    /// <param name="subject">What it is applied to, for example the scenario; null for nothing but options.</param>
    public ReproducingLine(string command, string? subject = null)
    {
        _line = new StringBuilder("./kho ").Append(command);
        if (subject is not null)
        {
            _line.Append(' ').Append(Quote(subject));
        }
    }

    /// <summary>Adds an option with a number.</summary>
    /// <param name="option">The option with its dashes.</param>
    /// <param name="value">Its value; null leaves the option out.</param>
    /// <returns>The line.</returns>
    public ReproducingLine With(string option, ulong? value) => With(option, value?.ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds an option with a text.</summary>
    /// <param name="option">The option with its dashes.</param>
    /// <param name="value">Its value, quoted for a POSIX shell where needed; null leaves the option out.</param>
    /// <returns>The line.</returns>
    public ReproducingLine With(string option, string? value)
    {
        if (value is not null)
        {
            _line.Append(' ').Append(option).Append(' ').Append(Quote(value));
        }

        return this;
    }

    /// <summary>Adds an option once for each of its values.</summary>
    /// <param name="option">The option with its dashes.</param>
    /// <param name="values">Its values, each quoted for a POSIX shell where needed.</param>
    /// <returns>The line.</returns>
    public ReproducingLine WithEach(string option, IEnumerable<string> values)
    {
        foreach (string value in values)
        {
            With(option, value);
        }

        return this;
    }

    /// <summary>The line.</summary>
    /// <returns>A command for a POSIX shell.</returns>
    public override string ToString() => _line.ToString();

    private static string Quote(string word)
    {
        bool plain = word.Length > 0 && word.All(static c => char.IsAsciiLetterOrDigit(c) || "-_./:=,@%+".Contains(c, StringComparison.Ordinal));
        return plain ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }
}
