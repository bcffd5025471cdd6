using System.Reflection;
using KhoActors.Architecture.Tests.Il;

namespace KhoActors.Architecture.Tests;

/// <summary>
/// Rules of determinism that the compiler's banned-API list cannot express, judged on compiled code. Each gives one line per
/// violation: where, and what.
/// </summary>
internal static class DeterminismRules
{
    private static readonly string[] HashCollections =
    [
        "System.Collections.Generic.Dictionary`2", "System.Collections.Generic.HashSet`1", "System.Collections.Frozen.Frozen",
        "System.Collections.Immutable.ImmutableDictionary", "System.Collections.Immutable.ImmutableHashSet", "System.Collections.Hashtable",
        "System.Collections.Concurrent.",
    ];

    private static readonly string[] EnumeratingMembers = ["GetEnumerator", "get_Keys", "get_Values", "CopyTo", "ToArray"];

    private static readonly string[] MutableCollections =
    [
        "System.Collections.Generic.List`1", "System.Collections.Generic.Dictionary`2", "System.Collections.Generic.HashSet`1",
        "System.Collections.Generic.Queue`1", "System.Collections.Generic.Stack`1", "System.Collections.Generic.SortedDictionary`2",
        "System.Collections.Generic.SortedSet`1", "System.Collections.Concurrent.", "System.Text.StringBuilder",
    ];

    private static readonly string[] SortedWithoutHarm =
    [
        "System.Byte", "System.Int16", "System.UInt16", "System.Int32", "System.UInt32", "System.Int64", "System.UInt64", "System.String",
    ];

    // Compared by a total order, which the type itself defines.
    private static readonly string[] TotallyOrdered =
    [
        "KhoActors.Nodes.Runtime.TimerQueue+Timer", // by due time, then by the number of its scheduling
    ];

    /// <summary>No float, double or Half: their results differ between processors and compilers.</summary>
    /// <param name="types">The types to judge.</param>
    /// <returns>The violations.</returns>
    public static IEnumerable<string> FloatingPoint(IEnumerable<ScannedType> types) => types.SelectMany(static type =>
        type.Fields.Where(static field => IsFloat(field.Type)).Select(field => $"{type.Name}.{field.Name}: a floating-point field")
            .Concat(type.Methods.Where(UsesFloat).Select(method => $"{type.Name}.{method.Name}: floating-point arithmetic")));

    /// <summary>No enumeration of collections whose order follows hash codes.</summary>
    /// <param name="types">The types to judge.</param>
    /// <returns>The violations.</returns>
    public static IEnumerable<string> HashOrder(IEnumerable<ScannedType> types) => Uses(types, static use =>
        (EnumeratingMembers.Contains(use.Member) && HashCollections.Any(use.Owner.StartsWith))
        || use.TypeArguments.Any(static argument => argument.StartsWith("System.Collections.Generic.KeyValuePair`2", StringComparison.Ordinal))
            ? "enumerates a collection in hash order" : null);

    /// <summary>No unstable sort of values that can be equal and yet differ: the order of equals is not defined.</summary>
    /// <param name="types">The types to judge.</param>
    /// <returns>The violations.</returns>
    public static IEnumerable<string> UnstableSort(IEnumerable<ScannedType> types) => Uses(types, static use =>
    {
        bool list = use.Member == "Sort" && use.OwnerDefinition == "System.Collections.Generic.List`1";
        bool array = use.Member == "Sort" && use.OwnerDefinition is "System.Array" or "System.MemoryExtensions";
        string element = list ? use.Owner.Split('[', 2)[1].TrimEnd(']') : use.TypeArguments.FirstOrDefault("System.Object");
        return (list || array) && !SortedWithoutHarm.Contains(element) && !TotallyOrdered.Contains(element)
            ? $"sorts {element} with an unstable sort" : null;
    });

    /// <summary>No state outside actors: no static that can be assigned or filled.</summary>
    /// <param name="types">The types to judge.</param>
    /// <returns>The violations.</returns>
    public static IEnumerable<string> MutableStatics(IEnumerable<ScannedType> types) => types.Where(static type => !type.IsGenerated)
        .SelectMany(static type => type.Fields.Where(IsMutableStatic).Select(field => $"{type.Name}.{field.Name}: a mutable static"));

    /// <summary>No lock, thread or task, not even through a keyword (<c>lock</c>, <c>async</c>).</summary>
    /// <param name="types">The types to judge.</param>
    /// <returns>The violations.</returns>
    public static IEnumerable<string> Threading(IEnumerable<ScannedType> types) => Uses(types, static use =>
        use.Types.Any(IsThreading) ? "uses threads, locks or tasks" : null);

    private static IEnumerable<string> Uses(IEnumerable<ScannedType> types, Func<MemberUse, string?> judge) =>
        from type in types
        from method in type.Methods
        from complaint in method.Uses.Select(judge).OfType<string>().Distinct()
        select $"{type.Name}.{method.Name}: {complaint}";

    private static bool UsesFloat(ScannedMethod method) =>
        method.HasFloatInstruction || method.Types.Any(IsFloat) || method.Uses.SelectMany(static use => use.Signature).Any(IsFloat);

    private static bool IsFloat(string type) =>
        type.Contains("System.Double", StringComparison.Ordinal)
        || type.Contains("System.Single", StringComparison.Ordinal)
        || type.Contains("System.Half", StringComparison.Ordinal);

    // A cancellation token only ever stops a run between machines; it changes no result.
    private static bool IsThreading(string type) =>
        type.StartsWith("System.Threading.", StringComparison.Ordinal)
        && !type.StartsWith("System.Threading.CancellationToken", StringComparison.Ordinal);

    private static bool IsMutableStatic(ScannedField field) =>
        field.Attributes.HasFlag(FieldAttributes.Static)
        && !field.Attributes.HasFlag(FieldAttributes.Literal)
        && (!field.Attributes.HasFlag(FieldAttributes.InitOnly) || MutableCollections.Any(field.Type.StartsWith));
}
