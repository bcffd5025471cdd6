using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Postgres;

namespace KhoActors.Nodes.Tests.History.Postgres;

/// <summary>Addresses of PostgreSQL are read strictly, and their passwords are shown nowhere.</summary>
public sealed class PostgresAddressTests
{
    [Theory]
    [InlineData("postgres://host/kho", "host", 5432, null, null, "kho", null)]
    [InlineData("postgresql://me@host:6543/kho", "host", 6543, "me", null, "kho", null)]
    [InlineData("postgres://me:secret@127.0.0.1/kho?sslmode=verify-full", "127.0.0.1", 5432, "me", "secret", "kho", "verify-full")]
    [InlineData("postgres://me:@host/kho", "host", 5432, "me", "", "kho", null)]
    [InlineData("postgres://a%40b:s%3ac%2Fr%40t%20%25%3f%23@[::1]:1/my%2fkho", "::1", 1, "a@b", "s:c/r@t %?#", "my/kho", null)]
    [InlineData("postgres://me@%2Fvar%2Frun%2Fpostgresql/kho", "/var/run/postgresql", 5432, "me", null, "kho", null)]
    [InlineData("postgres://h/%C3%A9", "h", 5432, null, null, "\u00e9", null)]
    public void An_address_is_taken_apart(string address, string host, int port, string? user, string? password, string database, string? sslMode)
    {
        PostgresAddress read = PostgresAddress.Parse(address);

        Assert.Equal((host, port, user, password, database, sslMode), (read.Host, read.Port, read.User, read.Password, read.Database, read.SslMode));
        PostgresAddress shown = PostgresAddress.Parse(read.ToString());
        Assert.Equal((host, port, user, null, database, sslMode), (shown.Host, shown.Port, shown.User, shown.Password, shown.Database, shown.SslMode));
        Assert.DoesNotContain("secret", read.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("postgres://", "the host is missing")]
    [InlineData("postgres://host", "the database is missing")]
    [InlineData("postgres://host/", "the database is missing")]
    [InlineData("postgres:///kho", "the host is missing")]
    [InlineData("postgres://:secret@host/kho", "the user before the @ is missing")]
    [InlineData("postgres://@host/kho", "the user before the @ is missing")]
    [InlineData("postgres://me:secret@/kho", "the host is missing")]
    [InlineData("postgres://host:/kho", "the port behind the : is missing")]
    [InlineData("postgres://host:0/kho", "the port is no number")]
    [InlineData("postgres://host:65536/kho", "the port is no number")]
    [InlineData("postgres://host:+1/kho", "the port is no number")]
    [InlineData("postgres://[::1/kho", "has no ]")]
    [InlineData("postgres://[::1]1/kho", "only a port may follow")]
    [InlineData("postgres://host/a/b", "the database has a character")]
    [InlineData("postgres://me:sec@ret@host/kho", "the password has a character")]
    [InlineData("postgres://me:sec:ret@host/kho", "the password has a character")]
    [InlineData("postgres://me:secret @host/kho", "the password has a character")]
    [InlineData("postgres://me:secret%4@host/kho", "a percent sign without two")]
    [InlineData("postgres://me:secret%zz@host/kho", "a percent sign without two")]
    [InlineData("postgres://me:secret%+1@host/kho", "a percent sign without two")]
    [InlineData("postgres://me:secret%ff@host/kho", "the password is no UTF-8")]
    [InlineData("postgres://me:secret%00@host/kho", "the password has control characters")]
    [InlineData("postgres://me:secret#1@host/kho", "a # stands for itself")]
    [InlineData("postgres://me:secret@host/kho?sslmode=never", "only sslmode=MODE is accepted")]
    [InlineData("postgres://me:secret@host/kho?options=-csecret", "only sslmode=MODE is accepted")]
    public void What_is_none_is_refused_without_repeating_it(string address, string why)
    {
        ArgumentException refusal = Assert.Throws<ArgumentException>(() => HistoryStores.Open(address, HistoryAccess.Read));

        Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(PostgresAddress.Form, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("sec", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sqlite:./a:b@c.db", "sqlite:./a:b@c.db")]
    [InlineData("postgres://host:1/kho", "postgres://host:1/kho")]
    [InlineData("postgres://me@host/kho", "postgres://me@host/kho")]
    [InlineData("postgres://me:secret@host/kho", "postgres://me@host/kho")]
    [InlineData("postgres://me:sec@ret@host/kho", "postgres://me@host/kho")]
    [InlineData("postgers://me:secret@host/kho", "postgers://me@host/kho")]
    public void A_password_is_left_out_of_whatever_is_shown(string address, string shown) => Assert.Equal(shown, HistoryStores.WithoutPassword(address));
}
