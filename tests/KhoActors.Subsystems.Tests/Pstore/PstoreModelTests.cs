using System.Globalization;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Subsystems.Tests.Pstore;

/// <summary>
/// Random lives of a machine against a simple model of log and parts: lines, clears, oopses, jumps that come back, mounts, reloads, kexecs into
/// kernels of other shifts and parameters, power cycles.
/// </summary>
public class PstoreModelTests
{
    private const int Sequences = 150;
    private const int StepsPerSequence = 60;

    [Fact]
    public void Every_file_is_what_the_model_says()
    {
        int files = 0;
        int compressedFiles = 0;
        for (ulong seed = 1; seed <= Sequences; seed++)
        {
            Life life = new(seed);
            for (int step = 0; step < StepsPerSequence; step++)
            {
                life.Step();
            }

            files += life.FilesSeen;
            compressedFiles += life.CompressedFilesSeen;
        }

        Assert.True(files > Sequences, "the test must see files");
        Assert.True(compressedFiles > 0, "the test must see files that cannot be inflated");
    }

    /// <summary>One machine and its model.</summary>
    private sealed class Life
    {
        private readonly SplitMix64 _random;
        private readonly string _name;
        private readonly PstoreBench _bench = new();
        private Kernel _kernel;
        private Record? _incoming;
        private Record? _slot;
        private bool _mounted;
        private bool _loaded;
        private int _dumps;

        public Life(ulong seed)
        {
            _random = new SplitMix64(seed);
            _name = $"seed {seed}";
            Boot();
        }

        public int FilesSeen { get; private set; }

        public int CompressedFilesSeen { get; private set; }

        public void Step()
        {
            switch (_random.Below(12))
            {
                case 0 or 1 or 2 or 3:
                    Print((int)_random.Below(120));
                    break;
                case 4 when _random.Below(3) == 0:
                    _bench.Log.ClearForReaders();
                    break;
                case 5:
                    Dump(KmsgDumpReason.Oops);
                    break;
                case 6:
                    Dump((KmsgDumpReason)_random.Below(5));
                    break;
                case 7:
                    Mount();
                    break;
                case 8:
                    Reload();
                    break;
                case 9 or 10:
                    Kexec();
                    break;
                case 11 when _random.Below(4) == 0:
                    _bench.PowerOff();
                    _incoming = null;
                    Boot();
                    break;
                default:
                    CheckFile();
                    break;
            }
        }

        private void Print(int lines)
        {
            for (int i = 0; i < lines; i++)
            {
                _bench.NowTicks += 1000 + _random.Below(1_000_000_000);
                int words = (int)_random.Below(_random.Below(20) == 0 ? 90UL : 8UL);
                string text = string.Join(' ', Enumerable.Range(0, words).Select(_ => _random.Below(100_000).ToString("x", CultureInfo.InvariantCulture)));
                _bench.Log.Write((LogLevel)_random.Below(8), _random.Below(30) == 0 ? text + "\nnext line" : text, (byte)_random.Below(3));
            }
        }

        private void Dump(KmsgDumpReason reason)
        {
            Record? record = _loaded && _kernel.KmsgBytes > 0 ? Model(reason) : null;
            _dumps += _loaded ? 1 : 0;
            _bench.Dump(reason);
            _slot ??= record;
        }

        /// <summary>What a dump stores: its first part, or nothing when there is no line.</summary>
        private Record? Model(KmsgDumpReason reason)
        {
            int capacity = 1 << _kernel.Shift;
            int room = _kernel.Compresses ? capacity * 100 / 60 : capacity;
            string header = $"{(reason == 0 ? "Unknown" : reason.ToString())}#{_dumps + 1} Part1\n";
            List<string> lines = Stored();
            if (lines.Count == 0)
            {
                return null;
            }

            int left = room - header.Length - 1;
            int first = lines.Count;
            while (first > 0 && lines[first - 1].Length <= left)
            {
                left -= lines[--first].Length;
            }

            string text = header + string.Concat(lines.Skip(first));
            return new Record(text, _kernel.Compresses, capacity, ClientKernel.FirstPowerOnSeconds + (long)(_bench.NowTicks / 1_000_000_000), (int)reason);
        }

        /// <summary>The lines that the ring still holds since the last clear, as they are shown.</summary>
        private List<string> Stored()
        {
            ByteRing ring = new(1 << _kernel.RingShift);
            IReadOnlyList<LogLine> all = _bench.Log.Lines;
            for (int i = 0; i < all.Count; i++)
            {
                ring.Write(i, all[i].Text, all[i].Facility);
            }

            List<string> shown = [];
            for (int i = Math.Max(all.Count == 0 ? 0 : ring.Oldest, _bench.Log.ClearedLines); i < all.Count; i++)
            {
                decimal seconds = Math.Floor(all[i].Ticks / 1000m) / 1_000_000m;
                string prefix = $"<{(all[i].Facility * 8) + (int)all[i].Level}>[{seconds.ToString("0.000000", CultureInfo.InvariantCulture),12}] ";
                shown.Add(string.Concat(all[i].Text.Split('\n').Select(part => prefix + part + "\n")));
            }

            return shown;
        }

        private void Mount()
        {
            if (_mounted && _random.Below(2) == 0)
            {
                Assert.Equal(0, _bench.Own(PstoreProtocol.Unmount).Code);
                _mounted = false;
            }
            else
            {
                Assert.Equal(_mounted ? -Errno.EBUSY : 0, _bench.Mount().Code);
                _mounted = true;
            }

            CheckFile();
        }

        private void Reload()
        {
            if (_loaded)
            {
                Assert.Equal(0, _bench.Exit());
                _loaded = false;
                _slot = null;
                CheckFile();
            }

            if (_random.Below(4) != 0)
            {
                Load();
            }
        }

        private void Load()
        {
            Assert.Equal(0, _bench.Init());
            _loaded = true;
            CheckFile();
        }

        private void Kexec()
        {
            _bench.Log.Write(LogLevel.Notice, "kexec_core: Starting new kernel");
            Dump(KmsgDumpReason.Shutdown);
            _bench.HandOver();
            _incoming = _loaded ? _slot : null;
            Boot();
        }

        private void Boot()
        {
            int shift = 12 + (int)_random.Below(3);
            bool bigRing = _random.Below(3) == 0;
            ulong kmsgBytes = _random.Below(8) == 0 ? 0 : 10240UL * (1 + _random.Below(4));
            bool compresses = _random.Below(3) != 0;
            bool hardened = _random.Below(2) == 0;
            _kernel = new Kernel(shift, bigRing ? 16 : shift, compresses, kmsgBytes);
            string commandLine = $"pstore.kmsg_bytes={kmsgBytes}{(compresses ? "" : " pstore.compress=none")}{(bigRing ? " log_buf_len=64K" : "")}";
            _bench.Boot(hardened ? PstoreClients.Hardened : PstoreClients.V2, PstoreBench.Kernel(shift), commandLine);
            _slot = null;
            _mounted = false;
            _loaded = false;
            _dumps = 0;
            if (_random.Below(10) != 0)
            {
                Load();
            }
        }

        private void CheckFile()
        {
            (string Name, string Content, long Mtime)? found = _bench.File();
            if (!_mounted || !_loaded || _incoming is not { } record || IsReasonUnknownToHardened(record))
            {
                Assert.True(found is null || _incoming?.Reason == 0, $"{_name}: a file where there is none");
                return;
            }

            Assert.True(found is not null, $"{_name}: no file");
            FilesSeen++;
            Assert.Equal(record.Seconds, found.Value.Mtime);
            string content = found.Value.Content;
            if (found.Value.Name == "dmesg-kho-0.enc.z")
            {
                CompressedFilesSeen++;
                Assert.True(record.WasCompressed && (!_kernel.Compresses || record.Text.Length > 3 << _kernel.Shift), $"{_name}: could have been inflated");
                content = PstoreFaultTests.Inflated(content);
            }

            // Text that does not compress into the record is cut to its beginning.
            bool isCut = record.WasCompressed && content.Length == record.Capacity && record.Text.Length > record.Capacity;
            Assert.True(
                (isCut ? record.Text[..record.Capacity] : record.Text) == content,
                $"{_name}: expected {record.Text.Length} bytes {Show(record.Text)}, found {content.Length} bytes {Show(content)}");
        }

        private bool IsReasonUnknownToHardened(Record record) =>
            record.Reason == 0 && _bench.Lines.Any(line => line.EndsWith("reason is 0", StringComparison.Ordinal));

        private static string Show(string text) => $"{text[..Math.Min(40, text.Length)]} ... {text[Math.Max(0, text.Length - 40)..]}";

        private readonly record struct Kernel(int Shift, int RingShift, bool Compresses, ulong KmsgBytes);

        private sealed record Record(string Text, bool WasCompressed, int Capacity, long Seconds, int Reason);
    }
}
