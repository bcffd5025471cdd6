namespace KhoActors.Nodes.Machines.Deciding;

/// <summary>What people call the streams of decisions; the last step of the substreams' paths.</summary>
internal static class DecisionNames
{
    public const string Workload = "workload";

    public const string End = "end of generation";

    public const string Order = "order of deliveries";

    public static string OfClient(string client) => $"client {client}";

    public static string OfProgram(string client) => $"user program {client}";
}
