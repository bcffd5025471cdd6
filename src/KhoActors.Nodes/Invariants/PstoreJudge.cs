using System.Globalization;
using System.Text;
using System.Text.Unicode;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Nodes.Invariants;

/// <summary>
/// Judges pstore's KHO backend, whatever its profile: invariants P1 to P12. It follows the backend's requests to the KHO core, reads records
/// from RAM with <see cref="PstoreRecordReader"/>, and compares what user space is shown.
/// </summary>
internal sealed class PstoreJudge : IClientJudge
{
    private const string SubtreeName = "pstore-kho";
    private const string FirstVersionName = "pstore-v1";
    private const string ReplacesOption = "pstore_kho.shutdown_replaces_oops=";
    private const string StillCompressed = ".enc.z";
    private const uint ReasonShutdown = 4;

    // A record of the log is cut at 1024 bytes with its prefix.
    private const int LimitLineBytes = 1000;
    private readonly Action<string, string> _report;
    private readonly List<Delivery> _requests = [];
    private readonly List<Blob> _allocated = [];
    private readonly List<Blob> _published = [];
    private readonly List<ContentRun> _incomingContent = [];
    private readonly PstoreRecordReader _reader = new();
    private PhysicalMemory _memory = null!;
    private KernelLog _log = null!;
    private Blob _incoming;
    private bool _isHere;
    private bool _isLoaded;
    private bool _isFirstVersion;
    private bool _replacesOops;
    private bool _hasLineToDump;
    private LogLine _lastLine;
    private PstoreRecord _kept;
    private (string? Name, ulong Bytes, ulong Seconds)? _shown;

    /// <summary>A judge that knows nothing.</summary>
    /// <param name="report">Receives violations: invariant, detail.</param>
    public PstoreJudge(Action<string, string> report) => _report = report;

    private readonly record struct Blob(ulong Phys, ulong SizeBytes)
    {
        private ulong EndOfFolio => Phys + ((ulong)PageGeometry.SizeBytes << PageGeometry.OrderOf(SizeBytes));

        public bool Overlaps(in Blob other) => SizeBytes != 0 && other.SizeBytes != 0 && Phys < other.EndOfFolio && other.Phys < EndOfFolio;
    }

    /// <inheritdoc/>
    public void Begin(BootFacts facts, PhysicalMemory memory, KernelLog log)
    {
        _isHere = false;
        foreach (string client in facts.Clients)
        {
            _isHere |= client.StartsWith("pstore", StringComparison.Ordinal);
        }

        if (!_isHere)
        {
            return;
        }

        _memory = memory;
        _log = log;
        _isFirstVersion = facts.Clients.Contains(FirstVersionName);
        _replacesOops = facts.CommandLine.Contains(ReplacesOption, StringComparison.Ordinal);
        _reader.Begin(memory, facts.LogBufShift, _isFirstVersion);
        _requests.Clear();
        _allocated.Clear();
        _published.Clear();
        _incomingContent.Clear();
        _incoming = default;
        _isLoaded = false;
        _kept = default;
        _shown = null;
    }

    /// <inheritdoc/>
    public void Delivered(in Delivery delivery)
    {
        // What pstore sends itself is a timer.
        if (!_isHere || delivery.From == delivery.To || (delivery.From != PstoreProtocol.Actor && delivery.To != PstoreProtocol.Actor))
        {
            return;
        }

        if (!delivery.Message.Kind.IsReply)
        {
            _requests.Add(delivery);
            Requested(delivery.Message);
            return;
        }

        for (int i = 0; i < _requests.Count; i++)
        {
            Delivery request = _requests[i];
            if (request.From == delivery.To && request.To == delivery.From && request.Correlation == delivery.Correlation
                && request.Message.Kind.Reply == delivery.Message.Kind)
            {
                _requests.RemoveAt(i);
                Answered(request.Message, delivery.Message);
                return;
            }
        }
    }

    /// <inheritdoc/>
    public void AtJump(bool handedOver)
    {
        if (!_isHere)
        {
            return;
        }

        foreach (ContentRun run in _incomingContent)
        {
            if (!ContentImage.Holds(_memory, run, out ulong badPfn))
            {
                _report(InvariantCatalog.PstoreIncomingUnchanged, $"page 0x{badPfn:x} of the record that came in at 0x{_incoming.Phys:x} changed");
            }
        }

        if (_isLoaded && handedOver && JudgePublished())
        {
            JudgeKept(_reader.Read(_published[0].Phys));
        }
    }

    private void Requested(in Message message)
    {
        switch (message.Kind.Value)
        {
            case KhoProtocol.RemoveSubtree:
                Remove(_published, message.A);
                return;
            case KhoProtocol.UnpreserveFree:
                Remove(_allocated, message.A);
                return;
            case KhoProtocol.RestoreFolio when !_isFirstVersion && new Blob(message.A, 1).Overlaps(_incoming):
                _report(InvariantCatalog.PstoreIncomingUnchanged, $"the record that came in at 0x{_incoming.Phys:x} is restored, so that it can be freed");
                return;
        }

        if (message.Kind == MessageKind.Of(PstoreProtocol.Actor, ClientProtocol.KmsgDump))
        {
            _hasLineToDump = _log.Lines.Count > _log.ClearedLines;
            _lastLine = _hasLineToDump ? _log.Lines[^1] : default;
        }
        else if (message.Kind == MessageKind.Of(PstoreProtocol.Actor, ClientProtocol.Exit))
        {
            _isLoaded = false;
        }
    }

    private void Answered(in Message request, in Message reply)
    {
        KernelResult result = KernelResult.From(reply);
        switch (request.Kind.Value)
        {
            case KhoProtocol.AllocPreserve when result.Succeeded:
                Allocated(new Blob(result.Value, request.A));
                return;
            case KhoProtocol.PreserveFolio when result.Succeeded:
                Allocated(new Blob(PageGeometry.PhysOf(request.A), (ulong)PageGeometry.SizeBytes << (int)request.B));
                return;
            case KhoProtocol.AddSubtree when result.Succeeded && request.Text == SubtreeName:
                _published.Add(new Blob(request.A, request.B));
                return;
            case KhoProtocol.RetrieveSubtree when result.Succeeded:
                Retrieved(new Blob(result.Value, result.Extra));
                return;
        }

        if (request.Kind.Value >> 8 != PstoreProtocol.Actor.Value)
        {
            return;
        }

        switch (ClientProtocol.NumberOf(request.Kind))
        {
            case ClientProtocol.Init:
                Started(result);
                break;
            case ClientProtocol.KmsgDump when _isLoaded && JudgePublished():
                Dumped(_published[0].Phys);
                break;
            case PstoreProtocol.List when result.Succeeded:
                Listed(reply.Text, result);
                break;
            case PstoreProtocol.Read when result.Succeeded && _isLoaded:
                JudgeFile(request.Text!, reply.Text);
                break;
        }
    }

    /// <summary>P4 and P6.</summary>
    private void Allocated(Blob blob)
    {
        _allocated.Add(blob);
        if (blob.Overlaps(_incoming))
        {
            _report(
                InvariantCatalog.PstoreBlobsDisjoint,
                $"0x{blob.Phys:x}+0x{blob.SizeBytes:x} is preserved and overlaps what came in, 0x{_incoming.Phys:x}+0x{_incoming.SizeBytes:x}");
        }
    }

    private void Retrieved(Blob blob)
    {
        if (_incoming.Phys == blob.Phys)
        {
            return;
        }

        // Without a size in the ABI the first page is what is known to be the blob's.
        ulong bytes = blob.SizeBytes != 0 ? blob.SizeBytes : PageGeometry.SizeBytes;
        _incoming = blob with { SizeBytes = bytes };
        ulong first = PageGeometry.PfnOf(blob.Phys);
        ContentImage.Capture(_memory, first, PageGeometry.PfnOf(PageGeometry.AlignUp(blob.Phys + bytes)) - first, _incomingContent);
    }

    /// <summary>P8 and P11.</summary>
    private void Started(KernelResult result)
    {
        _isLoaded = result.Code == 0;
        _kept = default;
        if (!_isLoaded && (_allocated.Count != 0 || _published.Count != 0))
        {
            _report(
                InvariantCatalog.PstoreInitUndone,
                $"init failed with {Errno.Symbol(result.Code)}, and left {_allocated.Count} allocations and {_published.Count} sub-blobs");
        }
        else if (_isLoaded && JudgePublished() && !_reader.IsEmpty(_published[0].Phys))
        {
            _report(InvariantCatalog.PstoreReload, $"the blob at 0x{_published[0].Phys:x} is not empty when the module has just started");
        }
    }

    /// <summary>P1 and P2.</summary>
    private bool JudgePublished()
    {
        if (_published.Count != 1 || _allocated.Count != _reader.FoliosExpected || !_allocated.Exists(blob => blob.Phys == _published[0].Phys))
        {
            _report(
                InvariantCatalog.PstorePublished,
                $"{_published.Count} sub-blobs and {_allocated.Count} preserved folios, expected 1 and {_reader.FoliosExpected}, the one in the other");
            return false;
        }

        if (_reader.Unsound(_published[0].Phys) is { } problem)
        {
            _report(InvariantCatalog.PstoreRecordSound, $"the record of the blob at 0x{_published[0].Phys:x}: {problem}");
            return false;
        }

        return true;
    }

    /// <summary>P3. The parameter of the hardened profile lets a shutdown take the place of an oops.</summary>
    private void JudgeKept(in PstoreRecord record)
    {
        bool isReplaced = _replacesOops && record.Reason == ReasonShutdown && _kept.Reason != ReasonShutdown;
        if (_kept.SizeBytes != 0 && record != _kept && !isReplaced)
        {
            _report(InvariantCatalog.PstoreRecordKept, $"the record changed from {_kept} to {record}");
        }
    }

    /// <summary>P3, P9, P10.</summary>
    private void Dumped(ulong blob)
    {
        PstoreRecord record = _reader.Read(blob);
        JudgeKept(record);
        bool isNew = record != _kept && record.SizeBytes != 0;
        _kept = record;
        if (!isNew)
        {
            return;
        }

        if (!_reader.TryReadText(blob, record, out ReadOnlySpan<byte> text))
        {
            _report(InvariantCatalog.PstoreHeader, "the record cannot be inflated");
            return;
        }

        Span<byte> header = stackalloc byte[64];
        Utf8.TryWrite(header, CultureInfo.InvariantCulture, $"{HeaderName(record.Reason)}#{record.Count} Part{record.Part}\n", out int length);
        header = header[..length];
        if (!text.StartsWith(header))
        {
            _report(
                InvariantCatalog.PstoreHeader,
                $"the record begins '{Shown(text[..Math.Min(text.Length, length)])}', expected '{Shown(header)}'");
        }
        else if (_hasLineToDump && !_reader.FellBack(record))
        {
            JudgeLastLine(text[length..]);
        }
    }

    private void JudgeLastLine(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<char> line = _lastLine.Text.AsSpan().TrimEnd('\n');
        bool hasManyLines = line.Contains('\n');
        line = line[(line.LastIndexOf('\n') + 1)..];
        if (Encoding.UTF8.GetByteCount(_lastLine.Text) > LimitLineBytes || (text.IsEmpty && hasManyLines))
        {
            return;
        }

        Span<byte> expected = stackalloc byte[LimitLineBytes + 1];
        int bytes = Encoding.UTF8.GetBytes(line, expected);
        expected[bytes++] = (byte)'\n';
        if (!text.EndsWith(expected[..bytes]))
        {
            _report(InvariantCatalog.PstoreLastLine, $"the record ends '{Shown(text[Math.Max(0, text.Length - 60)..])}', the last line was '{line}'");
        }
    }

    /// <summary>P7 and P12: every mount shows the same.</summary>
    private void Listed(string? name, KernelResult result)
    {
        if (result.Value == 0)
        {
            _report(InvariantCatalog.PstoreNoEmptyFile, $"file '{name}' is empty");
        }

        (string? Name, ulong Bytes, ulong Seconds) shown = (name, result.Value, result.Extra);
        if (_shown is { } before && before != shown)
        {
            _report(InvariantCatalog.PstoreReadingIdempotent, $"the file was {before} and is {shown} now");
        }

        _shown = shown;
    }

    /// <summary>P7: the file is what came in, whenever it is read.</summary>
    private void JudgeFile(string name, string? content)
    {
        if (_incoming.SizeBytes == 0 || content is null)
        {
            return;
        }

        PstoreRecord record = _reader.Read(_incoming.Phys);
        bool isRaw = name.EndsWith(StillCompressed, StringComparison.Ordinal);
        ReadOnlySpan<byte> expected = _reader.Data(_incoming.Phys, record);
        bool isReadable = isRaw || _reader.TryReadText(_incoming.Phys, record, out expected);
        if (!isReadable || !IsSame(expected, content))
        {
            _report(InvariantCatalog.PstoreReadingIdempotent, $"file '{name}' of {content.Length} bytes is not the record, of {expected.Length}");
        }
    }

    private static bool IsSame(ReadOnlySpan<byte> bytes, string characters)
    {
        bool isSame = bytes.Length == characters.Length;
        for (int i = 0; isSame && i < bytes.Length; i++)
        {
            isSame = bytes[i] == characters[i];
        }

        return isSame;
    }

    private static string Shown(ReadOnlySpan<byte> text) => Encoding.Latin1.GetString(text).TrimEnd();

    private static string HeaderName(uint reason) => reason switch
    {
        1 => "Panic",
        2 => "Oops",
        3 => "Emergency",
        _ => "Shutdown",
    };

    private static void Remove(List<Blob> blobs, ulong phys)
    {
        int i = blobs.FindIndex(blob => blob.Phys == phys);
        if (i >= 0)
        {
            blobs.RemoveAt(i);
        }
    }
}
