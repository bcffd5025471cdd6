using System.Globalization;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Clients;

/// <summary>
/// What user space runs for one client in one kernel generation: it looks at what came over, works while the kernel runs, and obeys the
/// commands of a scenario's script. A seam: one implementation for each client, also from outside.
/// </summary>
public interface IUserProgram
{
    /// <summary>Operations that a scenario's mix may name, for example <c>tmpfs_write</c>.</summary>
    IReadOnlyList<string> Operations { get; }

    /// <summary>User space has started; operations begin when every request that this makes is answered.</summary>
    /// <param name="process">Asks the kernel.</param>
    void Start(UserProcess process);

    /// <summary>Does one operation. Several are under way at once.</summary>
    /// <param name="operation">Index into <see cref="Operations"/>.</param>
    /// <param name="process">Asks the kernel.</param>
    void Operate(int operation, UserProcess process);

    /// <summary>The answer to a request.</summary>
    /// <param name="tag">What the request was asked with.</param>
    /// <param name="reply">The reply.</param>
    /// <param name="process">Asks the kernel.</param>
    void Answered(uint tag, in Message reply, UserProcess process);

    /// <summary>Reads a command of a script. Depends on nothing but its words: a scenario is checked with it before anything runs.</summary>
    /// <param name="words">The command's words, without the client's name.</param>
    /// <returns>The request that it stands for, or what is wrong with it and what would be accepted.</returns>
    UserCommand ReadCommand(IReadOnlyList<string> words);

    /// <summary>A request to the program's client as a person reads it in the story of a machine: what is done, on what.</summary>
    /// <param name="request">The request.</param>
    /// <returns>One line, in lower case, without a full stop.</returns>
    string Describe(in Message request)
    {
        byte number = ClientProtocol.NumberOf(request.Kind);
        return string.Create(CultureInfo.InvariantCulture, $"request 0x{number:x2} ({request.A}, {request.B}, {request.C}) {request.Text}").TrimEnd();
    }
}

/// <summary>A command of a script, read.</summary>
/// <param name="Message">The request, when there is no problem.</param>
/// <param name="Problem">What is wrong and what is accepted; null when nothing is.</param>
public readonly record struct UserCommand(Message Message, string? Problem = null)
{
    /// <summary>The second value that the reply must have, for example a checksum, or null when any will do.</summary>
    public ulong? ExpectedExtra { get; init; }

    /// <summary>What that second value is, in the words of a report that it is another one.</summary>
    public string ExtraName { get; init; } = "second value";

    /// <summary>A command that cannot be read.</summary>
    /// <param name="problem">What is wrong and what is accepted.</param>
    /// <returns>The refusal.</returns>
    public static UserCommand Refuse(string problem) => new(default, problem);
}

/// <summary>
/// Chance, as a user program meets it: drawn in a run, taken from the record in a replay. A seam between programs and whoever runs them.
/// </summary>
public interface IProgramChance
{
    /// <summary>A random number.</summary>
    /// <returns>Uniform over 64 bits.</returns>
    ulong NextRandom();

    /// <summary>A random number below a limit; one draw, whatever the limit.</summary>
    /// <param name="limit">At least 1; 0 gives 0.</param>
    /// <returns>0..<paramref name="limit"/> - 1, uniform but for a bias below 2^-40 for limits up to 2^24.</returns>
    ulong NextBelow(ulong limit);
}

/// <summary>A user program's way to the kernel: requests, chance, and the checks that it fails.</summary>
/// <param name="client">The actor of the program's client.</param>
/// <param name="firstCorrelation">Its requests carry correlations from here on.</param>
/// <param name="chance">The program's own.</param>
/// <param name="report">Receives violations that the program finds.</param>
public sealed class UserProcess(ActorId client, uint firstCorrelation, IProgramChance chance, Action<string> report)
{
    /// <summary>Tags are smaller than this.</summary>
    public const uint TagLimit = 1 << 24;

    /// <summary>The actor of the program's client.</summary>
    public ActorId Client => client;

    /// <summary>Where requests go out; set by the host for each delivery.</summary>
    public Outbox Outbox { get; set; } = null!;

    /// <summary>Requests without an answer.</summary>
    public int Unanswered { get; private set; }

    /// <summary>Asks the kernel.</summary>
    /// <param name="to">An actor of the kernel.</param>
    /// <param name="message">A request that it answers.</param>
    /// <param name="tag">Below <see cref="TagLimit"/>; comes back with the answer.</param>
    public void Ask(ActorId to, in Message message, uint tag)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(tag, TagLimit);
        Unanswered++;
        Outbox.Send(to, message, firstCorrelation + tag);
    }

    /// <summary>Asks the program's own client.</summary>
    /// <param name="message">The request.</param>
    /// <param name="tag">Comes back with the answer.</param>
    public void Ask(in Message message, uint tag) => Ask(client, message, tag);

    /// <summary>Takes an answer in.</summary>
    /// <param name="correlation">The reply's correlation.</param>
    /// <returns>The request's tag.</returns>
    public uint TakeAnswer(uint correlation)
    {
        Unanswered--;
        return correlation - firstCorrelation;
    }

    /// <summary>A random number.</summary>
    /// <returns>Uniform over 64 bits.</returns>
    public ulong NextRandom() => chance.NextRandom();

    /// <summary>A random number below a limit.</summary>
    /// <param name="limit">At least 1.</param>
    /// <returns>0..<paramref name="limit"/> - 1, uniform but for a bias below 2^-40 for limits up to 2^24.</returns>
    public ulong NextBelow(ulong limit) => chance.NextBelow(limit);

    /// <summary>Something that had to survive did not, or is not what it was: a violation of <c>client-check</c>.</summary>
    /// <param name="detail">What was expected and what was found.</param>
    public void Report(string detail) => report(detail);
}
