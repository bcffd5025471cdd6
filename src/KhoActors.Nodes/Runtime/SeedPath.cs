using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace KhoActors.Nodes.Runtime;

/// <summary>
/// Names a source of randomness by its path from the seed (seed / fleet / machine 12 / actor 3 / purpose) and derives its key from the path alone:
/// a machine, an actor or a fault more never changes what another one draws.
/// </summary>
/// <remarks>
/// A key is 128 bits: 64 would make two of a million machines' streams meet too easily. A step absorbs the kind of step, the length of its name, the name
/// in UTF-8 in little-endian words and the index, so no two different paths feed the same words. The mixing is a fixed bijection per word; the
/// derivation is part of every digest and never changes (known answers are pinned by tests).
/// </remarks>
public sealed class SeedPath
{
    private const ulong NamedStep = 1;
    private const ulong IndexedStep = 2;

    private readonly SeedPath? _parent;
    private readonly string _name;
    private readonly ulong? _index;

    private SeedPath(SeedPath? parent, string name, ulong? index, ulong keyLow, ulong keyHigh)
    {
        _parent = parent;
        _name = name;
        _index = index;
        KeyLow = keyLow;
        KeyHigh = keyHigh;
    }

    /// <summary>Low half of the key.</summary>
    public ulong KeyLow { get; }

    /// <summary>High half of the key.</summary>
    public ulong KeyHigh { get; }

    /// <summary>The root of a run.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <returns>Its path.</returns>
    public static SeedPath Root(ulong seed)
    {
        ulong low = 0x6b686f2d6c6f770a;
        ulong high = 0x6b686f2d68696768;
        Absorb(ref low, ref high, seed);
        return new SeedPath(null, "seed", seed, low, high);
    }

    /// <summary>A step down by name, for example a purpose.</summary>
    /// <param name="name">Not empty, at most 64 bytes of UTF-8, no lone surrogate.</param>
    /// <returns>The longer path.</returns>
    public SeedPath Child(string name) => Step(NamedStep, name, null);

    /// <summary>A step down by name and number, for example a machine.</summary>
    /// <param name="name">Not empty, at most 64 bytes of UTF-8, no lone surrogate.</param>
    /// <param name="index">Which one.</param>
    /// <returns>The longer path.</returns>
    public SeedPath Child(string name, ulong index) => Step(IndexedStep, name, index);

    /// <summary>The path as read by people, for example <c>seed 7 / fleet / machine 12</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString()
    {
        string step = _index is { } index ? $"{_name} {index}" : _name;
        return _parent is null ? step : $"{_parent} / {step}";
    }

    private static void Absorb(ref ulong low, ref ulong high, ulong word)
    {
        low = RandomStream.Mix(low ^ word);
        high = RandomStream.Mix(BitOperations.RotateLeft(high, 23) + (word * RandomStream.Gamma) + low);
    }

    private SeedPath Step(ulong kind, string name, ulong? index)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!WellFormedText.Is(name))
        {
            throw new ArgumentException("a step of a seed path has a lone surrogate", nameof(name));
        }

        int length = Encoding.UTF8.GetByteCount(name);
        Span<byte> text = stackalloc byte[64];
        if (length > text.Length)
        {
            throw new ArgumentException($"a step of a seed path has at most {text.Length} bytes, this one has {length}", nameof(name));
        }

        text.Clear();
        Encoding.UTF8.GetBytes(name, text);
        ulong low = KeyLow;
        ulong high = KeyHigh;
        Absorb(ref low, ref high, kind);
        Absorb(ref low, ref high, (ulong)length);
        for (int offset = 0; offset < length; offset += sizeof(ulong))
        {
            Absorb(ref low, ref high, BinaryPrimitives.ReadUInt64LittleEndian(text[offset..]));
        }

        if (index is { } number)
        {
            Absorb(ref low, ref high, number);
        }

        return new SeedPath(this, name, index, low, high);
    }
}
