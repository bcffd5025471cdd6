namespace KhoActors.Subsystems.Pstore;

/// <summary>
/// Inflates one raw deflate stream (RFC 1951) from hostile input, as strict as zlib: over-subscribed and incomplete codes, distances before the
/// beginning and a missing end of block are data errors. Bounded by input and output; allocates nothing.
/// </summary>
internal ref struct RawInflate
{
    /// <summary>Z_STREAM_END: the end of the stream was reached.</summary>
    public const int StreamEnd = 1;

    /// <summary>Z_DATA_ERROR: the data is no deflate stream.</summary>
    public const int DataError = -3;

    /// <summary>Z_BUF_ERROR: the input ends early, or the output does not fit.</summary>
    public const int BufferError = -5;

    private const int MaxCodeBits = 15;
    private const int LiteralSymbols = 286;
    private const int FixedLiteralSymbols = 288;
    private const int DistanceSymbols = 30;
    private const int EndOfBlock = 256;
    private const int FirstLength = 257;
    private const int CodeLengthSymbols = 19;

    private readonly ReadOnlySpan<byte> _input;
    private readonly Span<byte> _output;
    private int _inputAt;
    private int _outputAt;
    private uint _bits;
    private int _bitCount;

    private RawInflate(ReadOnlySpan<byte> input, Span<byte> output)
    {
        _input = input;
        _output = output;
    }

    private static ReadOnlySpan<ushort> LengthBase =>
        [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];

    private static ReadOnlySpan<byte> LengthExtraBits => [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

    private static ReadOnlySpan<ushort> DistanceBase =>
    [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
    ];

    private static ReadOnlySpan<byte> CodeLengthOrder => [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    /// <summary>Inflates.</summary>
    /// <param name="input">The stream; what follows its end does not matter.</param>
    /// <param name="output">Receives the text; its length is the limit.</param>
    /// <param name="length">Bytes written; all of the text only for <see cref="StreamEnd"/>.</param>
    /// <returns><see cref="StreamEnd"/>, <see cref="DataError"/> or <see cref="BufferError"/>.</returns>
    public static int Run(ReadOnlySpan<byte> input, Span<byte> output, out int length)
    {
        RawInflate inflate = new(input, output);
        int result;
        bool last;
        do
        {
            result = inflate.Block(out last);
        }
        while (result == 0 && !last);
        length = inflate._outputAt;
        return result == 0 ? StreamEnd : result;
    }

    private int Block(out bool last)
    {
        last = false;
        if (!Take(3, out int header))
        {
            return BufferError;
        }

        last = (header & 1) != 0;
        return (header >> 1) switch
        {
            0 => Stored(),
            1 => Fixed(),
            2 => Dynamic(),
            _ => DataError,
        };
    }

    private int Stored()
    {
        _bits = 0;
        _bitCount = 0;
        if (_input.Length - _inputAt < 4)
        {
            return BufferError;
        }

        int length = _input[_inputAt] | (_input[_inputAt + 1] << 8);
        int complement = _input[_inputAt + 2] | (_input[_inputAt + 3] << 8);
        _inputAt += 4;
        if (length != (~complement & 0xFFFF))
        {
            return DataError;
        }

        if (length > _input.Length - _inputAt || length > _output.Length - _outputAt)
        {
            return BufferError;
        }

        _input.Slice(_inputAt, length).CopyTo(_output[_outputAt..]);
        _inputAt += length;
        _outputAt += length;
        return 0;
    }

    private int Fixed()
    {
        Span<byte> lengths = stackalloc byte[FixedLiteralSymbols + 32];
        lengths[..144].Fill(8);
        lengths[144..256].Fill(9);
        lengths[256..280].Fill(7);
        lengths[280..FixedLiteralSymbols].Fill(8);
        lengths[FixedLiteralSymbols..].Fill(5);
        return Codes(lengths[..FixedLiteralSymbols], lengths[FixedLiteralSymbols..]);
    }

    private int Dynamic()
    {
        if (!Take(14, out int counts))
        {
            return BufferError;
        }

        int literals = (counts & 31) + 257;
        int distances = ((counts >> 5) & 31) + 1;
        int codeLengths = (counts >> 10) + 4;
        if (literals > LiteralSymbols || distances > DistanceSymbols)
        {
            return DataError;
        }

        Span<byte> lengths = stackalloc byte[CodeLengthSymbols];
        lengths.Clear();
        for (int i = 0; i < codeLengths; i++)
        {
            if (!Take(3, out int bits))
            {
                return BufferError;
            }

            lengths[CodeLengthOrder[i]] = (byte)bits;
        }

        Span<byte> all = stackalloc byte[LiteralSymbols + DistanceSymbols];
        all = all[..(literals + distances)];
        int result = ReadLengths(lengths, all);
        return result != 0 ? result : all[EndOfBlock] == 0 ? DataError : Codes(all[..literals], all[literals..]);
    }

    private int ReadLengths(scoped ReadOnlySpan<byte> codeLengths, scoped Span<byte> all)
    {
        Span<ushort> storage = stackalloc ushort[Code.Words(CodeLengthSymbols)];
        if (!Code.TryBuild(codeLengths, storage, mayBeIncomplete: false, out Code code))
        {
            return DataError;
        }

        for (int at = 0; at < all.Length;)
        {
            int symbol = Decode(code);
            if (symbol < 0)
            {
                return symbol;
            }

            if (symbol < 16)
            {
                all[at++] = (byte)symbol;
                continue;
            }

            (int bits, int least) = symbol switch
            {
                16 => (2, 3),
                17 => (3, 3),
                _ => (7, 11),
            };
            if (!Take(bits, out int more))
            {
                return BufferError;
            }

            int repeat = least + more;
            if (repeat > all.Length - at || (symbol == 16 && at == 0))
            {
                return DataError;
            }

            all.Slice(at, repeat).Fill(symbol == 16 ? all[at - 1] : (byte)0);
            at += repeat;
        }

        return 0;
    }

    private int Codes(scoped ReadOnlySpan<byte> literalLengths, scoped ReadOnlySpan<byte> distanceLengths)
    {
        Span<ushort> literalStorage = stackalloc ushort[Code.Words(FixedLiteralSymbols)];
        Span<ushort> distanceStorage = stackalloc ushort[Code.Words(32)];
        if (!Code.TryBuild(literalLengths, literalStorage, mayBeIncomplete: true, out Code literals)
            || !Code.TryBuild(distanceLengths, distanceStorage, mayBeIncomplete: true, out Code distances))
        {
            return DataError;
        }

        while (true)
        {
            int symbol = Decode(literals);
            if (symbol < 0 || symbol == EndOfBlock)
            {
                return Math.Min(symbol, 0);
            }

            if (symbol < EndOfBlock)
            {
                if (_outputAt == _output.Length)
                {
                    return BufferError;
                }

                _output[_outputAt++] = (byte)symbol;
                continue;
            }

            int result = Match(symbol - FirstLength, distances);
            if (result != 0)
            {
                return result;
            }
        }
    }

    private int Match(int lengthSymbol, scoped Code distances)
    {
        if (lengthSymbol >= LengthBase.Length)
        {
            return DataError;
        }

        if (!Take(LengthExtraBits[lengthSymbol], out int more))
        {
            return BufferError;
        }

        int length = LengthBase[lengthSymbol] + more;
        int symbol = Decode(distances);
        if (symbol < 0 || symbol >= DistanceSymbols)
        {
            return symbol < 0 ? symbol : DataError;
        }

        if (!Take(Math.Max((symbol >> 1) - 1, 0), out more))
        {
            return BufferError;
        }

        int distance = DistanceBase[symbol] + more;
        if (distance > _outputAt)
        {
            return DataError;
        }

        bool fits = length <= _output.Length - _outputAt;
        for (int i = fits ? length : _output.Length - _outputAt; i > 0; i--, _outputAt++)
        {
            _output[_outputAt] = _output[_outputAt - distance];
        }

        return fits ? 0 : BufferError;
    }

    private bool Take(int count, out int value)
    {
        for (; _bitCount < count; _bitCount += 8)
        {
            if (_inputAt == _input.Length)
            {
                value = 0;
                return false;
            }

            _bits |= (uint)_input[_inputAt++] << _bitCount;
        }

        value = (int)(_bits & ((1U << count) - 1));
        _bits >>= count;
        _bitCount -= count;
        return true;
    }

    /// <summary>The next symbol of a canonical code, or a negative error.</summary>
    private int Decode(scoped Code code)
    {
        int value = 0;
        int first = 0;
        int index = 0;
        for (int bits = 1; bits <= MaxCodeBits; bits++)
        {
            if (!Take(1, out int bit))
            {
                return BufferError;
            }

            value |= bit;
            int count = code.CountOf(bits);
            if (value - count < first)
            {
                return code.SymbolAt(index + (value - first));
            }

            index += count;
            first = (first + count) << 1;
            value <<= 1;
        }

        return DataError;
    }

    /// <summary>A canonical Huffman code: how many codes have each length, and the symbols in the order of their codes.</summary>
    private readonly ref struct Code
    {
        private readonly ReadOnlySpan<ushort> _words;

        private Code(ReadOnlySpan<ushort> words) => _words = words;

        public static int Words(int symbols) => MaxCodeBits + 1 + symbols;

        public int CountOf(int bits) => _words[bits];

        public int SymbolAt(int index) => _words[MaxCodeBits + 1 + index];

        /// <summary>Builds a code. One that uses no symbol is fine until it is used; an incomplete one only when it has a single code of one bit.</summary>
        public static bool TryBuild(ReadOnlySpan<byte> lengths, Span<ushort> storage, bool mayBeIncomplete, out Code code)
        {
            storage.Clear();
            code = new Code(storage);
            foreach (byte length in lengths)
            {
                storage[length]++;
            }

            storage[0] = 0;
            int left = 1;
            int longest = 0;
            Span<ushort> next = stackalloc ushort[MaxCodeBits + 2];
            next.Clear();
            for (int bits = 1; bits <= MaxCodeBits; bits++)
            {
                left = (left << 1) - storage[bits];
                if (left < 0)
                {
                    return false;
                }

                longest = storage[bits] != 0 ? bits : longest;
                next[bits + 1] = (ushort)(next[bits] + storage[bits]);
            }

            if (left > 0 && longest != 0 && (!mayBeIncomplete || longest != 1))
            {
                return false;
            }

            for (int symbol = 0; symbol < lengths.Length; symbol++)
            {
                if (lengths[symbol] != 0)
                {
                    storage[MaxCodeBits + 1 + next[lengths[symbol]]++] = (ushort)symbol;
                }
            }

            return true;
        }
    }
}
