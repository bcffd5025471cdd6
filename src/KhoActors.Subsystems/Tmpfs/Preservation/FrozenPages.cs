using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs.Preservation;

/// <summary>
/// The pages of a snapshot in the order in which they are preserved, and how far each has come, so that a failure at any of them can be undone
/// exactly.
/// </summary>
/// <param name="kernel">The kernel.</param>
internal sealed class FrozenPages(ClientKernel kernel)
{
    private readonly List<ulong> _addresses = [];
    private readonly List<Mark> _marks = [];
    private readonly List<(HandedOverMount Mount, uint Carried)> _carried = [];
    private PageWindow _window;

    [Flags]
    private enum Mark : byte
    {
        None = 0,
        Metadata = 1,
        Preserved = 2,
    }

    /// <summary>How many pages there are.</summary>
    public int Count => _addresses.Count;

    /// <summary>Their addresses; 0 for a metadata page that is not allocated yet.</summary>
    public List<ulong> Addresses => _addresses;

    /// <summary>Mounts that are passed on, with the number of kernels that did so before.</summary>
    public IReadOnlyList<(HandedOverMount Mount, uint Carried)> Carried => _carried;

    /// <summary>0, or the errno with which preserving ended.</summary>
    public int Error => _window.Error;

    /// <summary>Plans metadata pages: they are allocated when their turn comes.</summary>
    /// <param name="count">How many.</param>
    public void AddMetadata(int count)
    {
        for (int i = 0; i < count; i++)
        {
            _addresses.Add(0);
            _marks.Add(Mark.Metadata);
        }
    }

    /// <summary>Plans the pages that were appended to <see cref="Addresses"/>: they live on when a snapshot is undone.</summary>
    public void AddAppended()
    {
        while (_marks.Count < _addresses.Count)
        {
            _marks.Add(Mark.None);
        }
    }

    /// <summary>Plans all pages of a mount that is passed on.</summary>
    /// <param name="mount">The mount; all its pages were restored.</param>
    /// <param name="carried">How many kernels passed it on before.</param>
    public void AddCarried(HandedOverMount mount, uint carried)
    {
        _carried.Add((mount, carried));
        _addresses.AddRange(mount.Claimed);
        AddAppended();
    }

    /// <summary>Begins to preserve the pages from one on.</summary>
    /// <param name="first">Its position.</param>
    /// <param name="outbox">Receives requests.</param>
    /// <returns>Whether all are done, or <see cref="Error"/> says why not.</returns>
    public bool BeginPreserving(int first, Outbox outbox)
    {
        _window = new PageWindow(first, _addresses.Count);
        return PreserveMore(outbox);
    }

    /// <summary>Goes on with an answer.</summary>
    /// <param name="correlation">The request's correlation.</param>
    /// <param name="reply">Its result.</param>
    /// <param name="outbox">Receives requests.</param>
    /// <returns>Whether all are done, or <see cref="Error"/> says why not.</returns>
    public bool PreserveAnswered(uint correlation, KernelResult reply, Outbox outbox)
    {
        _marks[PositionOf(correlation)] |= reply.Succeeded ? Mark.Preserved : Mark.None;
        _window.Answered(reply.Code);
        return PreserveMore(outbox);
    }

    /// <summary>Begins to undo everything, last page first: un-preserve, and free what was allocated.</summary>
    /// <param name="outbox">Receives requests.</param>
    /// <returns>Whether all is done.</returns>
    public bool BeginUndoing(Outbox outbox)
    {
        _window = new PageWindow(0, _addresses.Count);
        return UndoMore(outbox);
    }

    /// <summary>Goes on with an answer.</summary>
    /// <param name="correlation">The request's correlation.</param>
    /// <param name="outbox">Receives requests.</param>
    /// <returns>Whether all is done; nothing is remembered then.</returns>
    public bool UndoAnswered(uint correlation, Outbox outbox)
    {
        Release(PositionOf(correlation));
        _window.Answered(0);
        return UndoMore(outbox);
    }

    private static uint CorrelationOf(int position) => (uint)position + 1;

    private static int PositionOf(uint correlation) => (int)correlation - 1;

    private bool PreserveMore(Outbox outbox)
    {
        while (_window.TryNext(out int position))
        {
            if (_addresses[position] == 0 && (_addresses[position] = kernel.AllocateZeroedPage()) == 0)
            {
                _window.Answered(-Errno.ENOMEM);
                continue;
            }

            Ask(KhoProtocol.PreserveFolio, position, outbox);
        }

        return _window.IsDone;
    }

    private bool UndoMore(Outbox outbox)
    {
        while (_window.TryNext(out int fromEnd))
        {
            int position = _addresses.Count - 1 - fromEnd;
            if ((_marks[position] & Mark.Preserved) != 0)
            {
                Ask(KhoProtocol.UnpreserveFolio, position, outbox);
            }
            else
            {
                Release(position);
                _window.Skipped();
            }
        }

        if (_window.IsDone)
        {
            _addresses.Clear();
            _marks.Clear();
            _carried.Clear();
        }

        return _window.IsDone;
    }

    private void Ask(ushort kind, int position, Outbox outbox) =>
        outbox.Send(ActorId.Kho, new FolioRequest(PageGeometry.PfnOf(_addresses[position]), 0).ToMessage(kind), CorrelationOf(position));

    private void Release(int position)
    {
        if ((_marks[position] & Mark.Metadata) != 0 && _addresses[position] != 0)
        {
            kernel.FreePage(_addresses[position]);
        }
    }
}
