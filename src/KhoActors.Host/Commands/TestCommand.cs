using System.CommandLine;

namespace KhoActors.Host.Commands;

/// <summary>
/// <c>kho test</c>: done by the launcher, since tests need the SDK and not this program; known here so that help lists it.
/// </summary>
internal static class TestCommand
{
    /// <summary>Makes the command.</summary>
    /// <returns>The command.</returns>
    public static Command Create()
    {
        Argument<string[]> forwarded = new("arguments") { Description = "Passed on to `dotnet test`, for example --filter NAME." };
        Command command = new("test", "Build and run all tests; the last line reads `N passed, N failed`.") { forwarded };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(static int (ParseResult _) => throw new UsageException("tests are run by the launcher: ./kho test (kho test on Windows)"));
        return command;
    }
}
