using System.Reflection;
using KhoActors.Nodes.Fleet;

namespace KhoActors.Host.Engines;

/// <summary>
/// The engines that this program can have: the local one always, others when their assembly lies in a folder and can be used. A build may
/// leave them out.
/// </summary>
/// <param name="folder">The folder, that of the program.</param>
internal sealed class EngineCatalog(string folder)
{
    /// <summary>The engine of clusters.</summary>
    public const string Akka = "akka";

    private const string EntryPointName = "EngineEntryPoint";

    /// <summary>The engines beside this program.</summary>
    public static EngineCatalog OfProgram { get; } = new(AppContext.BaseDirectory);

    /// <summary>Names of all engines, present or not.</summary>
    public static IReadOnlyList<string> Names { get; } = [LocalEngine.EngineName, Akka];

    /// <summary>Finds an engine.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The engine.</returns>
    /// <exception cref="UsageException">There is no such engine, it was left out of this build, or it cannot be used; the message says which.</exception>
    public IEngine Find(string name) => name switch
    {
        LocalEngine.EngineName => new LocalEngine(),
        Akka when !Has(name) => throw new UsageException(
            $"engine '{name}' was left out of this build: there is no {FileOf(name)} beside the program; accepted: {LocalEngine.EngineName}"),
        Akka => Load(name),
        _ => throw new UsageException($"there is no engine '{name}'; accepted: {string.Join(", ", Names)}"),
    };

    /// <summary>Whether an engine is part of this build.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <returns>Whether there is something under its name; it may be broken.</returns>
    public bool Has(string name) => name == LocalEngine.EngineName || File.Exists(PathOf(name));

    private static string NamespaceOf(string name) => $"KhoActors.Nodes.{char.ToUpperInvariant(name[0])}{name[1..]}";

    private static string FileOf(string name) => NamespaceOf(name) + ".dll";

    /// <summary>In a folder of its own, with the libraries that it brings (<see cref="EngineFolder"/>), or beside the program.</summary>
    private string PathOf(string name) =>
        EngineFolder.Assemblies(folder).FirstOrDefault(file => Path.GetFileName(file) == FileOf(name)) ?? Path.Combine(folder, FileOf(name));

    private IEngine Load(string name)
    {
        string entryPoint = $"{NamespaceOf(name)}.{EntryPointName}";
        try
        {
            Type type = EngineFolder.Load(PathOf(name)).GetType(entryPoint, throwOnError: false)
                ?? throw Refuse(name, $"it has no class {entryPoint}");
            return Activator.CreateInstance(type) as IEngine ?? throw Refuse(name, $"{entryPoint} is no {nameof(IEngine)}");
        }
        catch (BadImageFormatException)
        {
            throw Refuse(name, "it is no .NET assembly");
        }
        catch (TargetInvocationException failure)
        {
            throw Refuse(name, $"{entryPoint} threw {failure.InnerException!.GetType().Name}: {failure.InnerException.Message}");
        }
        catch (MissingMethodException)
        {
            throw Refuse(name, $"{entryPoint} has no public constructor without parameters");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or TypeLoadException)
        {
            throw Refuse(name, failure.Message);
        }
    }

    private static UsageException Refuse(string name, string reason)
    {
        string line = string.Join(' ', reason.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).TrimEnd('.');
        return new UsageException($"engine '{name}' cannot be used: {FileOf(name)}: {line}");
    }
}
