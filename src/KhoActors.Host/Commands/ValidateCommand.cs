using System.CommandLine;
using System.Text;
using KhoActors.Host.Reports;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Commands;

/// <summary><c>kho validate FILE</c>: every problem of a scenario or kernel file, with its line and column.</summary>
internal static class ValidateCommand
{
    private const int FileBytesMax = 16 << 20;

    // Only kernels have a release, or extend another.
    private static readonly string[] KernelFields = ["release:", "extends:"];

    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        Argument<string> file = new("file") { Description = "A scenario or kernel file." };
        Option<bool> json = CommonOptions.Json();
        Option<string[]> clients = CommonOptions.Clients();
        Command command = new("validate", "Check a scenario or kernel file and list every problem with its place.") { file, clients, json };
        command.SetAction(parsed =>
        {
            ClientCatalog known = ClientAssemblies.CatalogWith(parsed.GetValue(clients));
            return (int)Run(terminal, parsed.GetRequiredValue(file), known, parsed.GetValue(json));
        });
        return command;
    }

    private static ExitCode Run(Terminal terminal, string path, ClientCatalog clients, bool asJson)
    {
        byte[] bytes = InputFile.Read(path, FileBytesMax, "a scenario or kernel file");
        bool isKernel = IsKernel(bytes);
        IReadOnlyList<ScenarioProblem> problems = Check(bytes, path, isKernel, clients);
        string kind = isKernel ? "kernel" : "scenario";
        if (asJson)
        {
            WriteJson(terminal, path, kind, problems);
        }
        else if (problems.Count == 0)
        {
            terminal.Out.WriteLine($"{path}: a valid {kind}");
        }
        else
        {
            foreach (ScenarioProblem problem in problems)
            {
                terminal.Error.WriteLine(problem);
            }
        }

        return problems.Count == 0 ? ExitCode.Held : ExitCode.Usage;
    }

    private static bool IsKernel(byte[] bytes) =>
        Encoding.UTF8.GetString(bytes).Split('\n').Any(static line => Array.Exists(KernelFields, field => line.StartsWith(field, StringComparison.Ordinal)));

    private static IReadOnlyList<ScenarioProblem> Check(byte[] bytes, string path, bool isKernel, ClientCatalog clients)
    {
        try
        {
            if (isKernel)
            {
                KernelFile.Read(bytes, path, SourceTree.Kernels());
            }
            else
            {
                ScenarioFile.Resolve(bytes, path, null, SourceTree.Kernels(), clients);
            }

            return [];
        }
        catch (ScenarioException refusal)
        {
            return refusal.Problems;
        }
    }

    private static void WriteJson(Terminal terminal, string path, string kind, IReadOnlyList<ScenarioProblem> problems) =>
        JsonReport.Write(terminal, json =>
        {
            json.WriteStartObject();
            json.WriteString("file", path);
            json.WriteString("kind", kind);
            json.WriteBoolean("valid", problems.Count == 0);
            json.WriteStartArray("problems");
            foreach (ScenarioProblem problem in problems)
            {
                json.WriteStartObject();
                json.WriteString("source", problem.Position.Source);
                json.WriteNumber("line", problem.Position.Line);
                json.WriteNumber("column", problem.Position.Column);
                json.WriteString("path", problem.Path);
                json.WriteString("message", problem.Message);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
}
