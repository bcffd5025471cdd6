using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace KhoActors.Host;

/// <summary>
/// Where a command reads and writes: data on <see cref="Out"/>, progress and diagnostics on <see cref="Error"/>. Tests hand in
/// writers of their own and see the whole program.
/// </summary>
internal sealed class Terminal
{
    // Tables that go to a file or a pipe are not wrapped: no terminal is there whose width would matter.
    private const int RedirectedWidthColumns = 100_000;

    private IAnsiConsole? _outConsole;
    private IAnsiConsole? _errorConsole;

    /// <summary>Where data goes.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Where progress and diagnostics go.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Whether a person watches <see cref="Out"/>.</summary>
    public bool OutIsInteractive { get; init; }

    /// <summary>Whether a person watches <see cref="Error"/>.</summary>
    public bool ErrorIsInteractive { get; init; }

    /// <summary>Whether colours may be used where a person watches; NO_COLOR switches them off.</summary>
    public bool Colour { get; init; }

    /// <summary>Cancelled by the first Ctrl-C or SIGTERM; a second one ends the process at once.</summary>
    public CancellationToken Interrupted { get; init; }

    /// <summary>Styled output for progress and diagnostics.</summary>
    public IAnsiConsole ErrorConsole => _errorConsole ??= Create(Error, ErrorIsInteractive);

    /// <summary>The terminal of this process.</summary>
    /// <param name="interrupted">Cancelled when the user interrupts.</param>
    /// <returns>The terminal.</returns>
    public static Terminal OfProcess(CancellationToken interrupted) => new()
    {
        Out = Console.Out,
        Error = Console.Error,
        OutIsInteractive = !Console.IsOutputRedirected,
        ErrorIsInteractive = !Console.IsErrorRedirected,
        Colour = string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")),
        Interrupted = interrupted,
    };

    /// <summary>Renders something for <see cref="Out"/>; without a watcher, lines end where their text ends.</summary>
    /// <param name="content">What to render.</param>
    public void Render(IRenderable content)
    {
        if (OutIsInteractive)
        {
            OutConsole.Write(content);
            return;
        }

        using StringWriter text = new(CultureInfo.InvariantCulture);
        Create(text, interactive: false).Write(content);
        foreach (string line in text.ToString().TrimEnd().Split('\n'))
        {
            Out.WriteLine(line.TrimEnd());
        }
    }

    /// <summary>Writes one diagnostic line.</summary>
    /// <param name="message">The line, without the program's name.</param>
    public void Complain(string message) => Error.WriteLine($"kho: {message}");

    /// <summary>Text of others, from a history for example, as one line that cannot command a terminal.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The text with a question mark for each control character.</returns>
    public static string Printable(string text) => text.Any(char.IsControl)
        ? string.Create(text.Length, text, static (line, source) =>
        {
            for (int i = 0; i < line.Length; i++)
            {
                line[i] = char.IsControl(source[i]) ? '?' : source[i];
            }
        })
        : text;

    private IAnsiConsole OutConsole => _outConsole ??= Create(Out, OutIsInteractive);

    private IAnsiConsole Create(TextWriter writer, bool interactive)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = interactive ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = interactive && Colour ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = interactive ? InteractionSupport.Detect : InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        if (!interactive)
        {
            console.Profile.Width = RedirectedWidthColumns;
        }

        return console;
    }
}
