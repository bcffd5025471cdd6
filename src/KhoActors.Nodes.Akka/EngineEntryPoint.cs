namespace KhoActors.Nodes.Akka;

/// <summary>Where the program enters the Akka engine: found by this name in the assembly that lies beside the program.</summary>
public sealed class EngineEntryPoint;
