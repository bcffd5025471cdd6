using System.Text;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Tests.History;

/// <summary>A file holds a run and its records, on every computer, and never takes the place of another by mistake.</summary>
public sealed class HistoryFileTests : IDisposable
{
    private readonly HistoryFileBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void What_was_written_is_read()
    {
        _bench.Write();
        using HistoryFile file = HistoryFile.Open(_bench.Path);
        StoredRun expected = HistoryFileBench.Run;
        Assert.Equal(expected.Facts.ClientAssemblies, file.Run.Facts.ClientAssemblies);
        Assert.Equal(expected with { Facts = expected.Facts with { ClientAssemblies = [] } }, file.Run with { Facts = file.Run.Facts with { ClientAssemblies = [] } });
        SliceRecord[] read = [.. file.ReadSlices().Select(slice => new SliceCodec(ResolvedScenario.Parse(file.Run.Facts.ResolvedScenario, "file")).Decode(slice, "file"))];
        Assert.Equal(HistoryFileBench.Slices.Count, read.Length);
        for (int i = 0; i < read.Length; i++)
        {
            SliceBench.AssertEqual(HistoryFileBench.Slices[i], read[i], $"slice {i}");
        }

        Assert.Equal(read.Length, file.ReadSlices().Count());
    }

    [Fact]
    public void A_run_that_has_not_ended_is_read_as_such()
    {
        foreach (RunState state in Enum.GetValues<RunState>())
        {
            HistoryFile.Write(_bench.Path, HistoryFileBench.Run with { State = state, Ended = null, Digest = string.Empty }, [], overwrite: true);
            using HistoryFile file = HistoryFile.Open(_bench.Path);
            Assert.Equal((state, null, string.Empty), (file.Run.State, file.Run.Ended, file.Run.Digest));
            Assert.Empty(file.ReadSlices());
        }
    }

    [Fact]
    public void A_file_that_is_there_is_kept_unless_asked_otherwise()
    {
        File.WriteAllText(_bench.Path, "mine");
        string refusal = Assert.Throws<HistoryUnavailableException>(() => HistoryFile.Write(_bench.Path, HistoryFileBench.Run, HistoryFileBench.Stored)).Message;
        Assert.Equal($"{_bench.Path}: there is such a file already, and it is kept", refusal);
        Assert.Equal("mine", File.ReadAllText(_bench.Path));
        HistoryFile.Write(_bench.Path, HistoryFileBench.Run, HistoryFileBench.Stored, overwrite: true);
        Assert.True(HistoryFile.Recognise(_bench.Path));
        Assert.Equal([_bench.Path], Directory.GetFiles(_bench.Folder));
    }

    [Fact]
    public void A_history_that_cannot_be_read_to_its_end_leaves_no_file_and_the_old_one_in_place()
    {
        File.WriteAllText(_bench.Path, "mine");
        static IEnumerable<StoredSlice> Damaged()
        {
            yield return HistoryFileBench.Stored.First();
            throw new HistoryDamageException("the rest is damaged");
        }

        Assert.Throws<HistoryDamageException>(() => HistoryFile.Write(_bench.Path, HistoryFileBench.Run, Damaged(), overwrite: true));
        Assert.Equal("mine", File.ReadAllText(_bench.Path));
        Assert.Equal([_bench.Path], Directory.GetFiles(_bench.Folder));
    }

    [Fact]
    public void What_a_killed_export_left_is_no_obstacle()
    {
        File.WriteAllText(_bench.Path + ".partial", new string('x', 100_000));
        _bench.Write();
        Assert.Equal([_bench.Path], Directory.GetFiles(_bench.Folder));
        using HistoryFile file = HistoryFile.Open(_bench.Path);
        Assert.Equal(3, file.ReadSlices().Count());
    }

    [Fact]
    public void Slices_out_of_order_are_a_defect_of_whoever_exports() =>
        Assert.Throws<ArgumentException>(() => HistoryFile.Write(_bench.Path, HistoryFileBench.Run, HistoryFileBench.Stored.Reverse()));

    [Fact]
    public void Where_nothing_can_be_written_or_read_it_says_so()
    {
        string nowhere = Path.Combine(_bench.Folder, "missing", "a.khist");
        Assert.StartsWith($"{nowhere}: cannot be written: ", Assert.Throws<HistoryUnavailableException>(() => HistoryFile.Write(nowhere, HistoryFileBench.Run, [])).Message);
        Assert.StartsWith($"{nowhere}: cannot be read: ", Assert.Throws<HistoryUnavailableException>(() => HistoryFile.Open(nowhere)).Message);
        Assert.StartsWith($"{_bench.Folder}: cannot be read: ", Assert.Throws<HistoryUnavailableException>(() => HistoryFile.Open(_bench.Folder)).Message);
        Assert.Throws<HistoryUnavailableException>(() => HistoryFile.Open(""));
    }

    [Fact]
    public void Files_are_recognised_by_name_or_by_their_first_bytes()
    {
        byte[] bytes = _bench.Write();
        string other = Path.Combine(_bench.Folder, "renamed.bin");
        File.WriteAllBytes(other, bytes);
        Assert.True(HistoryFile.Recognise(other));
        Assert.True(HistoryFile.Recognise("not-there.KHIST"));
        File.WriteAllBytes(other, bytes[..7]);
        Assert.False(HistoryFile.Recognise(other));
        Assert.All(["last", "3", "", "\0", _bench.Folder], word => Assert.False(HistoryFile.Recognise(word)));
    }

    [Fact]
    public void The_same_history_is_the_same_file_and_begins_with_these_bytes()
    {
        byte[] bytes = _bench.Write();
        Assert.Equal(bytes, _bench.Write());
        Assert.Equal("894b484953540d0a", Convert.ToHexStringLower(bytes.AsSpan(0, 8)));
        Assert.Equal("0100000000" + "00000000" + "00000000", Convert.ToHexStringLower(bytes.AsSpan(8, 13)));
        int run = BitConverter.ToInt32(bytes, 8 + 13);
        Assert.Equal("01" + "05" + Convert.ToHexStringLower(Encoding.UTF8.GetBytes("small")), Convert.ToHexStringLower(bytes.AsSpan(8 + 33, 7)));
        int slice = 8 + 33 + run;
        Assert.Equal("02" + "01000000" + "05000000" + "00000000", Convert.ToHexStringLower(bytes.AsSpan(slice, 13)));
        Assert.Equal(SliceBench.Codec.Encode(HistoryFileBench.Slices[0]), bytes.AsSpan(slice + 33, BitConverter.ToInt32(bytes, slice + 13)).ToArray());
        Assert.Equal("03" + "04000000" + "00000000" + "00000000" + "28000000", Convert.ToHexStringLower(bytes.AsSpan(bytes.Length - 40 - 33, 17)));
        Assert.Equal("0300000000000000", Convert.ToHexStringLower(bytes.AsSpan(bytes.Length - 40, 8)));
        Assert.Equal(System.Security.Cryptography.SHA256.HashData(bytes.AsSpan(0, bytes.Length - 40 - 33)), bytes[^32..]);
    }
}
