namespace KhoActors.Nodes.Scenarios;

/// <summary>The key of a field in YAML, where it is not the property's name in snake_case (usually to leave out a unit that the value carries).</summary>
/// <param name="key">The key.</param>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
public sealed class KeyAttribute(string key) : Attribute
{
    /// <summary>The key.</summary>
    public string Key { get; } = key;
}

/// <summary>A list that may also be written as one plain value.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
public sealed class OneOrManyAttribute : Attribute;
