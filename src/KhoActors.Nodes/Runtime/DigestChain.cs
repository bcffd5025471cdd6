using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>
/// A chained SHA-256: each link is the hash of the previous link and everything appended since. Appends are gathered in a buffer, so many small
/// ones are cheap; nothing is allocated per append.
/// </summary>
/// <remarks>
/// The encoding is unambiguous: every item starts with a tag, integers are self-delimiting (LEB128) or 8 bytes, texts and bytes carry their length.
/// Texts are hashed in UTF-8; one with a lone surrogate, which UTF-8 cannot express, in UTF-16 (little-endian) behind a tag of its own.
/// Two different sequences of appends never hash the same bytes. Tags and encoding are part of every stored digest and never change.
/// </remarks>
public sealed class DigestChain : IDisposable
{
    /// <summary>Bytes of a link.</summary>
    public const int LinkBytes = SHA256.HashSizeInBytes;

    private const int BufferBytes = 16 * 1024;
    private const int LimitIntegerBytes = 10;

    /// <summary>Most bytes of a delivery without its text: tag, two actors, correlation, kind, four words, length of the text.</summary>
    private const int LimitDeliveryBytes = 3 + (7 * LimitIntegerBytes);

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _buffer = new byte[BufferBytes];
    private readonly byte[] _last = new byte[LinkBytes];
    private int _used;

    /// <summary>Starts a chain.</summary>
    /// <param name="domain">What is chained, for example <c>machine</c>: chains of different domains never meet.</param>
    public DigestChain(string domain) => Start(domain);

    private enum Tag : byte
    {
        Domain = 1,
        Number = 2,
        Text = 3,
        Bytes = 4,
        Delivery = 5,
        DeadLetter = 6,
        Draws = 7,
        Link = 8,
        IllFormed = 9,
    }

    /// <summary>The last closed link; after a start, the hash of the domain.</summary>
    public ReadOnlySpan<byte> Last => _last;

    /// <summary>The digest of a fleet: the hash of its machines' digests in the order of their numbers.</summary>
    /// <param name="machineDigests">Links one after another, in the order of machine numbers.</param>
    /// <param name="digest">Receives 32 bytes.</param>
    public static void Fleet(ReadOnlySpan<byte> machineDigests, Span<byte> digest)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(machineDigests.Length % LinkBytes, 0);
        using var chain = new DigestChain("fleet");
        for (; !machineDigests.IsEmpty; machineDigests = machineDigests[LinkBytes..])
        {
            chain.Append(machineDigests[..LinkBytes]);
        }

        chain.Link().CopyTo(digest);
    }

    /// <summary>Starts another chain; what was appended and not linked is forgotten.</summary>
    /// <param name="domain">What is chained.</param>
    public void Start(string domain)
    {
        Forget();
        Append(Tag.Domain, domain);
        Close();
    }

    /// <summary>Continues a chain after a closed link; what was appended and not linked is forgotten.</summary>
    /// <param name="last">The saved <see cref="Last"/>.</param>
    public void Resume(ReadOnlySpan<byte> last)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(last.Length, LinkBytes);
        Forget();
        last.CopyTo(_last);
        OpenLink();
    }

    /// <summary>Appends a number.</summary>
    /// <param name="value">The number.</param>
    public void Append(ulong value)
    {
        Span<byte> target = Reserve(1 + LimitIntegerBytes);
        target[0] = (byte)Tag.Number;
        _used += Write(target, 1, value);
    }

    /// <summary>Appends a text.</summary>
    /// <param name="text">The text, well-formed or not.</param>
    public void Append(string text) => Append(Tag.Text, text);

    /// <summary>Appends bytes.</summary>
    /// <param name="bytes">The bytes, of any length.</param>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        Span<byte> target = Reserve(1 + LimitIntegerBytes);
        target[0] = (byte)Tag.Bytes;
        _used += Write(target, 1, (ulong)bytes.Length);
        AppendRaw(bytes);
    }

    /// <summary>Appends a delivery: sender, receiver, correlation, kind, payload.</summary>
    /// <param name="delivery">The delivery.</param>
    public void Append(in Delivery delivery) => Append(Tag.Delivery, delivery);

    /// <summary>Appends a message that was never delivered.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="delivery">The message.</param>
    public void AppendDeadLetter(DeadLetterReason reason, in Delivery delivery)
    {
        Append((ulong)reason);
        Append(Tag.DeadLetter, delivery);
    }

    /// <summary>Appends how far a substream was drawn, and its key.</summary>
    /// <param name="stream">The stream.</param>
    public void AppendDraws(RandomStream stream)
    {
        Span<byte> target = Reserve(1 + (2 * sizeof(ulong)) + LimitIntegerBytes);
        target[0] = (byte)Tag.Draws;
        BinaryPrimitives.WriteUInt64LittleEndian(target[1..], stream.Path.KeyLow);
        BinaryPrimitives.WriteUInt64LittleEndian(target[(1 + sizeof(ulong))..], stream.Path.KeyHigh);
        _used += Write(target, 1 + (2 * sizeof(ulong)), stream.Counter);
    }

    /// <summary>Closes a link and opens the next.</summary>
    /// <returns>The link: 32 bytes, valid until the next one is closed.</returns>
    public ReadOnlySpan<byte> Link()
    {
        Close();
        return _last;
    }

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();

    private static int Write(Span<byte> target, int at, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            target[at++] = (byte)(value | 0x80);
        }

        target[at++] = (byte)value;
        return at;
    }

    private void Append(Tag tag, in Delivery delivery)
    {
        Span<byte> target = Reserve(LimitDeliveryBytes);
        Message message = delivery.Message;
        target[2] = delivery.To.Value;
        target[1] = delivery.From.Value;
        target[0] = (byte)tag;
        int at = Write(target, 3, delivery.Correlation);
        at = Write(target, at, message.Kind.Value);
        at = Write(target, at, message.A);
        at = Write(target, at, message.B);
        at = Write(target, at, message.C);
        at = Write(target, at, message.D);
        if (message.Text is null)
        {
            target[at++] = 0;
            _used += at;
            return;
        }

        target[at++] = 1;
        _used += at;
        Append(Tag.Text, message.Text);
    }

    private void Append(Tag tag, string text)
    {
        if (!WellFormedText.Is(text))
        {
            AppendIllFormed(tag, text);
            return;
        }

        int length = Encoding.UTF8.GetByteCount(text);
        Span<byte> target = Reserve(1 + LimitIntegerBytes);
        target[0] = (byte)tag;
        _used += Write(target, 1, (ulong)length);
        if (length <= BufferBytes)
        {
            Span<byte> room = Reserve(length);
            _used += Encoding.UTF8.GetBytes(text, room);
        }
        else
        {
            AppendRaw(Encoding.UTF8.GetBytes(text));
        }
    }

    private void AppendIllFormed(Tag tag, string text)
    {
        ReadOnlySpan<byte> units = MemoryMarshal.AsBytes(text.AsSpan());
        Span<byte> target = Reserve(2 + LimitIntegerBytes);
        target[0] = (byte)Tag.IllFormed;
        target[1] = (byte)tag;
        _used += Write(target, 2, (ulong)units.Length);
        AppendRaw(units);
    }

    private void AppendRaw(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length <= BufferBytes)
        {
            bytes.CopyTo(Reserve(bytes.Length));
            _used += bytes.Length;
        }
        else
        {
            Spill();
            _hash.AppendData(bytes);
        }
    }

    private Span<byte> Reserve(int bytes)
    {
        if (bytes > BufferBytes - _used)
        {
            Spill();
        }

        return _buffer.AsSpan(_used);
    }

    private void Spill()
    {
        _hash.AppendData(_buffer, 0, _used);
        _used = 0;
    }

    private void Close()
    {
        Spill();
        _hash.GetHashAndReset(_last);
        OpenLink();
    }

    private void OpenLink()
    {
        _buffer[0] = (byte)Tag.Link;
        _last.CopyTo(_buffer.AsSpan(1));
        _used = 1 + LinkBytes;
    }

    private void Forget()
    {
        Spill();
        Span<byte> ignored = stackalloc byte[LinkBytes];
        _hash.GetHashAndReset(ignored);
    }
}
