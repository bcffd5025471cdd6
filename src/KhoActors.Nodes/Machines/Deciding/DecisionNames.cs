namespace KhoActors.Nodes.Machines.Deciding;

/// <summary>
/// What people call the streams of decisions. Those of the machine itself are also the last step of their substreams' paths: part of the model.
/// </summary>
internal static class DecisionNames
{
    public const string Workload = "workload";

    public const string End = "end of generation";

    public const string Order = "order of deliveries";

    /// <summary>The end that a record's choice stands for, with its code.</summary>
    public static string OfEnd(ulong code) => code <= int.MaxValue && Enum.IsDefined((GenerationEnd)code) ? $"{code} ({(GenerationEnd)code})" : $"{code}";

    public static string OfClient(string client) => $"client {client}";

    public static string OfProgram(string client) => $"user program {client}";
}
