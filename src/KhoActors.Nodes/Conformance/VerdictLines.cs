namespace KhoActors.Nodes.Conformance;
internal static class VerdictLines { public const string Found = "KHO: found kexec handover data."; }
