using System.Globalization;
using System.Text;

namespace KhoActors.Nodes.History;

/// <summary>What a replay found to differ from its record.</summary>
public enum ReplayAspect
{
    /// <summary>A decision: the record has another one here than the execution asks for, one too many, or none.</summary>
    Decision,

    /// <summary>The recorded order of deliveries does not fit.</summary>
    Order,

    /// <summary>A delivery within a window of the trail.</summary>
    Delivery,

    /// <summary>How far a substream was drawn.</summary>
    DrawCounter,

    /// <summary>What was counted of the generation, how it ended, or what the judge said.</summary>
    Report,

    /// <summary>The digest, and nothing before it: RAM at the jump, the kernel's log or a dead letter.</summary>
    Digest,
}

/// <summary>
/// The first difference between a record and its replay. It says where; whether the cause is a changed model, is for the caller to say,
/// who knows <see cref="RunFacts.ModelVersion"/>.
/// </summary>
public sealed record ReplayDifference
{
    /// <summary>Number of the machine.</summary>
    public required int Machine { get; init; }

    /// <summary>The generation, 0 for the first boot.</summary>
    public required int Generation { get; init; }

    /// <summary>What differs.</summary>
    public required ReplayAspect Aspect { get; init; }

    /// <summary>What differs, by name: <c>draws of the stream workload</c>, <c>operations</c>, <c>the digest</c>.</summary>
    public required string What { get; init; }

    /// <summary>What the record has.</summary>
    public required string Recorded { get; init; }

    /// <summary>What the replay found.</summary>
    public required string Found { get; init; }

    /// <summary>The delivery at which the difference was found; the machine's first is 1, 0 stands for none yet.</summary>
    public required ulong LastDelivery { get; init; }

    /// <summary>The first delivery of the window of the trail that ends with <see cref="LastDelivery"/>: all before it were the same.</summary>
    public required ulong FirstDelivery { get; init; }

    /// <summary>
    /// Whether every delivery of the generation was the same: the difference shows only behind the last of them. Else it lies in the window,
    /// or in what led to it.
    /// </summary>
    public bool IsBehindDeliveries => Aspect is ReplayAspect.DrawCounter or ReplayAspect.Report or ReplayAspect.Digest;

    /// <summary>The deliveries of that window in words, as the replay had them.</summary>
    public IReadOnlyList<string> Deliveries { get; init; } = [];

    /// <summary>Decisions of this generation that were taken from the record before the difference was found.</summary>
    public int Decisions { get; init; }

    /// <summary>The last of them in words, or empty.</summary>
    public string LastDecision { get; init; } = string.Empty;

    /// <summary>
    /// The first decision that chance would make otherwise today, in words; empty when there is none before the difference, or when nobody
    /// looked. A changed record or a changed workload shows here; without it the cause lies in the simulated kernels.
    /// </summary>
    public string OtherDecision { get; init; } = string.Empty;

    /// <summary>All of it as one sentence, without the list of deliveries.</summary>
    /// <returns>The sentence.</returns>
    public override string ToString()
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"machine {Machine:d8}, generation {Generation}: {What}: recorded {Recorded}, found {Found}");
        if (IsBehindDeliveries)
        {
            text.Append(CultureInfo.InvariantCulture, $"; all deliveries were the same, up to {LastDelivery}");
        }
        else if (LastDelivery != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"; found at deliveries {FirstDelivery} to {LastDelivery}");
        }

        if (LastDecision.Length != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $", behind decision {Decisions - 1} ({LastDecision})");
        }

        if (OtherDecision.Length != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"; {OtherDecision}");
        }

        return text.ToString();
    }
}

/// <summary>A replay differs from its record; the machine that was replayed is of no further use.</summary>
public sealed class ReplayDivergenceException : Exception
{
    /// <summary>Says where.</summary>
    /// <param name="difference">The first difference.</param>
    /// <param name="inner">Who found it, or null.</param>
    public ReplayDivergenceException(ReplayDifference difference, Exception? inner = null)
        : base(difference?.ToString(), inner) =>
        Difference = difference ?? throw new ArgumentNullException(nameof(difference));

    /// <summary>The first difference.</summary>
    public ReplayDifference Difference { get; }
}
