using System.Globalization;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Memblock;

/// <summary>
/// reserve_mem_init (late_initcall, mm/memblock.c): preserves a page with the memblock blob, publishes it, then preserves every region as
/// whole pages from the page that contains its start. All or nothing: an error undoes everything in reverse.
/// </summary>
internal sealed class ReserveMemInit
{
    private readonly OwnedMemory _memory;
    private readonly PageAllocator _pages;
    private readonly ReserveMem _regions;
    private readonly KernelLog _log;
    private Delivery _request;
    private ulong _blobPhys;
    private int _region;
    private int _result;

    public ReserveMemInit(PhysicalMemory memory, PageAllocator pages, ReserveMem regions, KernelLog log)
    {
        _memory = new OwnedMemory(memory, pages, PageOwner.Memblock);
        _pages = pages;
        _regions = regions;
        _log = log;
    }

    private enum Step : uint
    {
        None,
        PreserveBlob,
        Publish,
        PreserveRegion,
        UndoRegion,
        UndoPublish,
        UndoBlob,
    }

    public void Receive(in Delivery delivery, Outbox outbox)
    {
        if (delivery.Message.Kind.Value == MemblockProtocol.ReserveMemInit)
        {
            Begin(delivery, outbox);
            return;
        }

        KernelResult result = KernelResult.From(delivery.Message);
        switch ((Step)delivery.Correlation)
        {
            case Step.PreserveBlob:
                AfterPreserveBlob(result, outbox);
                break;
            case Step.Publish:
                AfterPublish(result, outbox);
                break;
            case Step.PreserveRegion:
                AfterPreserveRegion(result, outbox);
                break;
            case Step.UndoRegion:
                UndoRegions(outbox);
                break;
            case Step.UndoPublish:
                Ask(Step.UndoBlob, new FolioRequest(PageGeometry.PfnOf(_blobPhys), 0).ToMessage(KhoProtocol.UnpreserveFolio), outbox);
                break;
            case Step.UndoBlob:
                _pages.Free(_blobPhys, 0, PageOwner.Memblock);
                Finish(outbox);
                break;
            default:
                throw new InvalidOperationException($"memblock does not know message 0x{delivery.Message.Kind.Value:x4} from actor {delivery.From.Value}");
        }
    }

    private void Begin(in Delivery request, Outbox outbox)
    {
        _request = request;
        bool khoEnabled = request.Message.A != 0;
        if (!khoEnabled || _regions.Entries.IsEmpty)
        {
            Finish(outbox);
            return;
        }

        _blobPhys = _pages.Allocate(0, MigrateType.Unmovable, PageOwner.Memblock);
        if (_blobPhys == 0)
        {
            Fail(-Errno.ENOMEM);
            Finish(outbox);
            return;
        }

        Ask(Step.PreserveBlob, new FolioRequest(PageGeometry.PfnOf(_blobPhys), 0).ToMessage(KhoProtocol.PreserveFolio), outbox);
    }

    private void AfterPreserveBlob(KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            Fail(result.Code);
            _pages.Free(_blobPhys, 0, PageOwner.Memblock);
            Finish(outbox);
            return;
        }

        Span<byte> page = _memory.WritablePageBytes(PageGeometry.PfnOf(_blobPhys));
        int code = _regions.Publish(page);
        if (code != 0)
        {
            Fail(code);
            Ask(Step.UndoBlob, new FolioRequest(PageGeometry.PfnOf(_blobPhys), 0).ToMessage(KhoProtocol.UnpreserveFolio), outbox);
            return;
        }

        Ask(Step.Publish, new AddSubtree(MemblockFdt.SubtreeName, _blobPhys, FdtReader.TotalSize(page)).ToMessage(), outbox);
    }

    private void AfterPublish(KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            Fail(result.Code);
            Ask(Step.UndoBlob, new FolioRequest(PageGeometry.PfnOf(_blobPhys), 0).ToMessage(KhoProtocol.UnpreserveFolio), outbox);
            return;
        }

        PreserveNextRegion(outbox);
    }

    private void PreserveNextRegion(Outbox outbox)
    {
        if (_region == _regions.Entries.Length)
        {
            Finish(outbox);
            return;
        }

        Ask(Step.PreserveRegion, PagesOf(_region).ToMessage(KhoProtocol.PreservePages), outbox);
    }

    private void AfterPreserveRegion(KernelResult result, Outbox outbox)
    {
        if (result.Succeeded)
        {
            _region++;
            PreserveNextRegion(outbox);
            return;
        }

        Fail(result.Code);
        UndoRegions(outbox);
    }

    private void UndoRegions(Outbox outbox)
    {
        if (_region-- > 0)
        {
            Ask(Step.UndoRegion, PagesOf(_region).ToMessage(KhoProtocol.UnpreservePages), outbox);
            return;
        }

        Ask(Step.UndoPublish, new AddressRequest(_blobPhys).ToMessage(KhoProtocol.RemoveSubtree), outbox);
    }

    /// <summary>A trailing partial page is not preserved, nor is anything of a region below a page (real/README D9).</summary>
    private PagesRequest PagesOf(int region) =>
        new(PageGeometry.PfnOf(_regions.Entries[region].Start), _regions.Entries[region].SizeBytes >> PageGeometry.Shift);

    private void Fail(int code)
    {
        _result = code;
        _log.Write(LogLevel.Error, string.Create(CultureInfo.InvariantCulture, $"failed to prepare memblock FDT for KHO: {code}"));
    }

    private void Finish(Outbox outbox) => outbox.Reply(_request, new KernelResult(_result).ToReply(_request.Message.Kind));

    private static void Ask(Step step, in Message message, Outbox outbox) => outbox.Send(ActorId.Kho, message, (uint)step);
}
