using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using KhoActors.Nodes.Fleet;

namespace KhoActors.Host.Engines;

/// <summary>The options that say where a cluster is; the same on each command that is part of one.</summary>
internal sealed class ClusterArguments
{
    private const string PortRange = "a port from 0 to 65535 is accepted, 0 for any that is free";

    private readonly Option<string[]> _seedNodes = new("--seed-nodes")
    {
        Description = "Nodes to join the cluster by, HOST:PORT, with commas between; without any, a cluster of its own.",
        HelpName = "HOST:PORT,...",
        CustomParser = ParseSeedNodes,
    };

    private readonly Option<string?> _hostName = new("--hostname")
    {
        Description = $"The name or address under which other nodes reach this one. Default: {new ClusterOptions().HostName}.",
        HelpName = "HOST",
    };

    private readonly Option<int?> _port = new("--port")
    {
        Description = "The TCP port for other nodes. Default: any that is free.",
        HelpName = "PORT",
        CustomParser = ParsePort,
    };

    /// <summary>Adds them to a command.</summary>
    /// <param name="command">The command.</param>
    public void AddTo(Command command)
    {
        command.Options.Add(_seedNodes);
        command.Options.Add(_hostName);
        command.Options.Add(_port);
    }

    /// <summary>The first of them that the command line has.</summary>
    /// <param name="parsed">The command line.</param>
    /// <returns>Its name, or null.</returns>
    public string? FirstGiven(ParseResult parsed) =>
        new Option[] { _seedNodes, _hostName, _port }.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false })?.Name;

    /// <summary>What they say.</summary>
    /// <param name="parsed">The command line.</param>
    /// <returns>The cluster, without a store.</returns>
    public ClusterOptions Of(ParseResult parsed)
    {
        ClusterOptions alone = new();
        return alone with
        {
            SeedNodes = parsed.GetValue(_seedNodes) ?? alone.SeedNodes,
            HostName = parsed.GetValue(_hostName) ?? alone.HostName,
            Port = parsed.GetValue(_port) ?? alone.Port,
        };
    }

    private static string[]? ParseSeedNodes(ArgumentResult parsed)
    {
        string[] nodes = [.. parsed.Tokens.SelectMany(static token => token.Value.Split(','))];
        if (nodes.FirstOrDefault(static node => !IsAddress(node)) is { } wrong)
        {
            parsed.AddError($"--seed-nodes '{wrong}': HOST:PORT is accepted, with commas between");
            return null;
        }

        return nodes;
    }

    private static bool IsAddress(string node)
    {
        int colon = node.LastIndexOf(':');
        return colon > 0 && !node.Any(char.IsWhiteSpace) && TryPort(node[(colon + 1)..], out int port) && port > 0;
    }

    private static int? ParsePort(ArgumentResult parsed)
    {
        string text = parsed.Tokens[0].Value;
        if (TryPort(text, out int port))
        {
            return port;
        }

        parsed.AddError($"--port '{text}': {PortRange}");
        return null;
    }

    private static bool TryPort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port <= ushort.MaxValue;
}
