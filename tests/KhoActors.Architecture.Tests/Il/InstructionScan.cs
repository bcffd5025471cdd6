using System.Collections.Immutable;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;

namespace KhoActors.Architecture.Tests.Il;

/// <summary>A member or type that an instruction mentions.</summary>
/// <param name="Owner">Full name of the declaring type, or of the type itself.</param>
/// <param name="Member">The member's name; empty for a type.</param>
/// <param name="TypeArguments">Type arguments of a generic method.</param>
/// <param name="Signature">Types of the member's parameters and result, or of the field.</param>
internal sealed record MemberUse(string Owner, string Member, ImmutableArray<string> TypeArguments, ImmutableArray<string> Signature)
{
    /// <summary>Every type name in it.</summary>
    public IEnumerable<string> Types => [Owner, .. TypeArguments, .. Signature];

    /// <summary>The owner without its type arguments.</summary>
    public string OwnerDefinition => Owner.Split('[')[0];
}

/// <summary>What the instructions of one method mention.</summary>
/// <param name="Uses">Members and types, in order.</param>
/// <param name="HasFloatInstruction">Whether one loads or converts to a floating-point number.</param>
internal sealed record InstructionScan(ImmutableArray<MemberUse> Uses, bool HasFloatInstruction)
{
    private static readonly Dictionary<ushort, OpCode> OpCodesByValue = typeof(OpCodes).GetFields()
        .Select(static field => (OpCode)field.GetValue(null)!)
        .ToDictionary(static code => unchecked((ushort)code.Value));

    private static readonly OpCode[] FloatOpCodes =
    [
        OpCodes.Ldc_R4, OpCodes.Ldc_R8, OpCodes.Conv_R4, OpCodes.Conv_R8, OpCodes.Conv_R_Un,
        OpCodes.Ldind_R4, OpCodes.Ldind_R8, OpCodes.Ldelem_R4, OpCodes.Ldelem_R8,
    ];

    /// <summary>Reads the instructions of a method.</summary>
    /// <param name="reader">Metadata of its assembly.</param>
    /// <param name="il">Its instructions.</param>
    /// <returns>What they mention.</returns>
    public static InstructionScan Of(MetadataReader reader, BlobReader il)
    {
        ImmutableArray<MemberUse>.Builder uses = ImmutableArray.CreateBuilder<MemberUse>();
        bool floats = false;
        while (il.RemainingBytes > 0)
        {
            ushort value = il.ReadByte();
            value = value == 0xfe ? (ushort)(0xfe00 | il.ReadByte()) : value;
            OpCode code = OpCodesByValue[value];
            floats |= FloatOpCodes.Contains(code);
            if (code.OperandType is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok)
            {
                uses.Add(Describe(reader, MetadataTokens.EntityHandle(il.ReadInt32())));
            }
            else
            {
                il.Offset += OperandBytes(code, il);
            }
        }

        return new InstructionScan(uses.ToImmutable(), floats);
    }

    private static int OperandBytes(OpCode code, BlobReader il) => code.OperandType switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + (4 * il.ReadInt32()),
        _ => 4,
    };

    private static MemberUse Describe(MetadataReader reader, EntityHandle handle)
    {
        switch (handle.Kind)
        {
            case HandleKind.MethodSpecification:
                MethodSpecification generic = reader.GetMethodSpecification((MethodSpecificationHandle)handle);
                return Describe(reader, generic.Method) with { TypeArguments = generic.DecodeSignature(TypeNames.Instance, null) };
            case HandleKind.MemberReference:
                MemberReference member = reader.GetMemberReference((MemberReferenceHandle)handle);
                return new MemberUse(TypeName(reader, member.Parent), reader.GetString(member.Name), [], Signature(member));
            case HandleKind.MethodDefinition:
                MethodDefinition method = reader.GetMethodDefinition((MethodDefinitionHandle)handle);
                string owner = TypeName(reader, method.GetDeclaringType());
                return new MemberUse(owner, reader.GetString(method.Name), [], Signature(method.DecodeSignature(TypeNames.Instance, null)));
            case HandleKind.FieldDefinition:
                FieldDefinition field = reader.GetFieldDefinition((FieldDefinitionHandle)handle);
                return new MemberUse(
                    TypeName(reader, field.GetDeclaringType()), reader.GetString(field.Name), [], [field.DecodeSignature(TypeNames.Instance, null)]);
            default:
                return new MemberUse(TypeName(reader, handle), string.Empty, [], []);
        }
    }

    private static ImmutableArray<string> Signature(MemberReference member) => member.GetKind() == MemberReferenceKind.Method
        ? Signature(member.DecodeMethodSignature(TypeNames.Instance, null))
        : [member.DecodeFieldSignature(TypeNames.Instance, null)];

    private static ImmutableArray<string> Signature(MethodSignature<string> signature) => [signature.ReturnType, .. signature.ParameterTypes];

    private static string TypeName(MetadataReader reader, EntityHandle handle) => handle.Kind switch
    {
        HandleKind.TypeDefinition => TypeNames.Instance.GetTypeFromDefinition(reader, (TypeDefinitionHandle)handle, 0),
        HandleKind.TypeReference => TypeNames.Instance.GetTypeFromReference(reader, (TypeReferenceHandle)handle, 0),
        HandleKind.TypeSpecification => TypeNames.Instance.GetTypeFromSpecification(reader, null, (TypeSpecificationHandle)handle, 0),
        _ => string.Empty,
    };
}
