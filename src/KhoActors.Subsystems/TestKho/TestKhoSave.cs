using System.Diagnostics;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.TestKho;

/// <summary>
/// What the test module does in the first kernel (kho_test_save): makes its data, preserves it with the array that lists it, and publishes the
/// blob. An error un-preserves everything in the kernel's order and frees array and blob. The data folios stay allocated then, and are lost,
/// as in the kernel; only when they could not all be allocated are they freed.
/// </summary>
internal sealed class TestKhoSave
{
    private const int StackBytesMax = 16 << 10;
    private readonly ClientKernel _kernel;
    private readonly TestKhoFolios _folios;
    private ulong _fdtPhys;
    private int _fdtOrder;
    private int _fdtBytes;
    private ulong _array;
    private VmallocDescriptor _descriptor;
    private int _preserved;
    private int _unpreserved;
    private bool _removes;

    public TestKhoSave(ClientKernel kernel)
    {
        _kernel = kernel;
        _folios = new TestKhoFolios(kernel);
    }

    private enum Step : uint
    {
        PreserveFdt = 1,
        AllocateArray,
        PreserveArray,
        PreserveFolio,
        Publish,
        RemoveSubtree,
        UnpreserveFolio,
        UnpreserveArray,
        FreeArray,
        UnpreserveFdt,
    }

    /// <summary>0, or the errno with which it ended.</summary>
    public int Result { get; private set; }

    /// <summary>Begins.</summary>
    /// <param name="maxBytes">Bytes of data.</param>
    /// <param name="outbox">Receives the first request.</param>
    /// <returns>False when it has ended with <see cref="Result"/>.</returns>
    public bool Begin(ulong maxBytes, Outbox outbox)
    {
        Result = _folios.Generate(maxBytes);
        if (Result != 0)
        {
            return false;
        }

        _fdtBytes = (_folios.Count * sizeof(ulong)) + PageGeometry.SizeBytes;
        _fdtOrder = PageGeometry.OrderOf((ulong)_fdtBytes);
        _fdtPhys = _kernel.AllocatePages(_fdtOrder, zero: false);
        if (_fdtPhys == 0)
        {
            Result = -Errno.ENOMEM;
            return false;
        }

        return Ask(Step.PreserveFdt, Fdt.ToMessage(KhoProtocol.PreserveFolio), outbox);
    }

    /// <summary>Takes everything back (module_exit).</summary>
    /// <returns>True: a request is out.</returns>
    public bool Remove(Outbox outbox)
    {
        _removes = true;
        return Ask(Step.RemoveSubtree, new AddressRequest(_fdtPhys).ToMessage(KhoProtocol.RemoveSubtree), outbox);
    }

    /// <summary>Goes on with the answer to the last request.</summary>
    /// <returns>False when it has ended with <see cref="Result"/>.</returns>
    public bool Answered(uint correlation, KernelResult result, Outbox outbox)
    {
        switch ((Step)correlation)
        {
            case Step.PreserveFdt when !result.Succeeded:
                return Fail(result, Step.UnpreserveFdt, outbox);
            case Step.PreserveFdt:
                ulong pages = PageGeometry.PfnOf(PageGeometry.AlignUp((ulong)_folios.Count * sizeof(ulong)));
                return Ask(Step.AllocateArray, ActorId.Memblock, new Vmalloc(pages, 0, VmallocAttributes.Alloc, Zero: false).ToMessage(), outbox);
            case Step.AllocateArray when !result.Succeeded:
                return Fail(result, Step.FreeArray, outbox);
            case Step.AllocateArray:
                _array = result.Value;
                return Ask(Step.PreserveArray, new PreserveVmalloc(_array, default).ToMessage(), outbox);
            case Step.PreserveArray when !result.Succeeded:
                return Fail(result, Step.UnpreserveArray, outbox);
            case Step.PreserveArray:
                _descriptor = VmallocDescriptor.From(result.Value, result.Extra);
                return PreserveNext(outbox);
            case Step.PreserveFolio when result.Succeeded:
                _preserved++;
                return PreserveNext(outbox);
            case Step.PreserveFolio:
            case Step.Publish when !result.Succeeded:
                return Fail(result, Step.UnpreserveFolio, outbox);
            case Step.Publish:
                return false;
            default:
                return Undo((Step)correlation, outbox);
        }
    }

    private FolioRequest Fdt => new(PageGeometry.PfnOf(_fdtPhys), _fdtOrder);

    private FolioRequest FolioAt(int index) => new(PageGeometry.PfnOf(_folios[index].Phys), _folios[index].Order);

    private bool PreserveNext(Outbox outbox)
    {
        if (_preserved == _folios.Count)
        {
            WriteFdt();
            return Ask(Step.Publish, new AddSubtree(TestKhoFdt.SubtreeName, _fdtPhys, TestKhoFdt.SizeBytes).ToMessage(), outbox);
        }

        _kernel.WriteVirtual(_array + ((ulong)_preserved * sizeof(ulong)), _folios.EntryOf(_preserved));
        return Ask(Step.PreserveFolio, FolioAt(_preserved).ToMessage(KhoProtocol.PreserveFolio), outbox);
    }

    private void WriteFdt()
    {
        Span<byte> bytes = _fdtBytes <= StackBytesMax ? stackalloc byte[_fdtBytes] : new byte[_fdtBytes];
        int code = new TestKhoFdt((uint)_folios.Count, _descriptor, _folios.Checksum).Write(bytes);
        Debug.Assert(code == 0, "a page holds the blob");
        _kernel.Memory.Write(_fdtPhys, bytes);
    }

    /// <summary>Remembers the error and begins to undo as if a step of undoing had just been answered.</summary>
    private bool Fail(KernelResult result, Step undone, Outbox outbox)
    {
        Result = result.Code;
        return Undo(undone, outbox);
    }

    /// <summary>The step of undoing that follows one that is done.</summary>
    private bool Undo(Step done, Outbox outbox)
    {
        switch (done)
        {
            case Step.RemoveSubtree:
            case Step.UnpreserveFolio:
                return _unpreserved < _preserved
                    ? Ask(Step.UnpreserveFolio, FolioAt(_unpreserved++).ToMessage(KhoProtocol.UnpreserveFolio), outbox)
                    : Ask(Step.UnpreserveArray, new VmallocDescriptorRequest(_descriptor).ToMessage(KhoProtocol.UnpreserveVmalloc), outbox);
            case Step.UnpreserveArray:
                return Ask(Step.FreeArray, ActorId.Memblock, new Vfree(_array).ToMessage(), outbox);
            case Step.FreeArray:
                if (_removes)
                {
                    _folios.Free();
                }

                return Ask(Step.UnpreserveFdt, Fdt.ToMessage(KhoProtocol.UnpreserveFolio), outbox);
            case Step.UnpreserveFdt:
                _kernel.FreePages(_fdtPhys, _fdtOrder);
                return false;
            default:
                throw new InvalidOperationException($"test_kho does not wait for an answer to step {done}");
        }
    }

    private static bool Ask(Step step, in Message request, Outbox outbox) => Ask(step, ActorId.Kho, request, outbox);

    private static bool Ask(Step step, ActorId receiver, in Message request, Outbox outbox)
    {
        outbox.Send(receiver, request, (uint)step);
        return true;
    }
}
