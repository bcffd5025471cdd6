namespace KhoActors.Host.Tests;

/// <summary><c>kho clients</c>, and files that <c>--clients</c> refuses.</summary>
public class ClientsTests
{
    [Fact]
    public void The_clients_of_the_laboratory_are_listed_with_actor_and_operations()
    {
        ProgramRun run = ProgramRun.Of("clients", "--json");

        Assert.Equal(ExitCode.Held, run.ExitCode);
        Assert.All(run.Json.EnumerateArray(), static client => Assert.Equal(["name", "summary", "actor", "operations"], ProgramRun.Fields(client)));
        System.Text.Json.JsonElement tmpfs = run.Json.EnumerateArray().Single(static client => client.GetProperty("name").GetString() == "tmpfs");
        Assert.Equal(9, tmpfs.GetProperty("actor").GetInt32());
        Assert.Contains("tmpfs_write", tmpfs.GetProperty("operations").EnumerateArray().Select(static name => name.GetString()));
    }

    [Theory]
    [InlineData("run", "tiny")]
    [InlineData("scenarios", "tiny")]
    [InlineData("clients", "--json")]
    [InlineData("validate", "config/scenarios/tiny.yaml")]
    public void A_file_that_is_no_assembly_is_refused_by_every_command_that_reads_scenarios(string command, string argument)
    {
        using TemporaryFolder folder = new();
        string file = folder.Write("clients.dll", "not an assembly");

        ProgramRun run = ProgramRun.Of(command, command == "validate" ? ProgramRun.InTree(argument) : argument, "--clients", file);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Equal($"kho: --clients {file}: is no .NET assembly", run.ErrorLine);
    }

    [Fact]
    public void A_file_that_is_not_there_is_refused() =>
        Assert.EndsWith("no-such-file.dll: no such file", ProgramRun.Of("clients", "--clients", "no-such-file.dll").ErrorLine, StringComparison.Ordinal);

    [Fact]
    public void An_assembly_without_the_attribute_is_refused() =>
        Assert.EndsWith(
            "the assembly names no clients; expected [assembly: KhoClients(typeof(MyClient))]",
            ProgramRun.Of("clients", "--clients", typeof(ClientsTests).Assembly.Location).ErrorLine,
            StringComparison.Ordinal);
}
