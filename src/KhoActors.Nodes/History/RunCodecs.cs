using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.History;

/// <summary>The codecs of a history's runs; runs of one scenario share theirs, for reading a scenario costs more than a small run.</summary>
internal sealed class RunCodecs
{
    private readonly ClientCatalog? _clients;
    private readonly Dictionary<string, SliceCodec?> _codecs = new(StringComparer.Ordinal);

    /// <summary>Begins without any.</summary>
    /// <param name="clients">Where the runs' clients are; null for those that come with the laboratory.</param>
    public RunCodecs(ClientCatalog? clients) => _clients = clients;

    /// <summary>The codec of a run.</summary>
    /// <param name="facts">The run's facts.</param>
    /// <param name="place">The run, for messages.</param>
    /// <param name="damage">Called when its scenario cannot be read.</param>
    /// <returns>The codec; null without a scenario that can be read, or where clients from outside are needed and not there.</returns>
    public SliceCodec? Find(RunFacts facts, string place, Action<string> damage)
    {
        if (_clients is null && facts.ClientAssemblies.Count != 0)
        {
            return null;
        }

        if (_codecs.TryGetValue(facts.ResolvedScenario, out SliceCodec? known))
        {
            return known;
        }

        SliceCodec? codec = null;
        try
        {
            codec = new SliceCodec(ResolvedScenario.Parse(facts.ResolvedScenario, place, _clients));
        }
        catch (ScenarioException invalid)
        {
            damage($"{place}: its scenario cannot be read: {invalid.Message}");
        }

        _codecs.Add(facts.ResolvedScenario, codec);
        return codec;
    }
}
