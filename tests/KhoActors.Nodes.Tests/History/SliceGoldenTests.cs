using KhoActors.Nodes.History;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.Tests.History;

/// <summary>The bytes of one slice, field by field: stored histories are read for ever, so these never change.</summary>
public class SliceGoldenTests
{
    internal static readonly (string Hex, string Field)[] Golden =
    [
        ("01", "version"),
        ("ac02", "machine 300"),
        ("08", "first generation"),
        ("01", "generations, less one"),
        ("01", "hardware"),
        ("00", "chain"),
        ("05", "substreams"),
        ("1b", "generation 8: ended by kexec (1); booted by kexec (1), handed over (2), the kernel before is given (8)"),
        ("3d", "counts that changed from 0: survived, restored, operations, failed, messages"),
        ("01", "the kernel before: index 0, and 1"),
        ("1c", "survived 14, as every count a difference with its sign in the lowest bit"),
        ("12", "restored 9"),
        ("1c", "operations 14"),
        ("02", "failed 1"),
        ("e804", "messages 308"),
        ("17", "substreams that were drawn: 0, 1, 2, 4"),
        ("ca11", "2250 draws more"),
        ("e802", "360"),
        ("09", "9"),
        ("3f", "63"),
        ("04", "bytes of decisions"),
        ("03102008", "decisions"),
        ("02", "bytes of trail"),
        ("aabb", "trail"),
        ("08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627", "digest"),
        ("55", "generation 9: ended by an oops (5); booted by kexec (1), another kernel (4)"),
        ("61", "counts that changed: survived, messages, violations"),
        ("02", "the kernel: index 2"),
        ("03", "survived 2 less"),
        ("02", "messages 1 more"),
        ("ac02", "violations 150 more"),
        ("17", "substreams that were drawn"),
        ("fa01", "250 draws more"),
        ("28", "40"),
        ("01", "1"),
        ("07", "7"),
        ("04", "bytes of decisions"),
        ("03102009", "decisions"),
        ("02", "bytes of trail"),
        ("aabb", "trail"),
        ("090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728", "digest"),
        ("03", "section 1, order; a reader needs it (1)"),
        ("04", "bytes of the section"),
        ("00", "generation 8: no order"),
        ("02", "generation 9: bytes of order"),
        ("1122", "order"),
        ("05", "section 2, violations; a reader needs it"),
        ("15", "bytes of the section"),
        ("00", "generation 8: none is kept"),
        ("01", "generation 9: one"),
        ("00", "its generation: 0 more"),
        ("0c", "bytes of the invariant"),
        ("6b65726e656c2d616c697665", "invariant"),
        ("04", "bytes of the text"),
        ("4f6f7073", "text"),
        ("9a01", "section 77; a reader may pass over it (0)"),
        ("01", "bytes of the section"),
        ("ee", "its content"),
        ("1ff7d9af25f2bae1", "checksum of all before it"),
    ];

    private static SliceRecord Record
    {
        get
        {
            SliceRecord ordinary = SliceBench.Ordinary(machine: 300, generations: 2);
            GenerationRecord second = ordinary.Generations[1];
            return ordinary with
            {
                Generations =
                [
                    ordinary.Generations[0],
                    second with
                    {
                        Report = second.Report with
                        {
                            Kernel = SliceBench.Kernels[2],
                            HandedOver = false,
                            End = GenerationEnd.Oops,
                            ViolationCount = 150,
                            Violations = [new Violation(InvariantCatalog.KernelAlive, 9, "Oops")],
                        },
                        Order = new byte[] { 0x11, 0x22 },
                    },
                ],
                OtherSections = [new SliceSection(77, new byte[] { 0xEE })],
            };
        }
    }

    [Fact]
    public void A_slice_has_these_bytes()
    {
        string expected = string.Concat(Golden.Select(each => each.Hex));
        Assert.Equal(expected, Convert.ToHexStringLower(SliceBench.Codec.Encode(Record)));
    }

    [Fact]
    public void These_bytes_are_read_as_that_slice()
    {
        byte[] golden = Convert.FromHexString(string.Concat(Golden.Select(each => each.Hex)));
        SliceBench.AssertEqual(Record, SliceBench.Codec.Decode(Record.Stored(golden), "golden"), "golden");
    }

    /// <summary>Codes of the file do not follow the order in which the program lists its ends.</summary>
    [Fact]
    public void Each_end_has_its_code() => Assert.Equal(
        "1 Kexec, 2 LoadFailed, 3 Panic, 4 ColdBoot, 5 Oops, 6 Last, 7 KexecRefused, 8 Reboot, 9 EmergencyRestart",
        string.Join(", ", Enum.GetValues<GenerationEnd>().Skip(1).OrderBy(SliceFormat.CodeOf).Select(end => $"{SliceFormat.CodeOf(end)} {end}")));
}
