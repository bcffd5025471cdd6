using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Machines;

/// <summary>The initcalls that matter to KHO, in the kernel's order: kho_init (fs_initcall), then reserve_mem_init (late_initcall).</summary>
/// <param name="kernel">The kernel that boots.</param>
internal sealed class Initcalls(BootedKernel kernel)
{
    private const uint KhoInitCorrelation = 1;
    private const uint ReserveMemCorrelation = 2;

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

        switch (delivery.Correlation)
        {
            case KhoInitCorrelation:
                Message init = new(new MessageKind(MemblockProtocol.ReserveMemInit), kernel.Kho.Enabled ? 1UL : 0);
                outbox.Send(ActorId.Memblock, init, ReserveMemCorrelation);
                return false;
            case ReserveMemCorrelation:
                return true;
            default:
                throw new InvalidOperationException($"the machine does not know message 0x{delivery.Message.Kind.Value:x4} from actor {delivery.From.Value}");
        }
    }
}
