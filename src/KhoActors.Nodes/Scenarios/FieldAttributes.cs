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

/// <summary>A list of items that are the remaining keys of the record's own mapping: each key that no other field has, with its value.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class RemainingKeysAttribute : Attribute;

/// <summary>A text that may look like a number: YAML and editors shall accept it without quotes.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class NumbersTooAttribute : Attribute;
