using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace KhoActors.Architecture.Tests.Unbuilt;

/// <summary>
/// Tells the errors that only the absence of Akka explains from all others. A name that is found nowhere is excused when it is on the list of
/// Akka's names, unless it was sought in something of ours; nothing else is excused, since the compiler reports no error that follows from an
/// unknown type.
/// </summary>
internal sealed class UnbuiltRules
{
    private readonly HashSet<string> _foreign;
    private readonly CSharpCompilation _compilation;
    private readonly bool _documented;
    private readonly HashSet<string> _excused = new(StringComparer.Ordinal);
    private readonly List<string> _complaints = [];

    private UnbuiltRules(CSharpCompilation compilation, IEnumerable<string> foreign)
    {
        _compilation = compilation;
        _documented = !compilation.AssemblyName!.EndsWith(".Tests", StringComparison.Ordinal); // names of tests are their documentation
        _foreign = foreign.ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>Judges a compilation.</summary>
    /// <param name="compilation">Sources bound without Akka.</param>
    /// <param name="foreign">Names that Akka's packages bring.</param>
    /// <returns>What is wrong, and the foreign names that excused something.</returns>
    public static (IReadOnlyList<string> Complaints, IReadOnlySet<string> Excused) Judge(CSharpCompilation compilation, IEnumerable<string> foreign)
    {
        UnbuiltRules rules = new(compilation, foreign);
        foreach (Diagnostic diagnostic in compilation.GetDiagnostics())
        {
            rules.Judge(diagnostic);
        }

        foreach (SyntaxTree tree in compilation.SyntaxTrees)
        {
            rules.JudgeWhatTheCompilerPassesOver(tree);
        }

        return (rules._complaints, rules._excused);
    }

    private void Judge(Diagnostic diagnostic)
    {
        if (diagnostic.Location.SourceTree is null
            || (diagnostic.Severity != DiagnosticSeverity.Error && !(_documented && IsAboutDocumentation(diagnostic.Id)))
            || IsExcused(diagnostic))
        {
            return;
        }

        Complain(diagnostic.Location, $"{diagnostic.Id} {diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture)}");
    }

    // Missing (1591), of no parameter (1572), incomplete (1573), badly formed (1570, 1571), or pointing nowhere (1574, 1580, 1581, 1584).
    private static bool IsAboutDocumentation(string id) =>
        id is "CS1570" or "CS1571" or "CS1572" or "CS1573" or "CS1574" or "CS1580" or "CS1581" or "CS1584" or "CS1591";

    private bool IsExcused(Diagnostic diagnostic)
    {
        SyntaxNode root = diagnostic.Location.SourceTree!.GetRoot();
        SyntaxNode node = root.FindNode(diagnostic.Location.SourceSpan, findInsideTrivia: true, getInnermostNodeForTie: true);
        SemanticModel model = _compilation.GetSemanticModel(node.SyntaxTree);
        return diagnostic.Id switch
        {
            // A name found nowhere, or not in the global namespace.
            "CS0103" or "CS0246" or "CS0400" => IsForeign(node),
            // A name not found in a namespace, or in a type.
            "CS0234" or "CS0117" or "CS1061" or "CS1574" => !IsSoughtInOurs(node, model) && IsForeign(node),
            // Nothing to override: the base may have it.
            "CS0115" => node.FirstAncestorOrSelf<TypeDeclarationSyntax>() is { } type && HasUnknownBase(model.GetDeclaredSymbol(type)),
            // The constructor of an unknown base.
            "CS1729" => IsBaseCall(node)
                && node.FirstAncestorOrSelf<TypeDeclarationSyntax>() is { } derived
                && HasUnknownBase(model.GetDeclaredSymbol(derived)),
            _ => false,
        };
    }

    private static bool IsBaseCall(SyntaxNode node) =>
        node.FirstAncestorOrSelf<BaseListSyntax>() is not null
        || node.FirstAncestorOrSelf<ConstructorInitializerSyntax>()?.IsKind(SyntaxKind.BaseConstructorInitializer) == true;

    private bool IsForeign(SyntaxNode node)
    {
        SyntaxToken name = node.DescendantTokens(descendIntoTrivia: true).LastOrDefault(static token => token.IsKind(SyntaxKind.IdentifierToken));
        if (node is GenericNameSyntax generic)
        {
            name = generic.Identifier;
        }

        bool foreign = _foreign.Contains(name.ValueText);
        if (foreign)
        {
            _excused.Add(name.ValueText);
        }

        return foreign;
    }

    // In a type or namespace of ours that is known in full.
    private static bool IsSoughtInOurs(SyntaxNode node, SemanticModel model) =>
        UnbuiltNames.HolderOf(node, model) is { } holder && IsOurs(holder) && !(holder is ITypeSymbol type && HasUnknownBase(type));

    private static bool HasUnknownBase(ITypeSymbol? type)
    {
        for (; type is not null; type = type.BaseType)
        {
            if (type.TypeKind == TypeKind.Error || type.AllInterfaces.Any(static one => one.TypeKind == TypeKind.Error))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsOurs(ISymbol symbol) =>
        symbol.Kind != SymbolKind.ErrorType && symbol.ToDisplayString().StartsWith("KhoActors", StringComparison.Ordinal);

    private void JudgeWhatTheCompilerPassesOver(SyntaxTree tree)
    {
        SemanticModel model = _compilation.GetSemanticModel(tree);
        foreach (SyntaxNode node in tree.GetRoot().DescendantNodes())
        {
            switch (node)
            {
                case BaseArgumentListSyntax { Parent: (InvocationExpressionSyntax or BaseObjectCreationExpressionSyntax) and { } call } list:
                    JudgeCall(call, list, model);
                    break;
                case ParameterSyntax { Type: null } parameter when IsHandlerOfKnown(parameter, model):
                    Complain(parameter.GetLocation(), $"write the type of {parameter.Identifier.ValueText}: without Akka nobody else knows it");
                    break;
                case SimpleNameSyntax name when name.FirstAncestorOrSelf<AnonymousFunctionExpressionSyntax>() is not null:
                    JudgeNameInHandler(name, model);
                    break;
            }
        }
    }

    // Where an argument's type is unknown the compiler does not choose among methods; that one of them takes so many is still to be asked.
    private void JudgeCall(SyntaxNode call, BaseArgumentListSyntax list, SemanticModel model)
    {
        SymbolInfo called = model.GetSymbolInfo(call);
        IMethodSymbol[] methods = [.. called.CandidateSymbols.OfType<IMethodSymbol>().Where(IsOurs)];
        if (called.Symbol is null && methods.Length > 0 && !methods.Any(method => Takes(method, list)))
        {
            Complain(list.GetLocation(), $"no {methods[0].ContainingType.Name}.{methods[0].Name} takes {list}");
        }
    }

    // A handler that is given to an unknown method is bound, but what is wrong in it is not reported.
    private void JudgeNameInHandler(SimpleNameSyntax name, SemanticModel model)
    {
        if (!UnbuiltNames.IsUnknown(name, model))
        {
            return;
        }

        bool isMember = UnbuiltNames.IsMember(name);
        bool mayBeForeign = isMember
            ? UnbuiltNames.HolderOf(name, model) is not { } holder || (!IsSoughtInOurs(name, model) && (IsUnknownType(holder) || IsForeign(name)))
            : IsForeign(name);
        if (!mayBeForeign)
        {
            Complain(name.GetLocation(), $"{name.Identifier.ValueText} is not found");
        }
    }

    private static bool IsUnknownType(INamespaceOrTypeSymbol holder) => holder is ITypeSymbol type && HasUnknownBase(type);

    private static bool Takes(IMethodSymbol method, BaseArgumentListSyntax list)
    {
        bool takesAny = method.Parameters is [.., { IsParams: true }];
        int needed = method.Parameters.Count(static parameter => !parameter.IsOptional && !parameter.IsParams);
        return list.Arguments.Count >= needed && (takesAny || list.Arguments.Count <= method.Parameters.Length)
            && list.Arguments.All(argument =>
                argument.NameColon is null || method.Parameters.Any(parameter => parameter.Name == argument.NameColon.Name.Identifier.ValueText));
    }

    // Handle<OurMessage>(message => ...): Handle would say that message is OurMessage.
    private static bool IsHandlerOfKnown(ParameterSyntax parameter, SemanticModel model) =>
        parameter.FirstAncestorOrSelf<LambdaExpressionSyntax>() is { Parent: ArgumentSyntax { Parent.Parent: InvocationExpressionSyntax call } }
        && call.Expression.DescendantNodesAndSelf().OfType<GenericNameSyntax>().LastOrDefault() is { } generic
        && model.GetDeclaredSymbol(parameter) is IParameterSymbol { Type.TypeKind: TypeKind.Error }
        && generic.TypeArgumentList.Arguments.Any(argument => model.GetTypeInfo(argument).Type is { TypeKind: not TypeKind.Error });

    private void Complain(Location location, string text)
    {
        FileLinePositionSpan place = location.GetLineSpan();
        _complaints.Add($"{place.Path}({place.StartLinePosition.Line + 1}): {text}");
    }
}
