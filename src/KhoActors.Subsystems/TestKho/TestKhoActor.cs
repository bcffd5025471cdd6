using System.Globalization;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Subsystems.TestKho;

/// <summary>
/// The kernel's own test of KHO (lib/test_kho.c, CONFIG_TEST_KEXEC_HANDOVER, as of 7.1 and later): a kernel that finds no <c>kho_test</c> saves
/// random data, one that finds it restores, compares and says so, and does not save again. Parameter <c>test_kho.max_mem</c>: bytes of
/// data, 8 MiB unless given.
/// </summary>
public sealed class TestKhoActor : IActor
{
    /// <summary>Bytes of data unless the command line says otherwise: two blocks of MAX_PAGE_ORDER.</summary>
    public const ulong DefaultMaxBytes = 2UL << 22;

    private const string Parameter = "test_kho.max_mem";
    private const uint RetrieveCorrelation = 0x41;
    private readonly ClientKernel _kernel;
    private Delivery _request;
    private TestKhoSave? _save;
    private TestKhoRestore? _restore;

    /// <summary>The module in one kernel.</summary>
    /// <param name="kernel">What the kernel offers it.</param>
    public TestKhoActor(ClientKernel kernel) => _kernel = kernel;

    /// <summary>How it is registered.</summary>
    public static KhoClient Client { get; } = new()
    {
        Name = "test_kho",
        Summary = "the kernel's own test of KHO: saves random folios, and compares their checksum in the next kernel",
        Actor = new ActorId(10),
        Level = InitcallLevel.Device,
        Create = kernel => new TestKhoActor(kernel),
    };

    /// <inheritdoc/>
    public void Receive(in Delivery delivery, Outbox outbox)
    {
        if (delivery.Message.Kind.IsReply)
        {
            Answered(delivery.Correlation, KernelResult.From(delivery.Message), outbox);
            return;
        }

        _request = delivery;
        switch (ClientProtocol.NumberOf(delivery.Message.Kind))
        {
            case ClientProtocol.Init:
                Init(outbox);
                break;
            case ClientProtocol.Exit:
                // In a kernel that saved nothing the module's exit dereferences the folio that it does not have.
                _ = (_save ?? throw new SimulatedOopsException()).Remove(outbox);
                break;
            default:
                throw new InvalidOperationException($"test_kho does not know message {delivery.Message.Kind} from actor {delivery.From.Value}");
        }
    }

    private void Init(Outbox outbox)
    {
        _save = null;
        _restore = null;
        if (_kernel.KhoEnabled)
        {
            outbox.Send(ActorId.Kho, new RetrieveSubtree(TestKhoFdt.SubtreeName).ToMessage(), RetrieveCorrelation);
        }
        else
        {
            Return(0, outbox);
        }
    }

    private void Answered(uint correlation, KernelResult result, Outbox outbox)
    {
        if (correlation == RetrieveCorrelation)
        {
            Retrieved(result, outbox);
        }
        else if (_restore is not null)
        {
            AfterRestoreStep(_restore.Answered(correlation, result, outbox), outbox);
        }
        else
        {
            AfterSaveStep(_save!.Answered(correlation, result, outbox), outbox);
        }
    }

    private void Retrieved(KernelResult result, Outbox outbox)
    {
        switch (result.Code)
        {
            case 0:
                _restore = new TestKhoRestore(_kernel);
                AfterRestoreStep(_restore.Begin(result.Value, outbox), outbox);
                break;
            case -Errno.ENOENT:
                _save = new TestKhoSave(_kernel);
                AfterSaveStep(_save.Begin(MaxBytes(), outbox), outbox);
                break;
            default:
                Log(LogLevel.Warning, string.Create(CultureInfo.InvariantCulture, $"failed to retrieve {TestKhoFdt.SubtreeName} FDT: {result.Code}"));
                Return(result.Code, outbox);
                break;
        }
    }

    private void AfterRestoreStep(bool goesOn, Outbox outbox)
    {
        if (!goesOn)
        {
            int code = _restore!.Result;
            Log(code == 0 ? LogLevel.Info : LogLevel.Error, code == 0 ? "KHO restore succeeded" : "KHO restore failed");
            Return(code, outbox);
        }
    }

    private void AfterSaveStep(bool goesOn, Outbox outbox)
    {
        if (!goesOn)
        {
            int code = _save!.Result;
            if (code != 0 || ClientProtocol.NumberOf(_request.Message.Kind) == ClientProtocol.Exit)
            {
                _save = null;
            }

            Return(code, outbox);
        }
    }

    /// <summary>
    /// The parameter is a long in the kernel; a size suffix, which the kernel does not take, is accepted here. What cannot be read leaves the
    /// default, as there.
    /// </summary>
    private ulong MaxBytes()
    {
        if (_kernel.Parameter(Parameter) is not { } text)
        {
            return DefaultMaxBytes;
        }

        int read = MemParse.Parse(text, bareSuffix: false, out ulong value);
        if (read == 0 || read < text.Length || value > long.MaxValue)
        {
            _kernel.Log.Write(LogLevel.Error, $"Booting kernel: `{text}' invalid for parameter `{Parameter}'");
            return DefaultMaxBytes;
        }

        return value;
    }

    private void Log(LogLevel level, string text) => _kernel.Log.Write(level, "test_kho: " + text);

    private void Return(int code, Outbox outbox) => outbox.Reply(_request, new KernelResult(code).ToReply(_request.Message.Kind));
}
