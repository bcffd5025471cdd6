// The second place where nodes use threads: one thread owns the store, so that workers never wait for a disk unless it falls behind.
#pragma warning disable RS0030 // Thread and Monitor are what a writer is made of; the order in which slices arrive decides nothing that is stored.

using System.Globalization;
using System.Runtime.ExceptionServices;

namespace KhoActors.Nodes.History;

/// <summary>
/// Writes the records of a run: workers encode and queue, one thread commits in groups. The store is the writer's until
/// <see cref="Complete"/> or <see cref="Dispose"/> returns.
/// </summary>
/// <remarks>
/// A group is committed when <see cref="GroupRows"/> rows or <see cref="GroupBytes"/> bytes wait, or the first of them has waited
/// <see cref="GroupMilliseconds"/>. When <see cref="QueueBytes"/> wait, <see cref="Add(SliceRecord, MachineCheckpoint?, bool)"/> does too.
/// The first failure ends it: what was committed stays, what waits is given up, and every later call says so.
/// </remarks>
public sealed class HistoryWriter : IRunRecorder, IDisposable
{
    /// <summary>Rows that are worth a commit.</summary>
    public const int GroupRows = 1_000;

    /// <summary>Bytes that are worth a commit.</summary>
    public const int GroupBytes = 1 << 20;

    /// <summary>Longest that a row waits for others.</summary>
    public const int GroupMilliseconds = 200;

    /// <summary>Most bytes that wait; one slice may always be added to fewer.</summary>
    public const int QueueBytes = 8 << 20;

    /// <summary>Counted for each row beside its bytes: the record that it was encoded from.</summary>
    private const int RowBytes = 1 << 10;

    private readonly IHistoryStore _store;
    private readonly int _run;
    private readonly SliceCodec _codec;
    private readonly Func<long> _clock;
    private readonly object _gate = new();
    private readonly CheckpointPolicy _checkpoints;
    private readonly Thread _thread;
    private HistoryBatch _waiting = new();
    private HistoryBatch _writing = new();
    private long _waitingBytes;
    private long _firstWaiting;
    private bool _isClosed;
    private Exception? _failure;
    private long _safeSlices;
    private long _recordBytes;

    /// <summary>Begins to write.</summary>
    /// <param name="store">The history.</param>
    /// <param name="run">The run, begun or reopened.</param>
    /// <param name="codec">The run's codec.</param>
    /// <param name="clockMilliseconds">A clock that only goes forward; safe to ask from several threads.</param>
    public HistoryWriter(IHistoryStore store, int run, SliceCodec codec, Func<long> clockMilliseconds)
    {
        ArgumentNullException.ThrowIfNull(clockMilliseconds);
        _store = store;
        _run = run;
        _codec = codec;
        _clock = clockMilliseconds;
        _checkpoints = new CheckpointPolicy(clockMilliseconds());
        _thread = new Thread(WriteUntilClosed) { IsBackground = true, Name = "history" };
        _thread.Start();
    }

    /// <summary>Bytes of records that were committed: what stays of the run when it is over, as checkpoints go.</summary>
    public long RecordBytes
    {
        get
        {
            lock (_gate)
            {
                return _recordBytes;
            }
        }
    }

    /// <inheritdoc/>
    public bool WantsCheckpoints
    {
        get
        {
            lock (_gate)
            {
                return _checkpoints.Wants(_clock());
            }
        }
    }

    /// <inheritdoc/>
    public void CheckpointsDone()
    {
        lock (_gate)
        {
            _checkpoints.Done(_clock());
        }
    }

    /// <inheritdoc/>
    public void Add(SliceRecord record, MachineCheckpoint? checkpoint, bool isFinished)
    {
        ArgumentNullException.ThrowIfNull(record);
        EncodedSlice slice = new(record, _codec.Encode(record));
        lock (_gate)
        {
            WaitForRoom();
            _waiting.Slices.Add(slice);
            if (checkpoint is not null)
            {
                _waiting.Checkpoints.Add(checkpoint);
            }

            if (isFinished)
            {
                _waiting.FinishedMachines.Add(record.Machine);
            }

            Queued(slice.Encoded.Length + (checkpoint?.Snapshot.Length ?? 0));
        }
    }

    /// <inheritdoc/>
    public void Add(MachineCheckpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        lock (_gate)
        {
            WaitForRoom();
            _waiting.Checkpoints.Add(checkpoint);
            Queued(checkpoint.Snapshot.Length);
        }
    }

    /// <summary>Commits what waits and ends the writer; the store is the caller's again.</summary>
    /// <exception cref="HistoryUnavailableException">The history could not be written; the message says how much is safe.</exception>
    /// <exception cref="DivergentRecordException">The history holds another record of a slice.</exception>
    public void Complete()
    {
        Close();
        if (_failure is not null)
        {
            ExceptionDispatchInfo.Throw(_failure);
        }
    }

    /// <summary>As <see cref="Complete"/>, but a failure is not thrown: for runs that end with an exception of their own.</summary>
    public void Dispose() => Close();

    private void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            Monitor.PulseAll(_gate);
        }

        _thread.Join();
    }

    private void WaitForRoom()
    {
        while (_failure is null && !_isClosed && _waitingBytes >= QueueBytes)
        {
            Monitor.Wait(_gate);
        }

        ObjectDisposedException.ThrowIf(_isClosed, this);
        switch (_failure)
        {
            case null:
                return;
            case DivergentRecordException:
                throw new DivergentRecordException(_failure.Message);
            default:
                throw new HistoryUnavailableException(_failure.Message, _failure);
        }
    }

    private void Queued(long bytes)
    {
        if (_waitingBytes == 0)
        {
            _firstWaiting = _clock();
        }

        _waitingBytes += bytes + RowBytes;
        Monitor.PulseAll(_gate);
    }

    private void WriteUntilClosed()
    {
        while (TakeGroup())
        {
            try
            {
                Write(_writing);
            }
            catch (Exception failure)
            {
                Fail(failure);
                return;
            }
        }
    }

    /// <summary>Waits for a group; false when the writer is closed and nothing waits.</summary>
    private bool TakeGroup()
    {
        lock (_gate)
        {
            while (!_isClosed && MillisecondsToWait() is not 0 and var wait)
            {
                Monitor.Wait(_gate, wait);
            }

            if (_waiting.IsEmpty)
            {
                return false;
            }

            _writing.Clear();
            (_waiting, _writing) = (_writing, _waiting);
            _waitingBytes = 0;
            Monitor.PulseAll(_gate);
            return true;
        }
    }

    private int MillisecondsToWait()
    {
        if (_waiting.IsEmpty)
        {
            return Timeout.Infinite;
        }

        bool isGroup = _waiting.Slices.Count + _waiting.Checkpoints.Count >= GroupRows || _waitingBytes >= GroupBytes;
        return isGroup ? 0 : (int)Math.Clamp(_firstWaiting + GroupMilliseconds - _clock(), 0, GroupMilliseconds);
    }

    private void Write(HistoryBatch batch)
    {
        long begin = _clock();
        _store.Commit(_run, batch);
        long spent = _clock() - begin;
        long slices = batch.Slices.Sum(slice => (long)slice.Encoded.Length);
        long checkpoints = batch.Checkpoints.Sum(checkpoint => (long)checkpoint.Snapshot.Length);
        lock (_gate)
        {
            _recordBytes += slices;
            _safeSlices += batch.Slices.Count;
            _checkpoints.Spent((double)spent * checkpoints / (slices + checkpoints));
        }
    }

    private void Fail(Exception failure)
    {
        lock (_gate)
        {
            string safe = string.Create(CultureInfo.InvariantCulture, $"the {_safeSlices} slices of run {_run} that were written before are safe");
            _failure = failure is HistoryUnavailableException ? new HistoryUnavailableException($"{failure.Message}; {safe}", failure) : failure;
            _waiting.Clear();
            Monitor.PulseAll(_gate);
        }
    }
}
