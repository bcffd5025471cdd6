using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.History.Postgres;
using Npgsql;
using SQLitePCL;

namespace KhoActors.Tests.Shared;

/// <summary>
/// The tables that Akka.Persistence.Sql 1.5.30 makes, to be filled without Akka as the engine fills them. Linked as source into tests; uses
/// public API only.
/// </summary>
internal abstract class JournalTables : IDisposable
{
    private readonly Dictionary<string, long> _sequences = [];

    /// <summary>The history's address.</summary>
    public abstract string Address { get; }

    /// <summary>Makes empty tables.</summary>
    /// <param name="server">A server for them; null for a SQLite file.</param>
    /// <returns>The tables.</returns>
    public static JournalTables Create(PostgresServer? server = null) => server is null ? new SqliteTables() : new PostgresTables(server.NewDatabase());

    /// <summary>Appends an event, as the actor with that id does.</summary>
    /// <param name="id">The persistence id.</param>
    /// <param name="journalEvent">The event.</param>
    public void Append(string id, JournalEvent journalEvent) =>
        Insert(id, Next(id), JournalCodec.ManifestOf(journalEvent), JournalCodec.Write(journalEvent), JournalCodec.SerializerId);

    /// <summary>Enters a snapshot as of the actor's last event.</summary>
    /// <param name="id">The persistence id.</param>
    /// <param name="snapshot">The snapshot.</param>
    public void AppendSnapshot(string id, JournalEvent snapshot) =>
        InsertSnapshot(id, _sequences.GetValueOrDefault(id), JournalCodec.ManifestOf(snapshot), JournalCodec.Write(snapshot), JournalCodec.SerializerId);

    /// <summary>Enters slices, machine by machine.</summary>
    /// <param name="run">The run.</param>
    /// <param name="slices">The slices of a machine in the order of generations.</param>
    public void Append(int run, IEnumerable<EncodedSlice> slices)
    {
        foreach (EncodedSlice slice in slices)
        {
            SliceRecord record = slice.Record;
            SliceRecorded recorded = new(run, record.Machine, record.FirstGeneration, record.EndGeneration, slice.Encoded);
            Append(JournalNames.Machine(run, record.Machine), recorded);
        }
    }

    /// <summary>Opens the history.</summary>
    /// <returns>The store.</returns>
    public IHistoryStore Open() => HistoryStores.Open(Address, HistoryAccess.Read);

    /// <summary>Enters a row.</summary>
    public abstract void Insert(string id, long sequence, string? manifest, byte[] payload, int? serializer);

    /// <summary>Enters a snapshot's row.</summary>
    public abstract void InsertSnapshot(string id, long sequence, string? manifest, byte[] payload, int? serializer);

    /// <summary>Runs SQL that both kinds understand.</summary>
    public abstract void Execute(string sql);

    public abstract void Dispose();

    private long Next(string id) => _sequences[id] = _sequences.GetValueOrDefault(id) + 1;

    private sealed class SqliteTables : JournalTables
    {
        private const string Definitions =
            """
            PRAGMA journal_mode = WAL;
            CREATE TABLE [snapshot]
            (
                [persistence_id]  NVarChar(255) NOT NULL,
                [sequence_number] BigInt        NOT NULL,
                [created]         BigInt        NOT NULL,
                [snapshot]        VarBinary         NULL,
                [manifest]        NVarChar(500)     NULL,
                [serializer_id]   INTEGER           NULL,

                CONSTRAINT [PK_snapshot] PRIMARY KEY ([persistence_id], [sequence_number])
            );
            CREATE INDEX snapshot_sequence_number_idx ON snapshot (sequence_number);
            CREATE INDEX snapshot_created_idx ON snapshot (created);
            CREATE TABLE [journal]
            (
                [ordering]        INTEGER        NOT NULL PRIMARY KEY AUTOINCREMENT,
                [created]         BigInt         NOT NULL,
                [deleted]         Bit            NOT NULL,
                [persistence_id]  NVarChar(255)  NOT NULL,
                [sequence_number] BigInt         NOT NULL,
                [message]         VarBinary      NOT NULL,
                [manifest]        NVarChar(500)      NULL,
                [identifier]      INTEGER            NULL,
                [writer_uuid]     NVarChar(128)      NULL
            );
            CREATE UNIQUE INDEX journal_uq ON journal (persistence_id, sequence_number);
            CREATE INDEX journal_created_idx ON journal (created);
            CREATE INDEX journal_sequence_number_idx ON journal (sequence_number);
            CREATE TABLE [tags]
            (
                [ordering_id]    INTEGER       NOT NULL,
                [tag]            NVarChar(64)  NOT NULL,
                [sequence_nr]    INTEGER       NOT NULL,
                [persistence_id] NVarChar(255) NOT NULL,

                CONSTRAINT [PK_tags] PRIMARY KEY ([ordering_id], [tag])
            );
            CREATE INDEX tags_persistence_id_sequence_nr_idx ON tags (persistence_id, sequence_nr);
            CREATE INDEX tags_tag_idx ON tags (tag);
            """;

        private readonly string _folder = Directory.CreateTempSubdirectory("kho journal ").FullName;
        private readonly sqlite3 _database;

        public SqliteTables()
        {
            Batteries_V2.Init();
            Check(raw.sqlite3_open(Path.Combine(_folder, "journal.db"), out _database));
            Execute(Definitions);
        }

        public override string Address => $"sqlite:{Path.Combine(_folder, "journal.db")}";

        public override void Insert(string id, long sequence, string? manifest, byte[] payload, int? serializer) => Insert(
            """
            INSERT INTO journal (created, deleted, persistence_id, sequence_number, manifest, message, identifier, writer_uuid)
            VALUES (639307927281616221, 0, ?, ?, ?, ?, ?, '9d884d62c122425ba852b5d370da7aa7')
            """,
            id, sequence, manifest, payload, serializer);

        public override void InsertSnapshot(string id, long sequence, string? manifest, byte[] payload, int? serializer) => Insert(
            "INSERT INTO snapshot (created, persistence_id, sequence_number, manifest, snapshot, serializer_id) VALUES (639307927281616221, ?, ?, ?, ?, ?)",
            id, sequence, manifest, payload, serializer);

        public override void Execute(string sql) => Check(raw.sqlite3_exec(_database, sql));

        public override void Dispose()
        {
            _database.Dispose();
            Directory.Delete(_folder, recursive: true);
        }

        private void Insert(string sql, string id, long sequence, string? manifest, byte[] payload, int? serializer)
        {
            Check(raw.sqlite3_prepare_v2(_database, sql, out sqlite3_stmt insert));
            using (insert)
            {
                Check(raw.sqlite3_bind_text(insert, 1, id));
                Check(raw.sqlite3_bind_int64(insert, 2, sequence));
                Check(manifest is null ? raw.sqlite3_bind_null(insert, 3) : raw.sqlite3_bind_text(insert, 3, manifest));
                Check(payload.Length == 0 ? raw.sqlite3_bind_zeroblob(insert, 4, 0) : raw.sqlite3_bind_blob(insert, 4, payload));
                Check(serializer is { } number ? raw.sqlite3_bind_int(insert, 5, number) : raw.sqlite3_bind_null(insert, 5));
                Assert.Equal(raw.SQLITE_DONE, raw.sqlite3_step(insert));
            }
        }

        private void Check(int code) => Assert.True(code == raw.SQLITE_OK, _database is null ? $"{code}" : raw.sqlite3_errmsg(_database).utf8_to_string());
    }

    private sealed class PostgresTables : JournalTables
    {
        private const string Definitions =
            """
            CREATE TABLE journal (
                ordering bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT "PK_journal" PRIMARY KEY,
                created bigint NOT NULL,
                deleted boolean NOT NULL,
                persistence_id text NOT NULL,
                sequence_number bigint NOT NULL,
                message bytea NOT NULL,
                manifest text,
                identifier integer,
                writer_uuid text,
                CONSTRAINT journal_uq UNIQUE (persistence_id, sequence_number)
            );
            CREATE TABLE snapshot (
                persistence_id text NOT NULL,
                sequence_number bigint NOT NULL,
                created bigint NOT NULL,
                snapshot bytea,
                manifest text,
                serializer_id integer,
                CONSTRAINT "PK_snapshot" PRIMARY KEY (persistence_id, sequence_number)
            );
            CREATE TABLE tags (
                ordering_id bigint NOT NULL,
                tag text NOT NULL,
                sequence_nr bigint NOT NULL,
                persistence_id text NOT NULL,
                CONSTRAINT "PK_tags" PRIMARY KEY (ordering_id, tag)
            );
            CREATE INDEX journal_created_idx ON journal USING btree (created);
            CREATE INDEX journal_sequence_number_idx ON journal USING btree (sequence_number);
            CREATE INDEX snapshot_created_idx ON snapshot USING btree (created);
            CREATE INDEX snapshot_sequence_number_idx ON snapshot USING btree (sequence_number);
            CREATE INDEX tags_persistence_id_sequence_nr_idx ON tags USING btree (persistence_id, sequence_nr);
            CREATE INDEX tags_tag_idx ON tags USING btree (tag);
            """;

        private readonly string _address;
        private readonly NpgsqlConnection _connection;

        public PostgresTables(string address)
        {
            _address = address;
            PostgresAddress read = PostgresAddress.Parse(address);
            _connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder
            {
                Host = read.Host,
                Port = read.Port,
                Database = read.Database,
                Username = read.User,
                Password = read.Password,
                Pooling = false,
            }.ConnectionString);
            _connection.Open();
            Execute(Definitions);
        }

        public override string Address => _address;

        public override void Insert(string id, long sequence, string? manifest, byte[] payload, int? serializer) => Insert(
            """
            INSERT INTO journal (created, deleted, persistence_id, sequence_number, manifest, message, identifier, writer_uuid)
            VALUES (639307927281616221, false, $1, $2, $3, $4, $5, '572f3ae6af27400f9c214a3abaa30124')
            """,
            id, sequence, manifest, payload, serializer);

        public override void InsertSnapshot(string id, long sequence, string? manifest, byte[] payload, int? serializer) => Insert(
            """
            INSERT INTO snapshot (created, persistence_id, sequence_number, manifest, snapshot, serializer_id)
            VALUES (639307927281616221, $1, $2, $3, $4, $5)
            """,
            id, sequence, manifest, payload, serializer);

        public override void Execute(string sql)
        {
            using NpgsqlCommand command = new(sql, _connection);
            command.ExecuteNonQuery();
        }

        public override void Dispose() => _connection.Dispose();

        private void Insert(string sql, params object?[] values)
        {
            using NpgsqlCommand command = new(sql, _connection);
            foreach (object? value in values)
            {
                command.Parameters.Add(new NpgsqlParameter { Value = value ?? DBNull.Value });
            }

            command.ExecuteNonQuery();
        }
    }
}
