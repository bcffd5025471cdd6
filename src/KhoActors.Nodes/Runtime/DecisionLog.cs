namespace KhoActors.Nodes.Runtime;

/// <summary>
/// How decisions are written down: what was decided outside the simulated kernels in one generation, in order, as tokens. A token is a variable-length
/// integer (LEB128) whose two lowest bits are its kind; see <see cref="DecisionKind"/>. Version 1 of the records' encoding: it never changes.
/// </summary>
/// <remarks>
/// A decision belongs to the current stream; a log begins with <see cref="WorkloadStream"/>. It stands for one draw of the stream, and for one more
/// for each <see cref="DecisionKind.Stream"/> before it that names the stream that is current already.
/// So a log says how far every stream was drawn, whoever decided.
/// </remarks>
public static class DecisionLog
{
    /// <summary>The stream of user space's own decisions.</summary>
    public const int WorkloadStream = 0;

    /// <summary>The stream that decides how a generation ends.</summary>
    public const int EndStream = 1;

    /// <summary>Streams behind the last one that a machine may have: two of its own, two for each client.</summary>
    public const int StreamLimit = 2 + (2 * 255);

    /// <summary>The operation behind the last one: a client's number in one byte, its operation in another.</summary>
    public const int OperationLimit = 1 << 16;

    /// <summary>Operations that the program of one client may have.</summary>
    public const int ClientOperations = 256;

    internal const int KindBits = 2;
    internal const int BitsOfFirstByte = 7 - KindBits;

    /// <summary>The stream of a client in the kernel.</summary>
    /// <param name="client">Index among the scenario's clients.</param>
    /// <returns>Its number.</returns>
    public static int KernelStreamOf(int client) => 2 + (2 * client);

    /// <summary>The stream of a client's program in user space.</summary>
    /// <param name="client">Index among the scenario's clients.</param>
    /// <returns>Its number.</returns>
    public static int ProgramStreamOf(int client) => 3 + (2 * client);

    /// <summary>The number that stands for an operation of a client's program.</summary>
    /// <param name="client">Index among the scenario's clients, below 255.</param>
    /// <param name="operation">Index among its operations, below 256.</param>
    /// <returns>256 or more; smaller numbers are the workload's own operations.</returns>
    public static int OperationOf(int client, int operation)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(client, 255);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(operation, ClientOperations);
        return ((client + 1) << 8) | operation;
    }
}

/// <summary>What a token of a <see cref="DecisionLog"/> says; the numbers are part of the encoding.</summary>
public enum DecisionKind
{
    /// <summary>A choice among few: the value as it was used, after all bounding.</summary>
    Choice = 0,

    /// <summary>
    /// A word of 64 bits that has no meaning by itself. An even value 2n stands for the stream's own draw, n draws further than expected; the
    /// value 1 for the 8 bytes that follow, little-endian.
    /// </summary>
    Word = 1,

    /// <summary>The following decisions are of the stream with this number. When it is the current one: one more draw went into the next decision.</summary>
    Stream = 2,

    /// <summary>
    /// An operation of user space begins, see <see cref="DecisionLog.OperationOf"/>; a decision of
    /// <see cref="DecisionLog.WorkloadStream"/>, which it makes the current one.
    /// </summary>
    Operation = 3,
}

/// <summary>A decision, read.</summary>
/// <param name="Kind">What was decided; never <see cref="DecisionKind.Stream"/>.</param>
/// <param name="Stream">Whose decision it is.</param>
/// <param name="Skipped">Draws of the stream that went into it before its own.</param>
/// <param name="IsDrawn">For a word: whether it is the stream's own draw, and <see cref="Value"/> says nothing.</param>
/// <param name="Value">The choice, the word or the operation.</param>
public readonly record struct Decision(DecisionKind Kind, int Stream, ulong Skipped, bool IsDrawn, ulong Value)
{
    /// <summary>The decision without its stream.</summary>
    /// <returns>For example <c>5</c>, <c>a drawn word</c>, <c>operation 0x103</c>.</returns>
    public override string ToString() => Kind switch
    {
        DecisionKind.Operation => $"operation 0x{Value:x}",
        DecisionKind.Choice => $"{Value}",
        _ => IsDrawn ? "a drawn word" : $"the word 0x{Value:x16}",
    };
}
