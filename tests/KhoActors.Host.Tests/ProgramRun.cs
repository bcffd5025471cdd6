using System.Text.Json;
using KhoActors.Host.Runs;

namespace KhoActors.Host.Tests;

/// <summary>One run of the program inside the test's process, with what it wrote.</summary>
internal sealed record ProgramRun(ExitCode ExitCode, string Out, string Error)
{
    /// <summary>The folder that holds KhoActors.sln.</summary>
    public static string Root { get; } = SourceTree.FindRoot() ?? throw new InvalidOperationException("The tests run outside the source tree.");

    /// <summary>The one line on the diagnostics stream.</summary>
    public string ErrorLine => Assert.Single(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)).TrimEnd('\r');

    /// <summary>The one line on the diagnostics stream behind the first, which says what is being done.</summary>
    public string ErrorLineBehindTitle => Assert.Single(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1)).TrimEnd('\r');

    /// <summary>The data stream as JSON.</summary>
    public JsonElement Json => JsonDocument.Parse(Out).RootElement;

    /// <summary>Runs the program.</summary>
    public static ProgramRun Of(params string[] arguments) => Of(CancellationToken.None, arguments);

    /// <summary>Runs the program, interrupted from the start or later.</summary>
    public static ProgramRun Of(CancellationToken interrupted, params string[] arguments)
    {
        using StringWriter output = new();
        return Of(output, arguments, interrupted);
    }

    /// <summary>Runs the program, interrupted as soon as it writes a line with a text.</summary>
    public static ProgramRun InterruptedAt(string text, params string[] arguments)
    {
        using StoppingWriter output = new(text);
        return Of(output, arguments, output.Token);
    }

    /// <summary>A path below the root of the repository.</summary>
    public static string InTree(string path) => Path.Combine(Root, path);

    private static ProgramRun Of(StringWriter output, string[] arguments, CancellationToken interrupted)
    {
        using StringWriter error = new();
        ExitCode code = CommandLine.Run(arguments, new Terminal { Out = output, Error = error, Interrupted = interrupted });
        Assert.False(File.Exists(Histories.DefaultFile), "a test that runs a scenario says where its history goes");
        return new ProgramRun(code, output.ToString(), error.ToString());
    }

    /// <summary>The names of an object's fields, in order.</summary>
    public static string[] Fields(JsonElement json) => [.. json.EnumerateObject().Select(static field => field.Name)];
}
