using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Machines;

/// <summary>
/// The initcalls that matter to KHO, one after the other in the kernel's order: kho_init (fs_initcall), clients of the levels up to device,
/// reserve_mem_init (late_initcall), clients of the late level.
/// </summary>
/// <param name="kernel">The kernel that boots.</param>
internal sealed class Initcalls(BootedKernel kernel)
{
    private const uint KhoInitCorrelation = 1;
    private const uint ReserveMemCorrelation = 2;
    private const uint FirstClientCorrelation = 3;

    /// <summary>Correlations of the replies that belong to initcalls are below this.</summary>
    public const uint LimitCorrelation = FirstClientCorrelation + 64;

    private int _nextClient;
    private bool _reserveMemDone;

    /// <summary>Handles the request to begin, and each initcall's reply.</summary>
    /// <returns>True when the last initcall has returned.</returns>
    /// <exception cref="InvalidOperationException">The message does not belong to an initcall.</exception>
    public bool Receive(in Delivery delivery, Outbox outbox)
    {
        if (delivery.Message.Kind.Value == MachineProtocol.RunInitcalls)
        {
            outbox.Send(ActorId.Kho, MachineProtocol.Plain(KhoProtocol.Init), KhoInitCorrelation);
            return false;
        }

        if (!delivery.Message.Kind.IsReply || delivery.Correlation is 0 or >= LimitCorrelation)
        {
            throw new InvalidOperationException($"the machine does not know message 0x{delivery.Message.Kind.Value:x4} from actor {delivery.From.Value}");
        }

        if (delivery.Correlation == ReserveMemCorrelation)
        {
            _reserveMemDone = true;
        }
        else if (delivery.Correlation >= FirstClientCorrelation)
        {
            kernel.ClientStarted((int)(delivery.Correlation - FirstClientCorrelation), KernelResult.From(delivery.Message).Code);
        }

        return CallNext(outbox);
    }

    private bool CallNext(Outbox outbox)
    {
        IReadOnlyList<KhoClient> clients = kernel.Start.Clients;
        bool isClient = _nextClient < clients.Count;
        if (!_reserveMemDone && !(isClient && clients[_nextClient].Level < InitcallLevel.Late))
        {
            Message init = new(new MessageKind(MemblockProtocol.ReserveMemInit), kernel.Kho.Enabled ? 1UL : 0);
            outbox.Send(ActorId.Memblock, init, ReserveMemCorrelation);
            return false;
        }

        if (!isClient)
        {
            return true;
        }

        ActorId client = clients[_nextClient].Actor;
        outbox.Send(client, ClientProtocol.Plain(client, ClientProtocol.Init), FirstClientCorrelation + (uint)_nextClient);
        _nextClient++;
        return false;
    }
}
