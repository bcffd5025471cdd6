using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Machines;

/// <summary>modprobe and rmmod of clients while the kernel runs, one request at a time for each client.</summary>
/// <param name="kernel">The kernel.</param>
internal sealed class ModuleLoader(BootedKernel kernel)
{
    private const uint FirstCorrelation = ClientCalls.Correlation + 1;
    private readonly Delivery[] _requests = new Delivery[kernel.Start.Clients.Count];

    /// <summary>Handles a request, or a client's answer to one.</summary>
    /// <returns>False when the message is neither.</returns>
    public bool Receive(in Delivery delivery, Outbox outbox)
    {
        if (delivery.Message.Kind.IsReply && delivery.Correlation - FirstCorrelation < (uint)_requests.Length)
        {
            Answered((int)(delivery.Correlation - FirstCorrelation), KernelResult.From(delivery.Message), outbox);
            return true;
        }

        if (delivery.Message.Kind.Value is not (MachineProtocol.InsertModule or MachineProtocol.RemoveModule))
        {
            return false;
        }

        Begin(delivery, delivery.Message.Kind.Value == MachineProtocol.InsertModule, outbox);
        return true;
    }

    private void Begin(in Delivery request, bool inserts, Outbox outbox)
    {
        int index = IndexOf(request.Message.Text);
        int refused = index < 0 ? -Errno.ENOENT
            : _requests[index].Correlation != 0 ? -Errno.EBUSY
            : inserts && kernel.IsLoaded(index) ? -Errno.EEXIST
            : !inserts && !kernel.IsLoaded(index) ? -Errno.ENOENT : 0;
        if (refused != 0)
        {
            outbox.Reply(request, new KernelResult(refused).ToReply(request.Message.Kind));
            return;
        }

        _requests[index] = request;
        ActorId client = kernel.Start.Clients[index].Actor;
        outbox.Send(client, ClientProtocol.Plain(client, inserts ? ClientProtocol.Init : ClientProtocol.Exit), FirstCorrelation + (uint)index);
    }

    private void Answered(int index, KernelResult result, Outbox outbox)
    {
        Delivery request = _requests[index];
        _requests[index] = default;
        if (request.Message.Kind.Value == MachineProtocol.InsertModule)
        {
            kernel.ClientStarted(index, result.Code);
        }
        else if (result.Code == 0)
        {
            kernel.ClientStopped(index);
        }

        outbox.Reply(request, result.ToReply(request.Message.Kind));
    }

    private int IndexOf(string? name)
    {
        for (int i = 0; i < kernel.Start.Clients.Count; i++)
        {
            if (kernel.Start.Clients[i].Name == name)
            {
                return i;
            }
        }

        return -1;
    }
}
