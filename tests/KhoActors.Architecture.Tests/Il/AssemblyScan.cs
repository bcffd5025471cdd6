using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace KhoActors.Architecture.Tests.Il;

/// <summary>A field of a scanned type.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Full name of its type.</param>
/// <param name="Attributes">Its attributes.</param>
internal sealed record ScannedField(string Name, string Type, FieldAttributes Attributes);

/// <summary>A method with a body, and what it mentions.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Types">Types of its parameters, result and locals.</param>
/// <param name="Uses">Members and types that its instructions mention.</param>
/// <param name="HasFloatInstruction">Whether an instruction loads or converts to a floating-point number.</param>
internal sealed record ScannedMethod(string Name, ImmutableArray<string> Types, ImmutableArray<MemberUse> Uses, bool HasFloatInstruction);

/// <summary>A type with everything its code mentions.</summary>
/// <param name="Name">Its full name; nested types follow a plus sign.</param>
/// <param name="Fields">Its fields.</param>
/// <param name="Methods">Its methods with a body, constructors and accessors included.</param>
internal sealed record ScannedType(string Name, ImmutableArray<ScannedField> Fields, ImmutableArray<ScannedMethod> Methods)
{
    /// <summary>Whether the compiler made it: closures, iterators, array data.</summary>
    public bool IsGenerated => Name.Contains('<', StringComparison.Ordinal);

    /// <summary>Every type name that fields, signatures and instructions mention.</summary>
    public IEnumerable<string> Mentions => Fields.Select(static each => each.Type)
        .Concat(Methods.SelectMany(static method => method.Types))
        .Concat(Methods.SelectMany(static method => method.Uses).SelectMany(static use => use.Types));
}

/// <summary>One compiled assembly, read as metadata and instructions without loading it.</summary>
/// <param name="References">Simple names of the assemblies it refers to.</param>
/// <param name="ReferencedTypes">Full names of the types it refers to.</param>
/// <param name="Types">Its types.</param>
internal sealed record AssemblyScan(ImmutableArray<string> References, ImmutableArray<string> ReferencedTypes, ImmutableArray<ScannedType> Types)
{
    /// <summary>Reads an assembly that lies beside the tests.</summary>
    /// <param name="name">Its simple name.</param>
    /// <returns>What it holds.</returns>
    public static AssemblyScan Of(string name)
    {
        using PEReader image = new(File.OpenRead(Path.Combine(AppContext.BaseDirectory, name + ".dll")));
        MetadataReader reader = image.GetMetadataReader();
        return new AssemblyScan(
            [.. reader.AssemblyReferences.Select(handle => reader.GetString(reader.GetAssemblyReference(handle).Name))],
            [.. reader.TypeReferences.Select(handle => TypeNames.Instance.GetTypeFromReference(reader, handle, 0))],
            [.. reader.TypeDefinitions.Select(handle => ReadType(image, reader, handle))]);
    }

    /// <summary>The types below some namespaces, nested and generated ones included.</summary>
    /// <param name="namespaces">For example <c>KhoActors.Nodes.Runtime</c>.</param>
    /// <returns>The types.</returns>
    public IEnumerable<ScannedType> In(params string[] namespaces) =>
        Types.Where(type => namespaces.Any(space => type.Name.StartsWith(space + ".", StringComparison.Ordinal)));

    private static ScannedType ReadType(PEReader image, MetadataReader reader, TypeDefinitionHandle handle)
    {
        TypeDefinition type = reader.GetTypeDefinition(handle);
        IEnumerable<ScannedField> fields = type.GetFields().Select(reader.GetFieldDefinition).Select(field => new ScannedField(
            reader.GetString(field.Name), field.DecodeSignature(TypeNames.Instance, null), field.Attributes));
        IEnumerable<ScannedMethod> methods = type.GetMethods().Select(reader.GetMethodDefinition)
            .Where(static method => method.RelativeVirtualAddress != 0)
            .Select(method => ReadMethod(image, reader, method));
        return new ScannedType(TypeNames.Instance.GetTypeFromDefinition(reader, handle, 0), [.. fields], [.. methods]);
    }

    private static ScannedMethod ReadMethod(PEReader image, MetadataReader reader, MethodDefinition method)
    {
        MethodBodyBlock body = image.GetMethodBody(method.RelativeVirtualAddress);
        MethodSignature<string> signature = method.DecodeSignature(TypeNames.Instance, null);
        ImmutableArray<string> locals = body.LocalSignature.IsNil
            ? []
            : reader.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(TypeNames.Instance, null);
        InstructionScan instructions = InstructionScan.Of(reader, body.GetILReader());
        return new ScannedMethod(
            reader.GetString(method.Name),
            [signature.ReturnType, .. signature.ParameterTypes, .. locals],
            instructions.Uses,
            instructions.HasFloatInstruction);
    }
}
