using System.Xml.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace KhoActors.Architecture.Tests.Unbuilt;

/// <summary>A project of the Akka engine, bound to everything but Akka: what a feed without Akka leaves of it.</summary>
internal static class UnbuiltProject
{
    // What <ImplicitUsings> brings to a project of this SDK.
    private static readonly string[] ImplicitUsings =
        ["System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Net.Http", "System.Threading", "System.Threading.Tasks"];

    private static readonly CSharpParseOptions Language = new(LanguageVersion.Latest, DocumentationMode.Diagnose);

    /// <summary>The engine.</summary>
    public const string Engine = "src/KhoActors.Nodes.Akka";

    /// <summary>Its tests.</summary>
    public const string EngineTests = "tests/KhoActors.Nodes.Akka.Tests";

    /// <summary>What this process itself runs on: the base library, the assemblies of KhoActors, the packages of tests.</summary>
    public static IReadOnlyList<MetadataReference> References { get; } =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(static file => !Path.GetFileName(file).StartsWith("Microsoft.CodeAnalysis", StringComparison.Ordinal))
            .Where(static file => Path.GetFileName(file) != "KhoActors.Architecture.Tests.dll")
            .Select(static file => MetadataReference.CreateFromFile(file)),
    ];

    /// <summary>Binds the engine and its tests as they are in the tree.</summary>
    /// <param name="edit">Changes the text of a file, given its path: for planted mistakes.</param>
    /// <returns>The engine, then its tests.</returns>
    public static CSharpCompilation[] Bind(Func<string, string, string>? edit = null)
    {
        CSharpCompilation engine = Bind(Engine, [], References, edit);
        return [engine, Bind(EngineTests, ["Xunit"], [.. References, engine.ToMetadataReference()], edit)];
    }

    /// <summary>Binds sources that are in no file.</summary>
    /// <param name="text">The source.</param>
    /// <returns>The compilation.</returns>
    public static CSharpCompilation Bind(string text) =>
        Compilation("KhoActors.Nodes.Akka", [Parse("planted.cs", text), GlobalUsings(ImplicitUsings)], References);

    private static CSharpCompilation Bind(
        string folder, string[] usings, IEnumerable<MetadataReference> references, Func<string, string, string>? edit)
    {
        string name = Path.GetFileName(folder);
        XDocument project = XDocument.Load(Path.Combine(Repository.Root, folder, name + ".csproj"));
        IEnumerable<string> shared = Includes(project, "Compile").SelectMany(include => Matching(folder, include));
        IEnumerable<SyntaxTree> trees = Repository.Files("*.cs", folder).Concat(shared)
            .Select(file => (file, text: string.Join('\n', Repository.Lines(file)) + '\n'))
            .Select(source => Parse(source.file, edit is null ? source.text : edit(source.file, source.text)));
        SyntaxTree globalUsings = GlobalUsings([.. ImplicitUsings, .. usings, .. Includes(project, "Using")]);
        return Compilation(name, [.. trees, globalUsings, Friends(Includes(project, "InternalsVisibleTo"))], references);
    }

    private static CSharpCompilation Compilation(string name, IEnumerable<SyntaxTree> trees, IEnumerable<MetadataReference> references) =>
        CSharpCompilation.Create(name, trees, references, new(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));

    private static SyntaxTree Parse(string file, string text) => CSharpSyntaxTree.ParseText(text, Language, file);

    private static SyntaxTree GlobalUsings(IEnumerable<string> namespaces) =>
        Parse("usings.cs", string.Concat(namespaces.Select(static name => $"global using {name};\n")));

    private static SyntaxTree Friends(IEnumerable<string> assemblies) =>
        Parse("friends.cs", string.Concat(assemblies.Select(static name => $"[assembly: System.Runtime.CompilerServices.InternalsVisibleTo(\"{name}\")]\n")));

    private static IEnumerable<string> Includes(XDocument project, string item) =>
        project.Descendants(item).Attributes("Include").SelectMany(static attribute => attribute.Value.Split(';', StringSplitOptions.TrimEntries));

    // An include such as ../Shared/SplitMix64.cs, or with a pattern in its last part.
    private static IEnumerable<string> Matching(string folder, string include)
    {
        string path = Path.GetRelativePath(Repository.Root, Path.GetFullPath(Path.Combine(Repository.Root, folder, include)));
        return Repository.Files(Path.GetFileName(path), Path.GetDirectoryName(path)!.Replace('\\', '/'));
    }
}
