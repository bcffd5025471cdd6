using KhoActors.Host.Engines;

namespace KhoActors.Host.Doctor;

/// <summary>Which engines this build has.</summary>
internal static class EngineCheck
{
    /// <summary>Looks for each engine.</summary>
    /// <param name="engines">Where.</param>
    /// <returns>The result: a build without clusters is a whole build.</returns>
    public static Check Of(EngineCatalog engines)
    {
        List<string> found = [];
        foreach (string name in EngineCatalog.Names)
        {
            try
            {
                found.Add(engines.Has(name) ? $"{name} ({engines.Find(name).Summary})" : $"no {name}");
            }
            catch (UsageException broken)
            {
                return new Check("engines", Verdict.Warning, broken.Message, "build the program again from a clean clone");
            }
        }

        return new Check("engines", Verdict.Ok, string.Join(", ", found));
    }
}
