using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Scenarios;

/// <summary>What kind of YAML value a .NET type is written as.</summary>
internal enum ValueForm
{
    Text,
    Truth,
    Number,
    Choice,
    AbiName,
    MinimumAndMaximum,
    List,
    Record,
}

/// <summary>One field of a record as YAML sees it: key, type and rules, all read off the property.</summary>
internal sealed class FieldShape
{
    private readonly PropertyInfo _property;

    public FieldShape(PropertyInfo property, ParameterInfo? parameter)
    {
        _property = property;
        Type = System.Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        Nullable = property.PropertyType.IsValueType
            ? Type != property.PropertyType
            : new NullabilityInfoContext().Create(property).ReadState == NullabilityState.Nullable;
        Required = parameter is not null ? !parameter.HasDefaultValue : property.IsDefined(typeof(System.Runtime.CompilerServices.RequiredMemberAttribute));
        Parameter = parameter;
        Form = FormOf(Type);
        Element = Form == ValueForm.List ? Type.GetGenericArguments()[0] : null;
        Key = Attribute<KeyAttribute>()?.Key ?? SnakeCase(property.Name);
        OneOrMany = Attribute<OneOrManyAttribute>() is not null;
        NumbersToo = Attribute<NumbersTooAttribute>() is not null;
        IsRemainder = Attribute<RemainingKeysAttribute>() is not null;
        Unit = UnitValue.OfProperty(property.Name);
        PowerOfTwo = property.Name.EndsWith("AlignBytes", StringComparison.Ordinal) || property.Name.EndsWith("AlignmentBytes", StringComparison.Ordinal);
        (Minimum, Maximum) = RangeOf(Element ?? Type, Unit, Attribute<RangeAttribute>());
        LengthAttribute? length = Attribute<LengthAttribute>();
        (MinimumLength, MaximumLength) = (length?.MinimumLength ?? 0, length?.MaximumLength ?? int.MaxValue);
        Allowed = Attribute<AllowedValuesAttribute>()?.Values.Select(value => Convert.ToString(value, CultureInfo.InvariantCulture)!).ToArray() ?? [];
    }

    public string Key { get; }

    public string PropertyName => _property.Name;

    public Type DeclaringType => _property.DeclaringType!;

    public Type Type { get; }

    /// <summary>The type of a list's items, or null.</summary>
    public Type? Element { get; }

    public ValueForm Form { get; }

    public bool Nullable { get; }

    public bool Required { get; }

    public ParameterInfo? Parameter { get; }

    public bool OneOrMany { get; }

    /// <summary>Whether a text may be written as a number without quotes.</summary>
    public bool NumbersToo { get; }

    /// <summary>Whether it holds the keys that no other field has, as <see cref="NamedWeight"/>s.</summary>
    public bool IsRemainder { get; }

    public ValueUnit Unit { get; }

    /// <summary>Whether the value is an alignment.</summary>
    public bool PowerOfTwo { get; }

    public Int128 Minimum { get; }

    public Int128 Maximum { get; }

    public int MinimumLength { get; }

    public int MaximumLength { get; }

    /// <summary>The only values accepted, as text; empty when the range decides.</summary>
    public IReadOnlyList<string> Allowed { get; }

    public object? Read(object record) => _property.GetValue(record);

    public void Write(object record, object? value) => _property.SetValue(record, value);

    /// <summary>The form of a type, for fields and for items of lists.</summary>
    /// <exception cref="NotSupportedException">A record uses a type that YAML has no form for.</exception>
    public static ValueForm FormOf(Type type) =>
        type == typeof(string) ? ValueForm.Text
        : type == typeof(bool) ? ValueForm.Truth
        : type == typeof(int) || type == typeof(uint) || type == typeof(long) || type == typeof(ulong) ? ValueForm.Number
        : type.IsEnum ? ValueForm.Choice
        : type == typeof(KhoAbi) ? ValueForm.AbiName
        : type == typeof(ValueRange) ? ValueForm.MinimumAndMaximum
        : type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? ValueForm.List
        : type.Namespace?.StartsWith(nameof(KhoActors), StringComparison.Ordinal) == true ? ValueForm.Record
        : throw new NotSupportedException($"{type} has no YAML form.");

    /// <summary>
    /// <c>OperationsPerKexec</c> to <c>operations_per_kexec</c>, <c>BlockSize32Bit</c> to <c>block_size_32_bit</c>,
    /// <c>OnlyAbove4GiB</c> to <c>only_above_4_gib</c>, <c>Log2</c> to <c>log2</c>.
    /// </summary>
    public static string SnakeCase(string name)
    {
        StringBuilder key = new(name.Length + 8);
        string words = name.Replace("GiB", "Gib", StringComparison.Ordinal);
        for (int i = 0; i < words.Length; i++)
        {
            bool numberBeforeWord = char.IsAsciiDigit(words[i]) && !char.IsAsciiDigit(words[Math.Max(i - 1, 0)])
                && words.AsSpan(i).TrimStart("0123456789") is [>= 'A' and <= 'Z', ..];
            if (i > 0 && (char.IsAsciiLetterUpper(words[i]) || numberBeforeWord))
            {
                key.Append('_');
            }

            key.Append(char.ToLowerInvariant(words[i]));
        }

        return key.ToString();
    }

    /// <summary>The names of an enumeration in YAML: <c>before-numa</c>.</summary>
    public static IReadOnlyList<string> ChoicesOf(Type type) => [.. Enum.GetNames(type).Select(ChoiceName)];

    /// <summary>One name of an enumeration in YAML.</summary>
    public static string ChoiceName(string member) => SnakeCase(member).Replace('_', '-');

    private T? Attribute<T>()
        where T : Attribute => _property.GetCustomAttribute<T>() ?? Parameter?.GetCustomAttribute<T>();

    private static (Int128 Minimum, Int128 Maximum) RangeOf(Type type, ValueUnit unit, RangeAttribute? range)
    {
        if (range is not null)
        {
            return (Bound(range.Minimum), Bound(range.Maximum));
        }

        return unit == ValueUnit.PartsPerMillion ? (0, 1_000_000)
            : type == typeof(int) ? (int.MinValue, int.MaxValue)
            : type == typeof(uint) ? (0, uint.MaxValue)
            : type == typeof(long) ? (long.MinValue, long.MaxValue)
            : (0, ulong.MaxValue);
    }

    private static Int128 Bound(object bound) => Int128.Parse(Convert.ToString(bound, CultureInfo.InvariantCulture)!, CultureInfo.InvariantCulture);
}

/// <summary>How a record is written as a YAML mapping: its fields in the order of declaration, and how it is constructed from them.</summary>
internal sealed class RecordShape
{
    private readonly ConstructorInfo? _constructor;

    private RecordShape(Type type)
    {
        Type = type;
        _constructor = type.GetConstructors()
            .Where(c => c.GetParameters() is not [{ } only] || only.ParameterType != type)
            .MaxBy(c => c.GetParameters().Length);
        ParameterInfo[] parameters = _constructor?.GetParameters() ?? [];
        FieldShape[] all =
        [
            .. type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
                .Where(property => property.SetMethod is { IsPublic: true })
                .OrderBy(property => property.MetadataToken)
                .Select(property => new FieldShape(property, Array.Find(parameters, parameter => parameter.Name == property.Name))),
        ];
        Fields = [.. all.Where(field => !field.IsRemainder)];
        Remainder = Array.Find(all, field => field.IsRemainder);
        Keys = [.. Fields.Select(field => field.Key)];
    }

    public Type Type { get; }

    public IReadOnlyList<FieldShape> Fields { get; }

    public IReadOnlyList<string> Keys { get; }

    /// <summary>The field that takes the keys which no other has, or null when there are no others.</summary>
    public FieldShape? Remainder { get; }

    public static RecordShape Of(Type type) => new(type);

    /// <summary>Makes the record from its fields' values; fields without one keep their default.</summary>
    public object Construct(IReadOnlyList<(FieldShape Field, object? Value)> values)
    {
        ParameterInfo[] parameters = _constructor?.GetParameters() ?? [];
        object?[] arguments = [.. parameters.Select(parameter => parameter.HasDefaultValue ? parameter.DefaultValue : null)];
        foreach ((FieldShape field, object? value) in values)
        {
            if (field.Parameter is { } parameter)
            {
                arguments[parameter.Position] = value;
            }
        }

        object record = _constructor?.Invoke(arguments) ?? Activator.CreateInstance(Type)!;
        foreach ((FieldShape field, object? value) in values)
        {
            if (field.Parameter is null)
            {
                field.Write(record, value);
            }
        }

        return record;
    }
}
