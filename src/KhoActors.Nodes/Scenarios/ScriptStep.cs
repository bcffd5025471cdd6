using System.Globalization;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Scenarios;

/// <summary>How a step of a script comes to its end.</summary>
internal enum ScriptStepEnd
{
    /// <summary>Its request is answered.</summary>
    Answer,

    /// <summary>Virtual time has passed.</summary>
    Time,

    /// <summary>With the kernel: nobody is left to answer.</summary>
    Kernel,
}

/// <summary>A step of a script, read.</summary>
/// <param name="Text">As it was written.</param>
internal sealed record ScriptStep(string Text)
{
    /// <summary>Who is asked.</summary>
    public ActorId To { get; init; }

    /// <summary>The request.</summary>
    public Message Message { get; init; }

    /// <summary>How it ends.</summary>
    public ScriptStepEnd End { get; init; }

    /// <summary>How long it waits, when it only waits.</summary>
    public ulong WaitTicks { get; init; }

    /// <summary>The expected code, or null when any will do.</summary>
    public int? ExpectedCode { get; init; }

    /// <summary>The expected first value, or null when any will do.</summary>
    public ulong? ExpectedValue { get; init; }

    /// <summary>The expected second value, or null when any will do.</summary>
    public ulong? ExpectedExtra { get; init; }

    /// <summary>Whether a result is the expected one.</summary>
    /// <param name="result">The result.</param>
    /// <returns>Whether.</returns>
    public bool Accepts(KernelResult result) =>
        (ExpectedCode is not { } code || (code == 0 ? result.Succeeded : code == result.Code))
        && (ExpectedValue is not { } value || value == result.Value)
        && (ExpectedExtra is not { } extra || (result.Succeeded && extra == result.Extra));

    /// <summary>What is expected, for people.</summary>
    public string Expectation
    {
        get
        {
            string code = ExpectedCode is { } expected and not 0 ? Errno.Symbol(expected) : "success";
            string value = ExpectedValue is { } wanted ? string.Create(CultureInfo.InvariantCulture, $" with value {wanted}") : string.Empty;
            string extra = ExpectedExtra is { } more ? $" and 0x{more:x}" : string.Empty;
            return $"{code}{value}{extra}";
        }
    }

    /// <summary>What a result was, for people.</summary>
    /// <param name="result">The result.</param>
    /// <returns>The text.</returns>
    public static string Describe(KernelResult result) => result.Succeeded
        ? string.Create(CultureInfo.InvariantCulture, $"success with value {result.Value} and 0x{result.Extra:x}")
        : Errno.Symbol(result.Code);

    /// <summary>Takes an expected result off the end of a step's words: an equals sign and one word behind it.</summary>
    /// <param name="words">The words; shortened when there is an expectation.</param>
    /// <param name="code">The code, or null.</param>
    /// <param name="value">The value, or null.</param>
    /// <returns>What is wrong with it, or null.</returns>
    public static string? TakeExpectation(List<string> words, out int? code, out ulong? value)
    {
        (code, value) = (null, null);
        if (words.Count < 3 || words[^2] != "=")
        {
            return null;
        }

        string wanted = words[^1];
        words.RemoveRange(words.Count - 2, 2);
        code = 0;
        if (wanted == "0")
        {
            return null;
        }

        bool isHexadecimal = wanted.StartsWith("0x", StringComparison.Ordinal);
        bool isNumber = isHexadecimal
            ? ulong.TryParse(wanted.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong number)
            : ulong.TryParse(wanted, NumberStyles.None, CultureInfo.InvariantCulture, out number);
        if (isNumber)
        {
            value = number;
            return null;
        }

        code = ErrnoOf(wanted.StartsWith('-') ? wanted : $"-{wanted}");
        return code is not null
            ? null
            : $"found '= {wanted}', accepted behind the equals sign: 0 for success, a number for success with that value, or an errno such as ENOSPC";
    }

    private static int? ErrnoOf(string symbol)
    {
        const int largest = 4095;
        for (int number = 1; number <= largest; number++)
        {
            if (Errno.Symbol(-number) == symbol)
            {
                return -number;
            }
        }

        return null;
    }
}
