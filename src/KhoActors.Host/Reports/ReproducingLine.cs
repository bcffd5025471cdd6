using System.Globalization;
using System.Text;

namespace KhoActors.Host.Reports;

/// <summary>The one line that runs a failing run again: printed when it fails and repeated as the last line.</summary>
internal sealed class ReproducingLine
{
    private readonly StringBuilder _line;

    /// <summary>Starts a line.</summary>
    /// <param name="command">The command, for example <c>run</c>.</param>
    /// <param name="subject">What it is applied to, for example the scenario.</param>
    public ReproducingLine(string command, string subject)
    {
        _line = new StringBuilder("./kho ").Append(command).Append(' ').Append(Quote(subject));
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

    /// <summary>The line.</summary>
    /// <returns>A command for a POSIX shell.</returns>
    public override string ToString() => _line.ToString();

    private static string Quote(string word)
    {
        bool plain = word.Length > 0 && word.All(static c => char.IsAsciiLetterOrDigit(c) || "-_./:=,@%+".Contains(c, StringComparison.Ordinal));
        return plain ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }
}
