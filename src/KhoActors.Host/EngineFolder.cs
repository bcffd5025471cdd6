using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Text.Json;

namespace KhoActors.Host;

/// <summary>
/// Where engines lie that the program does not refer to: <c>engines/NAME/KhoActors.Nodes.NAME.dll</c> beside it, with the libraries they bring.
/// </summary>
internal static class EngineFolder
{
    /// <summary>The engines beside the program.</summary>
    /// <param name="programFolder">The folder of the program.</param>
    /// <returns>Full paths of their assemblies, in ordinal order; none when there is no folder of engines.</returns>
    public static IReadOnlyList<string> Assemblies(string programFolder)
    {
        DirectoryInfo engines = new(Path.Combine(programFolder, "engines"));
        return !engines.Exists
            ? []
            : [.. engines.EnumerateDirectories().SelectMany(AssembliesIn).Order(StringComparer.Ordinal)];
    }

    /// <summary>
    /// Loads an engine. Types and libraries that the program has are the program's; all others come from the engine's own folder, as its
    /// <c>deps.json</c> says. The assembly stays loaded.
    /// </summary>
    /// <param name="assembly">Full path of its assembly.</param>
    /// <returns>The assembly.</returns>
    /// <exception cref="InvalidOperationException">Its list of libraries cannot be read.</exception>
    /// <exception cref="BadImageFormatException">It is no assembly.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static Assembly Load(string assembly)
    {
        AssemblyDependencyResolver resolver = new(assembly);
        string[] frameworks = FrameworkFolders(Path.ChangeExtension(assembly, ".runtimeconfig.json"));
        AssemblyLoadContext.Default.Resolving += (program, name) =>
            (resolver.ResolveAssemblyToPath(name) ?? FileIn(frameworks, name.Name + ".dll")) is { } file ? program.LoadFromAssemblyPath(file) : null;
        AssemblyLoadContext.Default.ResolvingUnmanagedDll += (_, name) =>
            resolver.ResolveUnmanagedDllToPath(name) is { } file ? NativeLibrary.Load(file) : 0;
        return AssemblyLoadContext.Default.LoadFromAssemblyPath(assembly);
    }

    // The program runs on the base framework; libraries of an engine may need another that is installed with it, in the same version.
    private static string[] FrameworkFolders(string runtimeConfig)
    {
        if (!File.Exists(runtimeConfig))
        {
            return [];
        }

        using JsonDocument config = JsonDocument.Parse(File.ReadAllText(runtimeConfig));
        DirectoryInfo running = new(Path.TrimEndingDirectorySeparator(RuntimeEnvironment.GetRuntimeDirectory()));
        return !config.RootElement.GetProperty("runtimeOptions").TryGetProperty("frameworks", out JsonElement frameworks)
            ? []
            : [.. frameworks.EnumerateArray()
                .Select(one => Path.Combine(running.Parent!.Parent!.FullName, one.GetProperty("name").GetString()!, running.Name))];
    }

    private static string? FileIn(string[] folders, string name) =>
        folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    // The file system of some machines tells no case, so the folder's name does not say the assembly's.
    private static IEnumerable<string> AssembliesIn(DirectoryInfo folder) =>
        folder.EnumerateFiles("KhoActors.Nodes.*.dll")
            .Where(file => string.Equals(file.Name, $"KhoActors.Nodes.{folder.Name}.dll", StringComparison.OrdinalIgnoreCase))
            .Select(static file => file.FullName);
}
