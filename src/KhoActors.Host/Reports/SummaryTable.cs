using Spectre.Console;

namespace KhoActors.Host.Reports;

/// <summary>
/// A table on the data stream: ruled and coloured for a person, aligned columns without rules for a file or a pipe.
/// </summary>
internal sealed class SummaryTable
{
    private readonly Table _table = new();

    /// <summary>Makes a table.</summary>
    /// <param name="columns">Headings; one that starts with <c>&gt;</c> is aligned to the right, as numbers are.</param>
    public SummaryTable(params ReadOnlySpan<string> columns)
    {
        foreach (string column in columns)
        {
            bool right = column.StartsWith('>');
            TableColumn heading = new(Markup.Escape(right ? column[1..] : column)) { NoWrap = right };
            _table.AddColumn(right ? heading.RightAligned() : heading);
        }
    }

    /// <summary>Adds a row of plain text, one cell for each column.</summary>
    /// <param name="cells">The cells; brackets in them are text, control characters are shown as question marks.</param>
    /// <returns>The table.</returns>
    public SummaryTable Row(params ReadOnlySpan<string> cells)
    {
        string[] escaped = new string[cells.Length];
        for (int i = 0; i < cells.Length; i++)
        {
            escaped[i] = Markup.Escape(Terminal.Printable(cells[i]));
        }

        _table.AddRow(escaped);
        return this;
    }

    /// <summary>Writes the table.</summary>
    /// <param name="terminal">Receives it on its data stream.</param>
    public void Write(Terminal terminal)
    {
        _table.Border = terminal.OutIsInteractive ? TableBorder.Rounded : TableBorder.None;
        terminal.Render(_table);
    }
}
