using System.Reflection;
using System.Security.Cryptography;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Host;

/// <summary>KHO clients of assemblies outside the laboratory: what <c>--clients FILE.dll</c> names.</summary>
internal static class ClientAssemblies
{
    /// <summary>The clients that come with the laboratory, and those of assemblies.</summary>
    /// <param name="files">The assemblies, or null.</param>
    /// <returns>The catalog.</returns>
    /// <exception cref="UsageException">A file is no assembly, names no clients, or a client cannot be added.</exception>
    public static ClientCatalog CatalogWith(IReadOnlyList<string>? files)
    {
        ClientCatalog catalog = ClientCatalog.BuiltIn;
        foreach (string file in files ?? [])
        {
            try
            {
                catalog = catalog.With(ClientsOf(file));
            }
            catch (ArgumentException refusal)
            {
                throw Refuse(file, refusal.Message.Split(" (Parameter")[0]);
            }
        }

        return catalog;
    }

    /// <summary>What a history keeps of assemblies.</summary>
    /// <param name="files">The assemblies, or null.</param>
    /// <returns>Path and SHA-256 of each, in the same order.</returns>
    /// <exception cref="UsageException">A file is not there or cannot be read.</exception>
    public static IReadOnlyList<ClientAssemblyFact> FactsOf(IReadOnlyList<string>? files) => [.. (files ?? []).Select(FactOf)];

    private static ClientAssemblyFact FactOf(string file)
    {
        try
        {
            using FileStream content = File.OpenRead(file);
            return new ClientAssemblyFact(file, Convert.ToHexStringLower(SHA256.HashData(content)));
        }
        catch (FileNotFoundException)
        {
            throw Refuse(file, "no such file");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw Refuse(file, FirstLine(failure.Message));
        }
    }

    private static List<KhoClient> ClientsOf(string file)
    {
        Assembly assembly = Load(file);
        try
        {
            KhoClientsAttribute attribute = assembly.GetCustomAttribute<KhoClientsAttribute>()
                ?? throw Refuse(file, "the assembly names no clients; expected [assembly: KhoClients(typeof(MyClient))]");
            return [.. attribute.Types.Select(type => ClientOf(type, file))];
        }
        catch (Exception failure) when (failure is FileNotFoundException or FileLoadException or TypeLoadException or CustomAttributeFormatException)
        {
            throw Refuse(file, $"was built against something that is not here: {FirstLine(failure.Message)}");
        }
    }

    private static Assembly Load(string file)
    {
        try
        {
            return Assembly.LoadFrom(Path.GetFullPath(file));
        }
        catch (FileNotFoundException)
        {
            throw Refuse(file, "no such file");
        }
        catch (BadImageFormatException)
        {
            throw Refuse(file, "is no .NET assembly");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw Refuse(file, FirstLine(failure.Message));
        }
    }

    private static KhoClient ClientOf(Type type, string file)
    {
        PropertyInfo property = type.GetProperty(KhoClientsAttribute.PropertyName, BindingFlags.Public | BindingFlags.Static)
            ?? throw Refuse(file, $"{type.FullName} has no public static property {KhoClientsAttribute.PropertyName}");
        try
        {
            return property.GetValue(null) as KhoClient
                ?? throw Refuse(file, $"{type.FullName}.{KhoClientsAttribute.PropertyName} is not a {nameof(KhoClient)}, or it is null");
        }
        catch (TargetInvocationException failure)
        {
            throw Refuse(file, $"{type.FullName}.{KhoClientsAttribute.PropertyName} threw: {FirstLine(failure.InnerException!.Message)}");
        }
    }

    private static UsageException Refuse(string file, string message) => new($"--clients {file}: {message}");

    private static string FirstLine(string text) => text.AsSpan().TrimEnd('.') is var line && line.IndexOfAny('\r', '\n') is >= 0 and var end
        ? line[..end].ToString()
        : line.ToString();
}
