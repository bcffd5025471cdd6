using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Subsystems.Tests.Pstore;

/// <summary>Incoming blobs that an attacker wrote: v2 and hardened never throw, and hardened shows nothing from outside the blob.</summary>
public class PstoreHostileTests
{
    private const int Rounds = 1500;
    private static readonly ulong[] Interesting =
    [
        0, 1, 2, 4, 5, 44, 48, 4095, 4096, 4100, 4101, 4144, 8148, 8192, 1UL << 22, (1UL << 22) + 1, uint.MaxValue, 1UL << 52, (1UL << 63) - 1, 1UL << 63,
        ulong.MaxValue - 44, ulong.MaxValue,
    ];

    [Theory]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void Random_damage_of_blob_and_root_fdt_never_throws(string profile)
    {
        int shown = 0;
        for (ulong seed = 1; seed <= Rounds; seed++)
        {
            SplitMix64 random = new(seed);
            PstoreBench bench = PstoreBench.Started(Profiles.Of(profile), commandLine: random.Below(2) == 0 ? "pstore.compress=none" : "");
            bench.Jump();
            ulong blob = bench.OutBlob()!.Value.Phys;

            LeaveSecrets(bench, PageGeometry.PfnOf(blob), seed);
            Damage(bench, blob, random);
            byte[] folio = bench.Bytes(blob, 8192);
            bench.Boot(Profiles.Of(profile));
            Assert.Equal(0, bench.Init());
            bench.Mount();
            if (bench.File() is not { } file)
            {
                continue;
            }

            shown++;
            if (profile == "pstore" && (folio[40] == 0 || file.Name.EndsWith(".enc.z", StringComparison.Ordinal)))
            {
                byte[] content = System.Text.Encoding.Latin1.GetBytes(file.Content);
                bool isInside = content.Length <= 8192 - 44 && content.AsSpan().SequenceEqual(folio.AsSpan(44, content.Length));
                Assert.True(isInside, $"seed {seed}: bytes from outside the blob");
            }
        }

        Assert.True(shown > 50);
    }

    [Fact]
    public void Looking_at_any_blob_never_throws()
    {
        for (ulong seed = 1; seed <= Rounds; seed++)
        {
            SplitMix64 random = new(seed);
            PstoreBench bench = PstoreBench.Started(random.Below(2) == 0 ? PstoreClients.V1 : PstoreClients.V2);
            bench.Dump(KmsgDumpReason.Oops);
            (ulong blob, ulong? size) = bench.OutBlob()!.Value;
            Damage(bench, blob, random);

            PstoreBlob? found = PstoreBlob.Read(bench.Memory, blob, random.Below(2) == 0 ? size : Interesting[(int)random.Below((ulong)Interesting.Length)]);

            Assert.NotEqual(string.Empty, found?.ToString());
            found?.Text();
        }
    }

    [Theory]
    [InlineData("pstore-v1", "pstore-kho-v1, Oops#1 Part1, ")]
    [InlineData("pstore-v2", "version 1, Oops#1 Part1, ")]
    public void A_blob_says_what_it_holds(string profile, string text)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile));
        (ulong blob, ulong? size) = bench.OutBlob()!.Value;
        Assert.EndsWith(", empty", PstoreBlob.Read(bench.Memory, blob, size)!.ToString());

        bench.Oops("BUG");

        PstoreBlob found = PstoreBlob.Read(bench.Memory, blob, size)!;
        Assert.StartsWith(text, found.ToString());
        Assert.EndsWith("] BUG\n", found.Text());
        Assert.Null(PstoreBlob.Read(bench.Memory, blob + 8, size));
    }

    /// <summary>Fills free memory behind the blob with something that no file may show.</summary>
    private static void LeaveSecrets(PstoreBench bench, ulong pfn, ulong seed)
    {
        for (ulong i = 2; i < 64; i++)
        {
            if (bench.ClientKernel.OwnerOf(PageGeometry.PhysOf(pfn + i)) == PageOwner.Free)
            {
                bench.Memory.Fill(pfn + i, 1, new PagePattern(seed, i));
            }
        }
    }

    private static void Damage(PstoreBench bench, ulong blob, SplitMix64 random)
    {
        for (ulong i = 0; i <= random.Below(3); i++)
        {
            switch (random.Below(4))
            {
                case 0:
                    bench.Memory.WriteUInt64(blob + (8 * random.Below(6)), Interesting[(int)random.Below((ulong)Interesting.Length)]);
                    break;
                case 1:
                    bench.Memory.WriteUInt64(blob + 8, 1 + random.Below(9000));
                    break;
                case 2:
                    bench.Memory.WriteUInt64(blob + random.Below(200), random.Next());
                    break;
                default:
                    // The blob's address or size in the root FDT.
                    byte[] page = bench.RootFdtPage;
                    int at = page.AsSpan().IndexOf(BitConverter.GetBytes(random.Below(2) == 0 ? blob : bench.OutBlob()?.SizeBytes ?? blob));
                    if (at > 0)
                    {
                        ulong value = random.Below(2) == 0 ? Interesting[(int)random.Below((ulong)Interesting.Length)] : blob + (4096 * random.Below(4));
                        bench.Memory.WriteUInt64(bench.Core.FdtPhys + (ulong)at, value);
                    }

                    break;
            }
        }
    }
}
