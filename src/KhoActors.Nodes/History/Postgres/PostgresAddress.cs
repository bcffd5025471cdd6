using System.Globalization;
using System.Text;

namespace KhoActors.Nodes.History.Postgres;

/// <summary>
/// The address of a PostgreSQL database: <c>postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE[?sslmode=MODE]</c>. Each part may be written
/// with percent signs, and must be where it has one of <c>% @ : / ? #</c>. Shown without its password.
/// </summary>
public sealed class PostgresAddress
{
    /// <summary>The form that <see cref="Parse"/> accepts.</summary>
    public const string Form = "postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE";

    /// <summary>The port of PostgreSQL when none is named.</summary>
    public const int DefaultPort = 5432;

    private const string SslModeKey = "sslmode=";
    private const string Separators = "@/?";
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly string[] Schemes = ["postgres://", "postgresql://"];
    private static readonly string[] SslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

    private readonly string _shown;

    private PostgresAddress(string shown) => _shown = shown;

    /// <summary>Name or number of the computer; a folder's full path means the Unix socket in it.</summary>
    public required string Host { get; init; }

    /// <summary>The port, 1 to 65535.</summary>
    public required int Port { get; init; }

    /// <summary>The user; null for the default of the system.</summary>
    public required string? User { get; init; }

    /// <summary>The password; null for none, or for that of <c>PGPASSWORD</c> or the password file.</summary>
    public required string? Password { get; init; }

    /// <summary>The database.</summary>
    public required string Database { get; init; }

    /// <summary>Whether and how the connection is encrypted, in libpq's words; null for the default.</summary>
    public required string? SslMode { get; init; }

    /// <summary>Whether an address is meant to be one of PostgreSQL, well-formed or not.</summary>
    /// <param name="address">Any address.</param>
    /// <returns>Whether it is.</returns>
    public static bool IsMeant(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return SchemeOf(address) is not null;
    }

    /// <summary>Reads an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>Its parts.</returns>
    /// <exception cref="ArgumentException">It is none; the message does not repeat it, for it may hold a password.</exception>
    public static PostgresAddress Parse(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        string rest = address[(SchemeOf(address) ?? throw Refuse("it does not begin with postgres://")).Length..];
        if (rest.Contains('#', StringComparison.Ordinal))
        {
            throw Refuse("a # stands for itself only when it is written %23");
        }

        (string path, string query) = Split(rest, '?');
        (string authority, string database) = Split(path, '/');
        int at = authority.LastIndexOf('@');
        (string user, string password) = Split(at < 0 ? string.Empty : authority[..at], ':');
        (string host, string port) = SplitHost(authority[(at + 1)..]);
        bool hasPassword = at >= 0 && authority.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon && colon < at;
        if (at >= 0 && user.Length == 0)
        {
            throw Refuse("the user before the @ is missing");
        }

        string before = at >= 0 ? $"{user}@" : string.Empty;
        string behind = query.Length != 0 ? $"?{query}" : string.Empty;
        return new PostgresAddress($"postgres://{before}{authority[(at + 1)..]}/{database}{behind}")
        {
            Host = Decode(host, "host"),
            Port = port.Length == 0 ? DefaultPort : PortOf(port),
            User = at >= 0 ? Decode(user, "user") : null,
            Password = hasPassword ? DecodePassword(password) : null,
            Database = Decode(database, "database"),
            SslMode = query.Length == 0 ? null : SslModeOf(query),
        };
    }

    /// <summary>An address of any kind without a password that it may have, as it is shown.</summary>
    /// <param name="address">The address, well-formed or not.</param>
    /// <returns>The same without what is between the user and the last @.</returns>
    public static string WithoutPassword(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        const string Mark = "://";
        int scheme = address.IndexOf(Mark, StringComparison.Ordinal);
        int at = address.LastIndexOf('@');
        int colon = scheme < 0 ? -1 : address.IndexOf(':', scheme + Mark.Length);
        return colon >= 0 && colon < at ? $"{address[..colon]}{address[at..]}" : address;
    }

    /// <summary>The address without its password.</summary>
    /// <returns>One that <see cref="Parse"/> accepts.</returns>
    public override string ToString() => _shown;

    private static string? SchemeOf(string address) => Array.Find(Schemes, scheme => address.StartsWith(scheme, StringComparison.Ordinal));

    private static (string Before, string After) Split(string text, char separator) =>
        text.IndexOf(separator, StringComparison.Ordinal) is >= 0 and var at ? (text[..at], text[(at + 1)..]) : (text, string.Empty);

    /// <summary>Numbers of IPv6 stand in brackets, for they have colons of their own.</summary>
    private static (string Host, string Port) SplitHost(string text)
    {
        if (!text.StartsWith('['))
        {
            (string host, string port) = Split(text, ':');
            return text.EndsWith(':') ? throw Refuse("the port behind the : is missing") : (host, port);
        }

        int end = text.IndexOf(']', StringComparison.Ordinal);
        string behind = end < 0 ? throw Refuse("the host begins with [ and has no ]") : text[(end + 1)..];
        return behind.Length == 0 ? (text[1..end], string.Empty)
            : behind.Length > 1 && behind[0] == ':' ? (text[1..end], behind[1..])
            : throw Refuse("behind the ] of the host only a port may follow");
    }

    private static int PortOf(string port) =>
        int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is > 0 and <= ushort.MaxValue
            ? number
            : throw Refuse("the port is no number from 1 to 65535");

    private static string SslModeOf(string query) =>
        query.StartsWith(SslModeKey, StringComparison.Ordinal) && SslModes.Contains(query[SslModeKey.Length..], StringComparer.Ordinal)
            ? query[SslModeKey.Length..]
            : throw Refuse($"behind the ? only {SslModeKey}MODE is accepted, with {string.Join(", ", SslModes)}");

    private static string DecodePassword(string password) => password.Length == 0 ? string.Empty : Decode(password, "password");

    private static string Decode(string part, string what)
    {
        if (part.Length == 0)
        {
            throw Refuse($"the {what} is missing");
        }

        using MemoryStream bytes = new();
        for (int i = 0; i < part.Length; i++)
        {
            if (part[i] == '%')
            {
                bytes.WriteByte(HexAt(part, i + 1, what));
                i += 2;
            }
            else if (part[i] <= ' ' || Separators.Contains(part[i], StringComparison.Ordinal) || (part[i] == ':' && what != "host"))
            {
                // What separates parts stands for itself only with a percent sign; the colons of a host in brackets were judged before.
                throw Refuse($"the {what} has a character that must be written with a percent sign");
            }
            else
            {
                bytes.Write(Encoding.UTF8.GetBytes([part[i]]));
            }
        }

        return Printable(bytes.ToArray(), what);
    }

    private static byte HexAt(string part, int at, string what) =>
        at + 2 <= part.Length && byte.TryParse(part.AsSpan(at, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value)
            ? value
            : throw Refuse($"the {what} has a percent sign without two hexadecimal digits");

    private static string Printable(byte[] bytes, string what)
    {
        try
        {
            string text = StrictUtf8.GetString(bytes);
            return text.Any(char.IsControl) ? throw Refuse($"the {what} has control characters") : text;
        }
        catch (DecoderFallbackException)
        {
            throw Refuse($"the {what} is no UTF-8");
        }
    }

    private static ArgumentException Refuse(string why) => new($"no address of a PostgreSQL database: {why}; the form is {Form}");
}
