using System.Buffers.Binary;
using System.Globalization;
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
    private readonly Action<string, string> _report;
    private readonly List<Delivery> _requests = [];
    private readonly List<Blob> _allocated = [];
    private readonly List<Blob> _published = [];
    private readonly List<ContentRun> _incomingContent = [];
    private readonly List<string> _shown = [];
    private PhysicalMemory _memory = null!;
    private KernelLog _log = null!;
    private PstoreRecordReader _reader;
    private Blob _incoming;
    private bool _isHere;
    private bool _isLoaded;
    private bool _isListing;
    private int _linesAtDump;
    private PstoreRecord _recordAtDump;
    private PstoreRecord _kept;

    /// <summary>A judge that knows nothing.</summary>
    /// <param name="report">Receives violations: invariant, detail.</param>
    public PstoreJudge(Action<string, string> report) => _report = report;

    private readonly record struct Blob(ulong Phys, ulong SizeBytes)
    {
        public ulong EndOfFolio => Phys + ((ulong)PageGeometry.SizeBytes << PageGeometry.OrderOf(SizeBytes));
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
        _reader = new PstoreRecordReader(memory, facts.LogBufShift, isFirstVersion: facts.Clients.Contains("pstore-v1"));
        _requests.Clear();
        _allocated.Clear();
        _published.Clear();
        _incomingContent.Clear();
        _shown.Clear();
        _incoming = default;
        _isLoaded = false;
        _isListing = false;
        _kept = default;
    }

    /// <inheritdoc/>
    public void Delivered(in Delivery delivery)
    {
        if (!_isHere || (delivery.From != PstoreProtocol.Actor && delivery.To != PstoreProtocol.Actor))
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

        if (_isLoaded && handedOver)
        {
            JudgePublished();
        }
    }

    private void Requested(in Message message)
    {
        if (message.Kind == MessageKind.Of(PstoreProtocol.Actor, ClientProtocol.KmsgDump))
        {
            _linesAtDump = _log.Lines.Count;
            _recordAtDump = _published.Count == 1 ? _reader.Read(_published[0].Phys) : default;
        }
        else if (message.Kind.Value == KhoProtocol.RemoveSubtree)
        {
            Remove(_published, message.A);
        }
        else if (message.Kind.Value == KhoProtocol.UnpreserveFree)
        {
            Remove(_allocated, message.A);
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
            case ClientProtocol.Exit:
                _isLoaded = false;
                break;
            case ClientProtocol.KmsgDump:
                Dumped();
                break;
            case PstoreProtocol.List:
                Listed(request.A, result, reply.Text);
                break;
        }
    }

    private void Allocated(Blob blob)
    {
        _allocated.Add(blob);
        if (_incoming.Phys != 0 && blob.Phys < _incoming.EndOfFolio && _incoming.Phys < blob.EndOfFolio)
        {
            _report(
                InvariantCatalog.PstoreBlobsDisjoint,
                $"the new blob at 0x{blob.Phys:x}+0x{blob.SizeBytes:x} overlaps the one that came in, 0x{_incoming.Phys:x}+0x{_incoming.SizeBytes:x}");
        }
    }

    private void Retrieved(Blob blob)
    {
        if (_incoming.Phys == blob.Phys)
        {
            return;
        }

        // Without a size in the ABI the record's own size says how much of the folio matters.
        ulong bytes = blob.SizeBytes != 0 ? blob.SizeBytes : PageGeometry.SizeBytes;
        _incoming = blob with { SizeBytes = bytes };
        ulong first = PageGeometry.PfnOf(blob.Phys);
        ContentImage.Capture(_memory, first, PageGeometry.PfnOf(PageGeometry.AlignUp(blob.Phys + bytes)) - first, _incomingContent);
    }

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
        if (_published.Count != 1 || _allocated.Count != _reader.FoliosExpected)
        {
            _report(
                InvariantCatalog.PstorePublished,
                $"{_published.Count} sub-blobs '{SubtreeName}' and {_allocated.Count} folios, expected 1 and {_reader.FoliosExpected}");
            return false;
        }

        bool found = false;
        foreach (Blob blob in _allocated)
        {
            found |= blob.Phys == _published[0].Phys;
        }

        if (!found)
        {
            _report(InvariantCatalog.PstorePublished, $"the sub-blob at 0x{_published[0].Phys:x} is not in a preserved folio of pstore");
            return false;
        }

        if (_reader.Unsound(_published[0].Phys) is { } problem)
        {
            _report(InvariantCatalog.PstoreRecordSound, $"the record of the blob at 0x{_published[0].Phys:x}: {problem}");
        }

        return true;
    }

    private void Dumped()
    {
        if (!_isLoaded || !JudgePublished())
        {
            return;
        }

        PstoreRecord record = _reader.Read(_published[0].Phys);
        if (_kept.SizeBytes != 0 && record != _kept)
        {
            _report(InvariantCatalog.PstoreRecordKept, $"the record changed from {_kept} to {record}");
        }

        _kept = record;
        if (_recordAtDump.SizeBytes != 0 || record.SizeBytes == 0 || _reader.Text(_published[0].Phys, record) is not { } text)
        {
            return;
        }

        string header = string.Create(CultureInfo.InvariantCulture, $"{HeaderName(record.Reason)}#{record.Count} Part{record.Part}\n");
        if (!text.StartsWith(header, StringComparison.Ordinal))
        {
            _report(InvariantCatalog.PstoreHeader, $"the record begins '{text[..Math.Min(text.Length, 32)]}', expected '{header.TrimEnd()}'");
        }

        // With nothing but a header the last line did not fit, or the log had been cleared.
        if (text.Length > header.Length && _linesAtDump > _log.ClearedLines
            && !text.EndsWith($"{_log.Lines[_linesAtDump - 1].Text}\n", StringComparison.Ordinal))
        {
            _report(
                InvariantCatalog.PstoreLastLine,
                $"the record ends '{text[Math.Max(0, text.Length - 60)..].TrimEnd()}', the last line was '{_log.Lines[_linesAtDump - 1].Text}'");
        }
    }

    /// <summary>P7 and P12: every mount shows the same.</summary>
    private void Listed(ulong position, KernelResult result, string? name)
    {
        if (!_isLoaded || (position != 0 && !_isListing))
        {
            return;
        }

        string shown = result.Succeeded ? string.Create(CultureInfo.InvariantCulture, $"{name} {result.Value} {result.Extra}") : string.Empty;
        _isListing = position == 0 || result.Succeeded;
        if (result.Succeeded && result.Value == 0)
        {
            _report(InvariantCatalog.PstoreNoEmptyFile, $"file '{name}' is empty");
        }

        if (result.Succeeded && (int)position == _shown.Count)
        {
            _shown.Add(shown);
        }
        else if (result.Succeeded && (int)position < _shown.Count && _shown[(int)position] != shown)
        {
            _report(InvariantCatalog.PstoreReadingIdempotent, $"file {position} was '{_shown[(int)position]}' and is '{shown}' now");
        }
    }

    private static string HeaderName(uint reason) => reason switch
    {
        1 => "Panic",
        2 => "Oops",
        3 => "Emergency",
        4 => "Shutdown",
        _ => "Unknown",
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
