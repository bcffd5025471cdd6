using KhoActors.Nodes.Conformance;

namespace KhoActors.Host.Reports;

/// <summary>The result of <c>kho conformance</c>.</summary>
/// <param name="Directory">The folder, as the user named it.</param>
/// <param name="Cases">The cases, in the order in which they ran.</param>
internal sealed record ConformanceReport(string Directory, IReadOnlyList<CaseResult> Cases)
{
    /// <summary>Violated when a case failed; inconclusive when some or all could not be checked.</summary>
    public ExitCode ExitCode => Count(CaseOutcome.Failed) > 0 ? ExitCode.Violated
        : Count(CaseOutcome.Unsupported) > 0 || Cases.Count == 0 ? ExitCode.Inconclusive
        : ExitCode.Held;

    /// <summary>Writes the JSON form.</summary>
    /// <param name="terminal">Receives it.</param>
    public void WriteJson(Terminal terminal) => JsonReport.Write(terminal, json =>
    {
        json.WriteStartObject();
        json.WriteString("dir", Directory);
        json.WriteNumber("passed", Count(CaseOutcome.Passed));
        json.WriteNumber("failed", Count(CaseOutcome.Failed));
        json.WriteNumber("unsupported", Count(CaseOutcome.Unsupported));
        json.WriteStartArray("cases");
        foreach (CaseResult each in Cases)
        {
            json.WriteStartObject();
            json.WriteString("name", each.Name);
            json.WriteString("result", Name(each.Outcome));
            json.WriteString("detail", each.Detail);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    });

    /// <summary>Writes a line for each case that did not pass, and the counts.</summary>
    /// <param name="terminal">Receives it.</param>
    /// <param name="listsAll">Whether passed cases get a line, too.</param>
    public void WriteText(Terminal terminal, bool listsAll)
    {
        foreach (CaseResult each in Cases)
        {
            if (listsAll || each.Outcome != CaseOutcome.Passed)
            {
                terminal.Out.WriteLine(each.Detail.Length == 0 ? $"{Name(each.Outcome)} {each.Name}" : $"{Name(each.Outcome)} {each.Name}: {each.Detail}");
            }
        }

        terminal.Out.WriteLine(
            $"{Count(CaseOutcome.Passed)} passed, {Count(CaseOutcome.Failed)} failed, {Count(CaseOutcome.Unsupported)} unsupported");
    }

    private static string Name(CaseOutcome outcome) => outcome switch
    {
        CaseOutcome.Passed => "passed",
        CaseOutcome.Failed => "failed",
        _ => "unsupported",
    };

    private int Count(CaseOutcome outcome) => Cases.Count(each => each.Outcome == outcome);
}
