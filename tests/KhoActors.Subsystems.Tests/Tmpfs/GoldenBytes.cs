namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>
/// The worked example of the layout (reference, B.12): <c>mount -o kho=test,size=1M,nr_inodes=10,mode=1777</c> and one file <c>/foo</c>. Each dump is
/// <c>offset: bytes</c>; what is not listed is zero.
/// </summary>
internal static class GoldenBytes
{
    public const ulong AnchorPhys = 0x1000_0000, SuperPhys = 0x1000_1000, InodePhys = 0x1000_2000, DirectoryPhys = 0x1000_3000, DataPhys = 0x1000_4000;

    public const string Anchor = """
        0000: 54 4d 50 46 53 4b 48 4f 74 6d 70 66 73 2d 6b 68
        0010: 6f 2d 76 31 00 00 00 00 00 00 00 00 00 00 00 00
        0020: 0c 00 40 00 02 00 00 00 01 00 00 00 8f 92 5c 32
        0030: 01 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00
        0040: 74 65 73 74 00 00 00 00 00 00 00 00 00 00 00 00
        0050: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        0060: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        0070: 00 10 00 10 00 00 00 00 01 00 00 00 04 00 00 00
        """;

    public const string Super = """
        0000: 54 4b 53 55 50 45 52 31 74 65 73 74 00 00 00 00
        0010: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        0020: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        0030: 00 00 00 00 00 00 00 00 10 11 12 13 14 15 16 17
        0040: 18 19 1a 1b 1c 1d 1e 1f 00 01 00 00 00 00 00 00
        0050: 0a 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00
        0060: 00 08 00 00 00 00 00 00 02 00 00 00 00 00 00 00
        0070: 01 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00
        0080: 01 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00
        0090: 00 20 00 10 00 00 00 00 00 00 00 00 00 00 00 00
        00a0: ff 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        00b0: d1 3f 57 67 00 00 00 00 00 00 00 00 2a 68 99 0d
        """;

    public const string Inodes = """
        0000: 01 00 00 00 00 00 00 00 ff 43 00 00 02 00 00 00
        0010: 00 00 00 00 00 00 00 00 10 00 00 00 00 00 00 00
        0020: 01 00 00 00 00 00 00 00 d1 3f 57 67 00 00 00 00
        0030: d1 3f 57 67 00 00 00 00 d1 3f 57 67 00 00 00 00
        0040: d1 3f 57 67 00 00 00 00 00 00 00 00 00 00 00 00
        0050: 00 00 00 00 00 00 00 00 11 11 11 11 00 00 00 00
        0060: 00 00 00 00 00 00 00 00 01 30 00 10 00 00 00 00
        0070: 01 00 00 00 00 00 00 00 59 0f 7e 3e a9 57 f7 13
        0100: 02 00 00 00 00 00 00 00 a4 81 00 00 01 00 00 00
        0110: 00 00 00 00 00 00 00 00 0a 00 00 00 00 00 00 00
        0120: 01 00 00 00 00 00 00 00 d1 3f 57 67 00 00 00 00
        0130: d1 3f 57 67 00 00 00 00 d1 3f 57 67 00 00 00 00
        0140: d1 3f 57 67 00 00 00 00 00 00 00 00 00 00 00 00
        0150: 00 00 00 00 00 00 00 00 22 22 22 22 00 00 00 00
        0160: 00 00 00 00 00 00 00 00 01 40 00 10 00 00 00 00
        0170: 00 00 00 00 00 00 00 00 85 e3 92 01 00 00 00 00
        """;

    public const string Directory = """
        0000: 02 00 00 00 00 00 00 00 10 00 03 01 66 6f 6f 00
        """;

    public static byte[] Page(string dump)
    {
        byte[] page = new byte[4096];
        foreach (string line in dump.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            byte[] bytes = Convert.FromHexString(line[5..].Replace(" ", string.Empty, StringComparison.Ordinal));
            bytes.CopyTo(page, Convert.ToInt32(line[..4], 16));
        }

        return page;
    }
}
