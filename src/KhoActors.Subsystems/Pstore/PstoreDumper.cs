using System.Text;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Pstore;

/// <summary>What one dump is made of.</summary>
/// <param name="Reason">Why the kernel dumps.</param>
/// <param name="MayWait">False in NMI context.</param>
/// <param name="KmsgBytes">The dump ends when its records reach this.</param>
/// <param name="Seconds">Real time: seconds since 1970.</param>
/// <param name="Nanoseconds">And nanoseconds.</param>
internal readonly record struct DumpRequest(KmsgDumpReason Reason, bool MayWait, ulong KmsgBytes, long Seconds, uint Nanoseconds);

/// <summary>The dump of the kernel's log into records (pstore_dump, fs/pstore/platform.c).</summary>
/// <param name="log">The kernel's log, for complaints.</param>
/// <param name="printk">The ring buffer that is dumped.</param>
/// <param name="workspace">Buffers.</param>
internal sealed class PstoreDumper(KernelLog log, PrintkBuffer printk, PstoreWorkspace workspace)
{
    private ArraySegment<byte> _buffer;
    private ArraySegment<byte> _bigBuffer;
    private bool _compresses;
    private int _bufferBytes;
    private bool _buffersTaken;
    private bool _locked;
    private bool _errorWasPrinted;

    /// <summary>Dumps of this boot so far (oopscount); a module that is loaded again counts on.</summary>
    public int OopsCount { get; private set; }

    /// <summary>Text that compression may start from: 100/60 of the record's capacity.</summary>
    /// <param name="bufferBytes">The capacity.</param>
    /// <returns>Bytes of the big buffer.</returns>
    public static int BigBufferBytes(int bufferBytes) => (int)((long)bufferBytes * 100 / 60);

    /// <summary>The text of a reason in the header line (kmsg_dump_reason_str).</summary>
    /// <param name="reason">The reason.</param>
    /// <returns>One word.</returns>
    public static string ReasonText(KmsgDumpReason reason) => reason switch
    {
        KmsgDumpReason.Panic => "Panic",
        KmsgDumpReason.Oops => "Oops",
        KmsgDumpReason.Emergency => "Emergency",
        KmsgDumpReason.Shutdown => "Shutdown",
        _ => "Unknown",
    };

    /// <summary>Whether a dumper is called for a reason (kmsg_dump_desc).</summary>
    /// <param name="maxReason">The dumper's limit; <see cref="KmsgDumpReason.Undefined"/> for the default: oopses, or everything.</param>
    /// <param name="always">printk.always_kmsg_dump.</param>
    /// <param name="reason">The reason.</param>
    /// <returns>True when it is called.</returns>
    public static bool IsCalledFor(KmsgDumpReason maxReason, bool always, KmsgDumpReason reason) =>
        reason <= (maxReason != KmsgDumpReason.Undefined ? maxReason : always ? (KmsgDumpReason)5 : KmsgDumpReason.Oops);

    /// <summary>A backend registered: fresh buffers.</summary>
    /// <param name="bufferBytes">The largest record.</param>
    /// <param name="compresses">Whether records are compressed.</param>
    public void Use(int bufferBytes, bool compresses)
    {
        _bufferBytes = bufferBytes;
        _compresses = compresses;
        _buffersTaken = false;
    }

    /// <summary>Dumps: as many records as <see cref="DumpRequest.KmsgBytes"/> asks for, newest lines first.</summary>
    /// <param name="request">What and why.</param>
    /// <param name="write">The backend's write.</param>
    /// <returns>Whether a record was stored.</returns>
    public bool Dump(in DumpRequest request, PstoreWrite write)
    {
        if (_locked)
        {
            SkipOrDeadlock(request);
            return false;
        }

        _locked = true;
        TakeBuffers();
        KmsgDumpIterator lines = printk.Rewind();
        OopsCount++;
        int error = 0;
        bool stored = false;
        uint part = 1;
        for (ulong total = 0; total < request.KmsgBytes; part++)
        {
            if (!NextRecord(request, part, ref lines, out OutgoingRecord record))
            {
                break;
            }

            int result = write(record);
            stored |= result == 0;
            error = error == 0 ? result : error;
            total += (ulong)record.Fields.SizeBytes;
        }

        _locked = false;
        if (error != 0 && !_errorWasPrinted)
        {
            _errorWasPrinted = true;
            log.Write(LogLevel.Error, $"pstore: backend ({PstoreKhoBackend.Name}) writing error ({error})");
        }

        return stored;
    }

    private bool NextRecord(in DumpRequest request, uint part, ref KmsgDumpIterator lines, out OutgoingRecord record)
    {
        ArraySegment<byte> target = _compresses ? _bigBuffer : _buffer;
        int header = WriteHeader(target, request.Reason, part);
        if (!printk.ReadNewest(ref lines, target.AsSpan(header), out int length))
        {
            record = default;
            return false;
        }

        int bytes = header + length;
        ReadOnlySpan<byte> data = target.AsSpan(0, bytes);
        bool compressed = false;
        if (_compresses)
        {
            data = workspace.Deflate.Compress(target[..bytes], _bufferBytes);
            compressed = !data.IsEmpty;
            data = compressed ? data : FirstOfBigBuffer();
        }

        PstoreRecord fields = new(data.Length, request.Seconds, request.Nanoseconds, OopsCount, (uint)request.Reason, part, compressed ? 1U : 0);
        record = new OutgoingRecord(fields, data);
        return true;
    }

    /// <summary>
    /// What does not compress is stored plain, as much as fits from its beginning: the newest lines are the ones that are lost, and a short text is
    /// followed by whatever was in the buffer.
    /// </summary>
    private ReadOnlySpan<byte> FirstOfBigBuffer() => _bigBuffer.AsSpan(0, _bufferBytes);

    private int WriteHeader(Span<byte> target, KmsgDumpReason reason, uint part)
    {
        int length = Encoding.ASCII.GetBytes(ReasonText(reason), target);
        target[length++] = (byte)'#';
        OopsCount.TryFormat(target[length..], out int digits, default, System.Globalization.CultureInfo.InvariantCulture);
        length += digits;
        length += Encoding.ASCII.GetBytes(" Part", target[length..]);
        part.TryFormat(target[length..], out digits, default, System.Globalization.CultureInfo.InvariantCulture);
        length += digits;
        target[length++] = (byte)'\n';
        return length;
    }

    private void TakeBuffers()
    {
        if (_buffersTaken)
        {
            return;
        }

        _buffersTaken = true;
        _buffer = _compresses ? default : workspace.TakeBuffer(_bufferBytes);
        _bigBuffer = _compresses ? workspace.TakeBigBuffer(BigBufferBytes(_bufferBytes)) : default;
    }

    /// <summary>Somebody holds the buffer lock: a panic, an emergency restart and an NMI give up; whoever waits would wait for ever.</summary>
    private void SkipOrDeadlock(in DumpRequest request)
    {
        bool neverWaits = request.Reason is KmsgDumpReason.Panic or KmsgDumpReason.Emergency;
        if (request.MayWait && !neverWaits)
        {
            throw new InvalidOperationException("a dump waits for the buffer lock that its own caller holds");
        }

        string context = neverWaits ? ReasonText(request.Reason) : "NMI";
        log.Write(LogLevel.Error, $"pstore: dump skipped in {context} path because of concurrent dump");
    }
}
