using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Clients;

/// <summary>A request that a <see cref="SequentialClient"/> serves.</summary>
/// <param name="number">Its number: of <see cref="ClientProtocol"/>, or the client's own.</param>
/// <param name="message">The message.</param>
public sealed class ClientRequest(byte number, Message message)
{
    /// <summary>Its number: of <see cref="ClientProtocol"/>, or the client's own.</summary>
    public byte Number => number;

    /// <summary>The message.</summary>
    public Message Message => message;

    /// <summary>Virtual time now, see <see cref="Outbox.NowTicks"/>: it goes on with every call.</summary>
    public ulong NowTicks { get; internal set; }

    /// <summary>What is answered when the request has been served: 0 unless the client says otherwise.</summary>
    public KernelResult Answer { get; set; }

    /// <summary>Sets the answer's code.</summary>
    /// <param name="code">0, or a negative errno.</param>
    public void Return(int code) => Answer = new KernelResult(code);
}

/// <summary>
/// A client that reads like kernel code: it serves one request after the other, as under a mutex, from top to bottom, and
/// <c>yield return</c> stands for every call that may let others run. An actor of one's own (<see cref="IActor"/>) can do more at once.
/// </summary>
public abstract class SequentialClient : IActor
{
    private readonly Queue<Delivery> _waiting = new();
    private Delivery _delivery;
    private ClientRequest? _request;
    private IEnumerator<KernelCall>? _steps;
    private uint _correlation;

    /// <summary>Serves a request. Its calls are made one by one; after each <c>yield return</c> the call has returned.</summary>
    /// <param name="request">The request; set its answer.</param>
    /// <returns>The calls.</returns>
    protected abstract IEnumerator<KernelCall> Serve(ClientRequest request);

    /// <summary>Answers a request that waits for nobody and calls nobody, also while another one is being served.</summary>
    /// <param name="delivery">The request.</param>
    /// <param name="outbox">Receives the answer.</param>
    /// <returns>False when the request is to be served in its turn: what every request is unless the client says otherwise.</returns>
    protected virtual bool AnswerAtOnce(in Delivery delivery, Outbox outbox) => false;

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">A reply that nothing waits for.</exception>
    public void Receive(in Delivery delivery, Outbox outbox)
    {
        ArgumentNullException.ThrowIfNull(outbox);
        if (!delivery.Message.Kind.IsReply)
        {
            if (AnswerAtOnce(delivery, outbox))
            {
                return;
            }

            _waiting.Enqueue(delivery);
        }
        else if (_steps is not null && delivery.Correlation == _correlation)
        {
            _steps.Current.Result = KernelResult.From(delivery.Message);
            GoOn(outbox);
        }
        else
        {
            throw new InvalidOperationException($"{GetType().Name} does not wait for reply {delivery.Message.Kind} from actor {delivery.From.Value}");
        }

        while (_steps is null && _waiting.TryDequeue(out _delivery))
        {
            _request = new ClientRequest(ClientProtocol.NumberOf(_delivery.Message.Kind), _delivery.Message);
            _steps = Serve(_request);
            GoOn(outbox);
        }
    }

    private void GoOn(Outbox outbox)
    {
        _request!.NowTicks = outbox.NowTicks;
        if (_steps!.MoveNext())
        {
            outbox.Send(_steps.Current.To, _steps.Current.Message, ++_correlation);
            return;
        }

        _steps.Dispose();
        _steps = null;
        outbox.Reply(_delivery, _request.Answer.ToReply(_delivery.Message.Kind));
    }
}
