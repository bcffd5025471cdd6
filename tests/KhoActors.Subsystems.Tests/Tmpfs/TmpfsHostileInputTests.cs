using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>Texts and numbers from user space may be anything: they are answered, never thrown at.</summary>
public sealed class TmpfsHostileInputTests
{
    private static readonly string[] Pieces =
        ["/", "data", "a", "\0", ".", "..", "fd:", "fd:3", "3", "-1", "99999999999", "user.", "\x1", "\xFF", "\u0100", "\uD800", "\n", " ", ",", "=", "%"];

    private static readonly string[] OptionPieces =
    [
        "size", "nr_blocks", "nr_inodes", "mode", "uid", "gid", "kho", "noswap", "=", ",", "%", "0", "9", "18446744073709551615", "0x", "k", "E", "+", "-",
        "\n", "\0", "\u0100", "ro", " ",
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Requests_with_random_texts_and_words_are_answered(int seed)
    {
        SplitMix64 random = new((ulong)seed);
        TmpfsKernel kernel = new();
        TmpfsFileSystem mounted = kernel.Mount("data", "nr_blocks=4,nr_inodes=20");
        kernel.Create("/data/a");
        for (int i = 0; i < 20_000; i++)
        {
            byte number = (byte)(TmpfsProtocol.Create + random.Below(TmpfsProtocol.MapWrite - TmpfsProtocol.Create + 1));
            string? text = Text(random, Pieces, 8);
            KernelResult result = kernel.Ask(number, text, Word(random), Word(random), Word(random), Word(random));
            Assert.InRange(result.Code, -133, 0);
            Assert.Equal((int)mounted.UsedBlocks, kernel.PagesInUse);
        }

        mounted.Unmount();
        Assert.Equal(0, kernel.PagesInUse);
    }

    [Fact]
    public void Random_options_are_read_or_refused()
    {
        SplitMix64 random = new(3);
        int accepted = 0;
        for (int i = 0; i < 50_000; i++)
        {
            string text = Text(random, OptionPieces, 7) ?? "";
            int error = TmpfsOptionParser.Parse(text, TmpfsMounter.None, 1000, random.Below(2) == 0, out TmpfsMountOptions options);
            Assert.True(error is 0 or -Errno.EINVAL, text);
            if (error == 0)
            {
                accepted++;
                _ = new TmpfsFileSystem(options, new TmpfsKernel().Resources, 0, 0, default);
            }
        }

        Assert.InRange(accepted, 100, 40_000);
    }

    [Fact]
    public void A_request_that_mounts_or_is_no_request_is_a_defect_of_the_caller()
    {
        TmpfsKernel kernel = new();
        foreach (byte number in new[] { TmpfsProtocol.Mount, TmpfsProtocol.Unmount, TmpfsProtocol.FreezeNow, (byte)0x7F })
        {
            Assert.False(TmpfsSystemCalls.Carries(number));
            Assert.Throws<ArgumentException>(() => kernel.Ask(number, "/data"));
        }
    }

    [Fact]
    public void Descriptors_end_at_1023()
    {
        TmpfsKernel kernel = new();
        kernel.Mount("data");
        for (int i = 3; i < 1024; i++)
        {
            Assert.Equal($"fd:{i}", kernel.Open("/data"));
        }

        Assert.Equal(-Errno.EMFILE, kernel.Ask(TmpfsProtocol.Open, "/data").Code);
        kernel.Close("fd:500");
        Assert.Equal("fd:500", kernel.Open("/data"));
    }

    [Fact]
    public void Mount_points_are_one_legal_name()
    {
        Assert.True(TmpfsMountTable.TryName("/data", out string name));
        Assert.Equal("data", name);
        Assert.True(TmpfsMountTable.TryName(new string('x', 255), out _));
        Assert.All(["", "/", "a/b", "//a", ".", "..", "a\0", "\u0100", new string('x', 256)], text => Assert.False(TmpfsMountTable.TryName(text, out _)));
    }

    [Fact]
    public void A_frozen_file_system_blocks_changes_and_answers_readers()
    {
        TmpfsKernel kernel = new();
        TmpfsFileSystem mounted = kernel.Mount("data");
        kernel.Create("/data/a");
        kernel.Write("/data/a", 0, 10);
        string open = kernel.Open("/data/a");
        mounted.IsFrozen = true;
        for (byte number = TmpfsProtocol.Create; number <= TmpfsProtocol.MapWrite; number++)
        {
            string second = number is TmpfsProtocol.Link or TmpfsProtocol.Rename or TmpfsProtocol.SymbolicLink ? "\0/data/b"
                : number == TmpfsProtocol.SetExtendedAttribute ? "\0user.a" : "";
            bool makes = number is TmpfsProtocol.Create or TmpfsProtocol.MakeDirectory or TmpfsProtocol.MakeNode;
            KernelResult result = kernel.Ask(number, (makes ? "/data/b" : "/data/a") + second, number == TmpfsProtocol.Seek ? 0UL : 0, 3);
            Assert.True(TmpfsSystemCalls.IsBlocked(result) == IsChange(number), $"0x{number:x}: {result}");
        }

        Assert.Equal(-Errno.EAGAIN, kernel.Ask(TmpfsProtocol.Write, open, 0, 1, 0, 1).Code);
        Assert.True(TmpfsSystemCalls.IsBlocked(kernel.Ask(TmpfsProtocol.Truncate, open, 0)));
        mounted.IsFrozen = false;
        Assert.Equal([".", "..", "a"], kernel.Names("/data"));
        Assert.Equal(0, kernel.Truncate(open, 0));
    }

    private static bool IsChange(byte number) => number is (>= TmpfsProtocol.Create and <= TmpfsProtocol.WriteText)
        or TmpfsProtocol.Truncate or TmpfsProtocol.Allocate or TmpfsProtocol.ChangeMode or TmpfsProtocol.ChangeOwner or TmpfsProtocol.ChangeTimes
        or TmpfsProtocol.SetFlags or TmpfsProtocol.SetExtendedAttribute or TmpfsProtocol.MapWrite;

    private static string? Text(SplitMix64 random, string[] pieces, ulong most)
    {
        ulong count = random.Below(most + 1);
        string text = "";
        for (ulong i = 0; i < count; i++)
        {
            text += random.Below(10) == 0 ? new string((char)random.Below(0x180), (int)random.Below(300)) : pieces[random.Below((ulong)pieces.Length)];
        }

        return random.Below(50) == 0 ? null : text;
    }

    private static ulong Word(SplitMix64 random) => random.Below(4) switch
    {
        0 => random.Next(),
        1 => random.Next() >> 1,
        2 => random.Below(8),
        _ => random.Below(40_000),
    };
}
