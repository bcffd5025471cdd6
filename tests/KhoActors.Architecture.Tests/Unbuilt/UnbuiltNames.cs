using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KhoActors.Architecture.Tests.Unbuilt;

/// <summary>Where a name in a source is looked for, and whether it is found.</summary>
internal static class UnbuiltNames
{
    /// <summary>Whether a name is used, not declared, and means nothing that is known.</summary>
    /// <param name="name">The name.</param>
    /// <param name="model">The model of its tree.</param>
    /// <returns>Whether.</returns>
    public static bool IsUnknown(SimpleNameSyntax name, SemanticModel model)
    {
        // The name of an argument belongs to the method, which may be unknown; calls are judged as a whole.
        if (name.Parent is NameColonSyntax { Parent: ArgumentSyntax or AttributeArgumentSyntax } or NameEqualsSyntax or AliasQualifiedNameSyntax
            || name is IdentifierNameSyntax { Identifier.ValueText: "_" or "nameof" } or IdentifierNameSyntax { IsVar: true })
        {
            return false;
        }

        SymbolInfo found = model.GetSymbolInfo(name);
        return found.Symbol is null or IErrorTypeSymbol && found.CandidateSymbols.IsEmpty;
    }

    /// <summary>Whether a name is looked for in a type or namespace, rather than in the scope around it.</summary>
    /// <param name="name">The name.</param>
    /// <returns>Whether.</returns>
    public static bool IsMember(SimpleNameSyntax name) => HolderSyntax(name) is not null;

    /// <summary>The type or namespace in which a name is looked for.</summary>
    /// <param name="node">The name, or the access to it.</param>
    /// <param name="model">The model of its tree.</param>
    /// <returns>The type, which may be an unknown one, or the namespace; null when there is none.</returns>
    public static INamespaceOrTypeSymbol? HolderOf(SyntaxNode node, SemanticModel model)
    {
        if (HolderSyntax(node) is not { } holder)
        {
            return null;
        }

        TypeInfo type = model.GetTypeInfo(holder);
        ITypeSymbol? sought = holder is PatternSyntax ? type.ConvertedType : type.Type;
        if (holder.Parent is ConditionalAccessExpressionSyntax
            && sought is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } some)
        {
            sought = some.TypeArguments[0];
        }

        return sought ?? model.GetSymbolInfo(holder).Symbol as INamespaceOrTypeSymbol;
    }

    private static SyntaxNode? HolderSyntax(SyntaxNode node) => node.Parent switch
    {
        _ when node is MemberAccessExpressionSyntax access => access.Expression,
        _ when node is QualifiedNameSyntax qualified => qualified.Left,
        _ when node is QualifiedCrefSyntax cref => cref.Container,
        MemberAccessExpressionSyntax access when access.Name == node => access.Expression,
        QualifiedNameSyntax qualified when qualified.Right == node => qualified.Left,
        NameMemberCrefSyntax { Parent: QualifiedCrefSyntax cref } => cref.Container,
        MemberBindingExpressionSyntax binding => binding.FirstAncestorOrSelf<ConditionalAccessExpressionSyntax>()?.Expression,
        AssignmentExpressionSyntax { Parent: InitializerExpressionSyntax { Parent: ExpressionSyntax made } } assigned when assigned.Left == node => made,
        BaseExpressionColonSyntax { Parent.Parent.Parent: RecursivePatternSyntax pattern } => pattern,
        _ => null,
    };
}
