using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using KhoActors.Nodes.Fleet;
using Xunit.Abstractions;

namespace KhoActors.Nodes.Akka.Tests;

/// <summary>Real processes on loopback, with a real PostgreSQL: what only a cluster shows.</summary>
public sealed class ClusterTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    [PostgresFact]
    public void Of_three_nodes_one_is_killed_and_one_paused_and_the_run_ends_with_the_local_digest()
    {
        using PostgresServer postgres = new();
        int kexecs = KexecsThatLast(TimeSpan.FromSeconds(12));
        // With two nodes left the lower address is the majority: that is the node that stays.
        int[] ports = [.. Enumerable.Range(0, 3).Select(_ => PostgresServer.FreePort()).Order()];
        string seed = $"127.0.0.1:{ports[0]}";
        using NodeProcess stays = Node(postgres, seed, ports[0]);
        stays.Await(node => node.Said.Contains($"node {seed} is up", StringComparison.Ordinal), Patience, "the first node");
        using NodeProcess killed = Node(postgres, seed, ports[1]);
        using NodeProcess paused = Node(postgres, seed, ports[2]);
        stays.Await(node => IsUp(node, ports[1]) && IsUp(node, ports[2]), Patience, "three nodes");
        using NodeProcess run = NodeProcess.Start(
            "run", "smoke", "--seed", "7", "--machines", "60", "--kexecs", Text(kexecs),
            "--engine", "akka", "--seed-nodes", seed, "--store", postgres.Address, "--json");

        stays.Await(node => GenerationsDone(node) > 0, Patience, "the first slices");
        Stopwatch takeOver = Stopwatch.StartNew();
        killed.Signal("KILL");
        stays.Await(node => IsGone(node, ports[1]), Patience, "the killed node is shut out");
        output.WriteLine($"shut out {takeOver.Elapsed.TotalSeconds:f1} s after it was killed, {GenerationsDone(stays)} generations done");
        int before = GenerationsDone(stays);
        stays.Await(node => GenerationsDone(node) > before, Patience, "its machines go on");
        output.WriteLine($"goes on {takeOver.Elapsed.TotalSeconds:f1} s after it was killed");

        Assert.False(run.HasEnded, "the run is too short for this computer");
        paused.Signal("STOP");
        stays.Await(node => IsGone(node, ports[2]), Patience, "the paused node is shut out");
        bool wasRunning = !run.HasEnded;
        paused.Signal("CONT");
        paused.Await(node => node.HasEnded, Patience, "the paused node finds out and ends");
        run.Await(process => process.HasEnded, Patience, "the run");
        stays.Signal("TERM");
        stays.Await(node => node.HasEnded, Patience, "the node that stayed leaves");

        FleetResult expected = Fleets.Expected(Fleets.Shipped("smoke", "machines=60", $"kexecs={kexecs}"));
        JsonElement result = JsonDocument.Parse(run.Out).RootElement;
        Assert.True(wasRunning, "the run is too short for this computer");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(expected.Digest, result.GetProperty("digest").GetString());
        Assert.Equal((expected.Kexecs, (long)expected.Messages), (result.GetProperty("kexecs").GetInt64(), result.GetProperty("messages").GetInt64()));
        Assert.Contains("was shut out of its cluster", paused.Said, StringComparison.Ordinal);
        Assert.Equal(0, stays.ExitCode);
    }

    [PostgresFact]
    public void A_node_that_is_asked_to_leave_hands_its_machines_and_the_driver_over()
    {
        using PostgresServer postgres = new();
        int kexecs = KexecsThatLast(TimeSpan.FromSeconds(4));
        int[] ports = [PostgresServer.FreePort(), PostgresServer.FreePort()];
        string seed = $"127.0.0.1:{ports[0]}";
        using NodeProcess first = Node(postgres, seed, ports[0]);
        first.Await(node => node.Said.Contains($"node {seed} is up", StringComparison.Ordinal), Patience, "the first node");
        using NodeProcess second = Node(postgres, seed, ports[1]);
        first.Await(node => IsUp(node, ports[1]), Patience, "two nodes");
        using NodeProcess run = NodeProcess.Start(
            "run", "smoke", "--seed", "7", "--machines", "60", "--kexecs", Text(kexecs),
            "--engine", "akka", "--seed-nodes", seed, "--store", postgres.Address, "--json");
        second.Await(node => GenerationsDone(node) > 0, Patience, "the first slices");

        // The driver lives on the first node, the oldest: it moves.
        first.Signal("TERM");
        first.Await(node => node.HasEnded, Patience, "the first node leaves");
        run.Await(process => process.HasEnded, Patience, "the run");

        Assert.Equal((0, 0), (first.ExitCode, run.ExitCode));
        Assert.Equal(
            Fleets.Expected(Fleets.Shipped("smoke", "machines=60", $"kexecs={kexecs}")).Digest,
            JsonDocument.Parse(run.Out).RootElement.GetProperty("digest").GetString());
    }

    private static NodeProcess Node(PostgresServer postgres, string seed, int port) =>
        NodeProcess.Start("node", "--seed-nodes", seed, "--port", Text(port), "--store", postgres.Address, "--workers", "1");

    private static bool IsUp(NodeProcess node, int port) => node.Said.Contains($"node 127.0.0.1:{port} is up", StringComparison.Ordinal);

    private static bool IsGone(NodeProcess node, int port) => node.Said.Contains($"node 127.0.0.1:{port} is gone", StringComparison.Ordinal);

    /// <summary>Generations that a node was last told to be done.</summary>
    private static int GenerationsDone(NodeProcess node)
    {
        string? line = node.Said.Split('\n').LastOrDefault(line => line.StartsWith("run 1: ", StringComparison.Ordinal));
        return line is null ? 0 : int.Parse(line.Split(' ')[2], CultureInfo.InvariantCulture);
    }

    /// <summary>How long chains must be for a fleet to take so long on the local engine, whatever computer this is.</summary>
    private static int KexecsThatLast(TimeSpan time)
    {
        const int probed = 4;
        Fleets.Expected(Fleets.Shipped("smoke", "machines=60", "kexecs=1"));
        Stopwatch elapsed = Stopwatch.StartNew();
        Fleets.Expected(Fleets.Shipped("smoke", "machines=60", $"kexecs={probed}"));
        return Math.Clamp((int)(probed * time / elapsed.Elapsed), 10, 2_000);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
