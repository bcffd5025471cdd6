using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Machines;

/// <summary>
/// Calls the clients that are loaded and have a hook, one after the other, each when the one before has returned: the live-update reboot
/// hook, and kmsg_dump. One round is under way at a time.
/// </summary>
/// <param name="kernel">The kernel that calls.</param>
internal sealed class ClientCalls(BootedKernel kernel)
{
    /// <summary>Correlation of every call.</summary>
    public const uint Correlation = Initcalls.LimitCorrelation;

    private ClientHooks _hook;
    private Message _call;
    private int _next;
    private bool _isAwaiting;

    /// <summary>Clients that returned 0 in this round, as bits by position.</summary>
    public ulong Returned { get; private set; }

    /// <summary>Begins a round; an earlier one that still waits is given up.</summary>
    /// <param name="hook">Whom it calls.</param>
    /// <param name="number">A number of <see cref="ClientProtocol"/>.</param>
    /// <param name="a">First word of the message.</param>
    /// <param name="b">Second word of the message.</param>
    public void Begin(ClientHooks hook, byte number, ulong a = 0, ulong b = 0)
    {
        _hook = hook;
        _call = new Message(MessageKind.Of(ActorId.Machine, number), a, b);
        _next = 0;
        _isAwaiting = false;
        Returned = 0;
    }

    /// <summary>Calls the next client.</summary>
    /// <param name="among">Which clients take part, as bits by position.</param>
    /// <param name="outbox">Receives the call.</param>
    /// <returns>False when none is left.</returns>
    public bool CallNext(ulong among, Outbox outbox)
    {
        IReadOnlyList<KhoClient> clients = kernel.Start.Clients;
        for (; _next < clients.Count; _next++)
        {
            if (clients[_next].Hooks.HasFlag(_hook) && kernel.IsLoaded(_next) && (among & (1UL << _next)) != 0)
            {
                ActorId client = clients[_next].Actor;
                outbox.Send(client, _call with { Kind = MessageKind.Of(client, ClientProtocol.NumberOf(_call.Kind)) }, Correlation);
                _isAwaiting = true;
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes a client's answer in.</summary>
    /// <param name="code">What it returned.</param>
    public void Answered(int code)
    {
        if (!_isAwaiting)
        {
            throw new InvalidOperationException("a client answers a call that was not made");
        }

        _isAwaiting = false;
        Returned |= code == 0 ? 1UL << _next : 0;
        _next++;
    }
}
