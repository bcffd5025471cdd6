using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Tests.Runtime;

/// <summary>Decisions are read back as they were written, and bytes that nobody wrote end in one clear error.</summary>
public class DecisionLogTests
{
    [Fact]
    public void Random_sequences_are_read_back_as_they_were_written()
    {
        for (ulong seed = 0; seed < 5_000; seed++)
        {
            RandomStream draws = new(SeedPath.Root(seed));
            DecisionRecorder recorder = new();
            recorder.Choice(3, 1, 5);
            recorder.Clear();
            List<Decision> written = [];
            for (ulong left = draws.NextBelow(60); left > 0; left--)
            {
                written.Add(Write(draws, recorder));
            }

            Assert.Equal(written.Count, recorder.Count);
            Assert.True(written.SequenceEqual(ReadAll(recorder.Written.ToArray())), $"seed {seed}");
        }
    }

    [Fact]
    public void The_encoding_of_version_1_is_this()
    {
        DecisionRecorder recorder = new();
        recorder.Operation(0, 3);
        recorder.Choice(0, 0, 1);
        recorder.DrawnWord(0, 0);
        recorder.Operation(0, DecisionLog.OperationOf(1, 2));
        recorder.Choice(DecisionLog.ProgramStreamOf(1), 0, 1000);
        recorder.Word(DecisionLog.KernelStreamOf(0), 0, 0x0102030405060708);
        recorder.Choice(DecisionLog.EndStream, 2, 1);
        recorder.DrawnWord(DecisionLog.EndStream, 3);
        recorder.Choice(0, 0, ulong.MaxValue);

        Assert.Equal(
            "0F" + "04" + "01" + "8B10" + "16" + "A01F" + "0A" + "05" + "0807060504030201" + "06" + "06" + "06" + "04" + "19" + "02" + "FCFFFFFFFFFFFFFFFF07",
            Convert.ToHexString(recorder.Written));
    }

    [Fact]
    public void Any_bytes_are_read_to_an_end_or_refused()
    {
        int refused = 0;
        for (ulong seed = 0; seed < 20_000; seed++)
        {
            RandomStream draws = new(SeedPath.Root(seed));
            byte[] bytes = new byte[draws.NextBelow(40)];
            for (int i = 0; i < bytes.Length; i++)
            {
                bytes[i] = (byte)draws.NextUInt64();
            }

            try
            {
                Assert.All(ReadAll(bytes), decision => Assert.InRange(decision.Stream, 0, DecisionLog.StreamLimit - 1));
            }
            catch (InvalidDataException damage)
            {
                refused++;
                Assert.Matches("^decisions, byte [0-9]+: ", damage.Message);
            }
        }

        Assert.InRange(refused, 1_000, 19_000);
    }

    /// <summary>What reads as the same decisions is the same bytes: a record cannot be changed without changing what it says.</summary>
    [Fact]
    public void Whatever_can_be_read_is_written_again_as_the_same_bytes()
    {
        for (ulong seed = 0; seed < 3_000; seed++)
        {
            RandomStream draws = new(SeedPath.Root(seed));
            DecisionRecorder recorder = new();
            for (ulong left = draws.NextBelow(12); left > 0; left--)
            {
                Write(draws, recorder);
            }

            byte[] bytes = recorder.Written.ToArray();
            if (bytes.Length > 0)
            {
                bytes[draws.NextBelow((ulong)bytes.Length)] ^= (byte)(1 << (int)draws.NextBelow(8));
            }

            if (TryReadAll(bytes, out List<Decision> decisions))
            {
                Assert.True(bytes.AsSpan().SequenceEqual(WriteAll(decisions).Written), $"seed {seed}: {Convert.ToHexString(bytes)}");
            }
        }
    }

    [Theory]
    [InlineData("80", "cut off")]
    [InlineData("05", "a word of 8 bytes is cut off")]
    [InlineData("0D", "a word of the form 3; even forms and 1 are accepted")]
    [InlineData("02", "cut off")]
    [InlineData("060A00", "a stream without a decision")]
    [InlineData("0603", "a stream without a decision")]
    [InlineData("8000", "longer than it needs to be")]
    [InlineData("FCFFFFFFFFFFFFFFFF1F", "longer than 64 bits")]
    [InlineData("FCFFFFFFFFFFFFFFFFFF01", "longer than 64 bits")]
    [InlineData("FE7F", "stream 4095 is too large")]
    [InlineData("02020600", "draws that go into no decision")]
    [InlineData("060603", "draws that go into no decision")]
    [InlineData("060609", "skipped twice")]
    [InlineData("83808001", "is too large, those below 65536")]
    public void A_malformed_log_is_refused_with_the_reason(string hex, string reason)
    {
        InvalidDataException damage = Assert.Throws<InvalidDataException>(() => ReadAll(Convert.FromHexString(hex)));

        Assert.Contains(reason, damage.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Writing_allocates_nothing_once_it_has_grown()
    {
        DecisionRecorder recorder = new();
        RandomStream draws = new(SeedPath.Root(1));
        long allocated = 0;
        for (int round = 0; round < 3; round++)
        {
            recorder.Clear();
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 10_000; i++)
            {
                recorder.Choice(i % 7, (ulong)(i % 2), draws.NextUInt64());
                recorder.Operation(0, i);
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
    }

    private static Decision Write(RandomStream draws, DecisionRecorder recorder)
    {
        int stream = (int)draws.NextBelow(draws.NextBelow(2) == 0 ? 3UL : DecisionLog.StreamLimit);
        ulong skipped = draws.NextBelow(4) == 0 ? draws.NextBelow(4) : 0;
        ulong value = draws.NextUInt64() >> (int)draws.NextBelow(64);
        switch (draws.NextBelow(4))
        {
            case 0:
                recorder.Choice(stream, skipped, value);
                return new Decision(DecisionKind.Choice, stream, skipped, false, value);
            case 1:
                recorder.DrawnWord(stream, skipped);
                return new Decision(DecisionKind.Word, stream, skipped, true, 0);
            case 2:
                recorder.Word(stream, skipped, value);
                return new Decision(DecisionKind.Word, stream, skipped, false, value);
            default:
                int operation = (int)draws.NextBelow(DecisionLog.OperationLimit);
                recorder.Operation(skipped, operation);
                return new Decision(DecisionKind.Operation, DecisionLog.WorkloadStream, skipped, false, (ulong)operation);
        }
    }

    private static DecisionRecorder WriteAll(List<Decision> decisions)
    {
        DecisionRecorder recorder = new();
        foreach (Decision decision in decisions)
        {
            switch (decision.Kind)
            {
                case DecisionKind.Choice:
                    recorder.Choice(decision.Stream, decision.Skipped, decision.Value);
                    break;
                case DecisionKind.Operation:
                    recorder.Operation(decision.Skipped, (int)decision.Value);
                    break;
                default:
                    WriteWord(recorder, decision);
                    break;
            }
        }

        return recorder;
    }

    private static void WriteWord(DecisionRecorder recorder, in Decision decision)
    {
        if (decision.IsDrawn)
        {
            recorder.DrawnWord(decision.Stream, decision.Skipped);
        }
        else
        {
            recorder.Word(decision.Stream, decision.Skipped, decision.Value);
        }
    }

    private static List<Decision> ReadAll(byte[] bytes)
    {
        DecisionReader reader = new(bytes);
        List<Decision> decisions = [];
        while (reader.TryRead(out Decision decision))
        {
            decisions.Add(decision);
        }

        Assert.Equal(decisions.Count, reader.Count);
        return decisions;
    }

    private static bool TryReadAll(byte[] bytes, out List<Decision> decisions)
    {
        try
        {
            decisions = ReadAll(bytes);
            return true;
        }
        catch (InvalidDataException)
        {
            decisions = [];
            return false;
        }
    }
}
