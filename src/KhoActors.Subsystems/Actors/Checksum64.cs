using System.Buffers.Binary;

namespace KhoActors.Subsystems.Actors;

/// <summary>
/// A checksum of 64 bits for what is stored: snapshots and histories. A chain of bijective steps, one for each word of 8 bytes: two inputs
/// that differ in one word only never have the same checksum, and neither have two that differ in two single bits of neighbouring words.
/// Damage is found, forgery is not. Part of stored formats: it never changes.
/// </summary>
public static class Checksum64
{
    /// <summary>Bytes of a checksum.</summary>
    public const int SizeBytes = sizeof(ulong);

    private const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;

    /// <summary>The checksum of bytes and of their number.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <returns>The checksum.</returns>
    public static ulong Of(ReadOnlySpan<byte> bytes)
    {
        ulong sum = (ulong)bytes.Length;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            sum = Step(sum, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        ulong rest = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            rest |= (ulong)bytes[i] << (8 * i);
        }

        return Step(sum, rest);
    }

    private static ulong Step(ulong sum, ulong word)
    {
        sum = (sum ^ word) * Multiplier;
        return sum ^ (sum >> 32);
    }
}
