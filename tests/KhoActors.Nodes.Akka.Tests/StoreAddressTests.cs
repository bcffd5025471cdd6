using KhoActors.Nodes.Akka.Bootstrap;
using KhoActors.Nodes.Fleet;
using Npgsql;

namespace KhoActors.Nodes.Akka.Tests;

/// <summary>The address of a history is the address of a journal: each part comes through, and no password is shown.</summary>
public sealed class StoreAddressTests
{
    [Theory]
    [InlineData("postgres://host/kho", "host", 5432, null, null, "kho", SslMode.Prefer)]
    [InlineData("postgresql://a%40b:s%3bc%3D%27%22@[::1]:6543/my%2fkho?sslmode=verify-ca", "::1", 6543, "a@b", "s;c='\"", "my/kho", SslMode.VerifyCA)]
    [InlineData("postgres://me:@%2Fvar%2Frun/kho?sslmode=disable", "/var/run", 5432, "me", "", "kho", SslMode.Disable)]
    [InlineData("postgres://me@host/kho?sslmode=verify-full", "host", 5432, "me", null, "kho", SslMode.VerifyFull)]
    public void A_database_of_PostgreSQL_is_connected_to_with_each_part_of_its_address(
        string address, string host, int port, string? user, string? password, string database, SslMode sslMode)
    {
        StoreAddress store = StoreAddress.Parse(address);

        NpgsqlConnectionStringBuilder read = new(store.ConnectionString);
        Assert.StartsWith("PostgreSQL", store.Provider, StringComparison.Ordinal);
        Assert.Equal((host, port, user, database, sslMode), (read.Host, read.Port, read.Username, read.Database, read.SslMode));
        Assert.Equal(password ?? string.Empty, read.Password ?? string.Empty);
    }

    [Theory]
    [InlineData("postgers://me:secret@host/kho", "no journal is kept at 'postgers://me@host/kho'")]
    [InlineData("postgres://me:sec@ret@host/kho", "the password has a character")]
    [InlineData("sqlite:", "no journal is kept at 'sqlite:'")]
    [InlineData("./fleet.db", "no journal is kept at './fleet.db'")]
    public void What_is_none_is_refused_without_its_password(string address, string why)
    {
        EngineException refusal = Assert.Throws<EngineException>(() => StoreAddress.Parse(address));

        Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("sec", refusal.Message, StringComparison.Ordinal);
    }
}
