using System.Numerics;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>
/// A trail of a generation's deliveries: one byte after every <see cref="WindowDeliveries"/> of them, and one for the rest, of a rolling mix of
/// all that was delivered. Two executions that differ in a delivery differ in the byte behind it with probability 255/256, and in some later
/// byte almost surely. Version 1 of the records' encoding: the mix never changes.
/// </summary>
public sealed class DeliveryTrail : IDeliveryObserver
{
    /// <summary>Deliveries behind which a byte follows.</summary>
    public const int WindowDeliveries = 8;

    private const ulong Start = 0x7472_6169_6c2d_7631;
    private const ulong FirstMultiplier = 0x9fb21c651e98df25;
    private const ulong SecondMultiplier = 0xd6e8feb86659fd93;
    private readonly Delivery[] _window = new Delivery[WindowDeliveries];
    private RandomStream? _order;
    private ReadOnlyMemory<byte> _recorded;
    private Mode _mode;
    private byte[] _bytes = new byte[512];
    private ulong _mix;
    private int _windowLength;
    private int _lastWindowLength;

    private enum Mode
    {
        Off,
        Recording,
        Checking,
    }

    /// <summary>
    /// While a trail is checked: the deliveries of the window that is not closed yet or was found to differ, else of the last one that was closed.
    /// </summary>
    public ReadOnlySpan<Delivery> Recent => _window.AsSpan(0, _windowLength == 0 ? _lastWindowLength : _windowLength);

    /// <summary>The trail's bytes so far.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>Bytes of the trail so far.</summary>
    public int Length { get; private set; }

    /// <summary>Starts a generation's trail.</summary>
    /// <param name="order">The stream whose counter goes into the mix, or null when the order does not follow from a seed.</param>
    public void Record(RandomStream? order) => Begin(Mode.Recording, order, default);

    /// <summary>Starts a generation's trail and compares it with a recorded one.</summary>
    /// <param name="order">As it was for the recorded one.</param>
    /// <param name="recorded">The recorded trail.</param>
    public void Check(RandomStream? order, ReadOnlyMemory<byte> recorded) => Begin(Mode.Checking, order, recorded);

    /// <summary>Looks away until the next start.</summary>
    public void Rest() => _mode = Mode.Off;

    /// <summary>Ends the generation's trail.</summary>
    /// <exception cref="TrailDivergenceException">The recorded trail differs in its last byte, or goes on.</exception>
    public void Finish()
    {
        if (_windowLength > 0)
        {
            CloseWindow();
        }

        if (_mode == Mode.Checking && Length != _recorded.Length)
        {
            throw new TrailDivergenceException("the deliveries", $"a trail of {_recorded.Length} bytes", $"an end after {Length}");
        }

        _mode = Mode.Off;
    }

    /// <inheritdoc/>
    /// <exception cref="TrailDivergenceException">The recorded trail differs from here on, or from within the last few deliveries on.</exception>
    public void Delivered(ulong number, ulong nowTicks, in Delivery delivery)
    {
        if (_mode == Mode.Off)
        {
            return;
        }

        if (_mode == Mode.Checking)
        {
            _window[_windowLength] = delivery;
        }

        _mix = Mix(_mix, number, nowTicks, delivery, _order?.Counter ?? 0);
        if (++_windowLength == WindowDeliveries)
        {
            CloseWindow();
        }
    }

    /// <summary>Does nothing: what is never delivered is in the digest.</summary>
    /// <param name="reason">Why it is not delivered.</param>
    /// <param name="delivery">The message.</param>
    public void DeadLetter(DeadLetterReason reason, in Delivery delivery)
    {
    }

    private static ulong Mix(ulong mix, ulong number, ulong nowTicks, in Delivery delivery, ulong drawn)
    {
        // Two lanes: the processor works on both at once.
        ulong head = delivery.From.Value | ((ulong)delivery.To.Value << 8) | ((ulong)delivery.Message.Kind.Value << 16) | ((ulong)delivery.Correlation << 32);
        ulong one = Step(mix ^ head, delivery.Message.A, FirstMultiplier);
        ulong two = Step(BitOperations.RotateLeft(mix, 32) + number, delivery.Message.B, SecondMultiplier);
        one = Step(one, delivery.Message.C, FirstMultiplier);
        two = Step(two, delivery.Message.D, SecondMultiplier);
        one = Step(one, nowTicks, FirstMultiplier);
        two = Step(two, drawn, SecondMultiplier);
        if (delivery.Message.Text is { } text)
        {
            one = MixText(one, text);
        }

        return one ^ BitOperations.RotateLeft(two, 29);
    }

    private static ulong MixText(ulong mix, string text)
    {
        mix = Step(mix, (ulong)text.Length + 1, SecondMultiplier);
        foreach (char unit in text)
        {
            mix = Step(mix, unit, FirstMultiplier);
        }

        return mix;
    }

    private static ulong Step(ulong mix, ulong word, ulong multiplier) => (BitOperations.RotateLeft(mix, 23) ^ word) * multiplier;

    private void Begin(Mode mode, RandomStream? order, ReadOnlyMemory<byte> recorded)
    {
        _mode = mode;
        _order = order;
        _recorded = recorded;
        _mix = Start;
        Length = 0;
        _windowLength = 0;
        _lastWindowLength = 0;
    }

    private void CloseWindow()
    {
        if (Length == _bytes.Length)
        {
            Array.Resize(ref _bytes, Length * 2);
        }

        byte found = (byte)(_mix >> 56);
        _bytes[Length] = found;
        if (_mode == Mode.Checking)
        {
            Compare(found);
        }

        Length++;
        _lastWindowLength = _windowLength;
        _windowLength = 0;
    }

    private void Compare(byte found)
    {
        ReadOnlySpan<byte> recorded = _recorded.Span;
        if (Length >= recorded.Length)
        {
            throw new TrailDivergenceException("the deliveries", $"a trail of {recorded.Length} bytes", "more deliveries");
        }

        if (recorded[Length] != found)
        {
            throw new TrailDivergenceException($"byte {Length} of the trail", $"0x{recorded[Length]:x2}", $"0x{found:x2}");
        }
    }
}
