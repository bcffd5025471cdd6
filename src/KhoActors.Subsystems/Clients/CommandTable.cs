using System.Globalization;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Clients;

/// <summary>A command that a script may give to a client.</summary>
/// <param name="Name">Its first word.</param>
/// <param name="Arguments">The words behind it, as a user reads them: <c>PATH SIZE</c>.</param>
/// <param name="Read">Makes the request of the words behind the name; null when they are not what is accepted.</param>
public sealed record UserCommandShape(string Name, string Arguments, Func<IReadOnlyList<string>, UserCommand?> Read);

/// <summary>The commands of one client, found by their first word. Reading depends on nothing but the words.</summary>
/// <param name="commands">The commands.</param>
public sealed class CommandTable(params UserCommandShape[] commands)
{
    /// <summary>Reads a command.</summary>
    /// <param name="words">Its words, without the client's name.</param>
    /// <returns>The request, or what is wrong and what is accepted.</returns>
    public UserCommand Read(IReadOnlyList<string> words)
    {
        ArgumentNullException.ThrowIfNull(words);
        UserCommandShape? shape = words.Count == 0 ? null : Array.Find(commands, command => command.Name == words[0]);
        if (shape is null)
        {
            string found = words.Count == 0 ? "no command" : $"no command '{words[0]}'";
            return UserCommand.Refuse($"{found}, accepted: {string.Join(", ", commands.Select(static command => command.Name))}");
        }

        return shape.Read([.. words.Skip(1)]) ?? UserCommand.Refuse($"expected '{shape.Name} {shape.Arguments}'".Replace(" '", "'", StringComparison.Ordinal));
    }

    /// <summary>Reads a number: decimal, hexadecimal with 0x, or decimal with one of the suffixes k, m, g (times 1024, 1024^2, 1024^3).</summary>
    /// <param name="word">The word.</param>
    /// <param name="number">The number.</param>
    /// <returns>False when it is none, or does not fit into 64 bits.</returns>
    public static bool TryReadNumber(string word, out ulong number)
    {
        ArgumentNullException.ThrowIfNull(word);
        if (word.StartsWith("0x", StringComparison.Ordinal))
        {
            return ulong.TryParse(word.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number);
        }

        int shift = word.Length == 0 ? 0 : char.ToLowerInvariant(word[^1]) switch { 'k' => 10, 'm' => 20, 'g' => 30, _ => 0 };
        bool isNumber = ulong.TryParse(word.AsSpan(0, word.Length - (shift == 0 ? 0 : 1)), NumberStyles.None, CultureInfo.InvariantCulture, out number);
        bool fits = number <= ulong.MaxValue >> shift;
        number <<= shift;
        return isNumber && fits;
    }

    /// <summary>Reads an octal number, as file modes are written.</summary>
    /// <param name="word">The word.</param>
    /// <param name="mode">The number.</param>
    /// <returns>False when it is none, or larger than 177777.</returns>
    public static bool TryReadOctal(string word, out ulong mode)
    {
        ArgumentNullException.ThrowIfNull(word);
        mode = 0;
        foreach (char digit in word)
        {
            if (digit is < '0' or > '7' || mode > 0xFFFF)
            {
                return false;
            }

            mode = (mode << 3) | (uint)(digit - '0');
        }

        return word.Length > 0 && mode <= 0xFFFF;
    }
}
