using System.Security.Cryptography;
using System.Text;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Tests.Runtime;

public sealed class DigestChainTests
{
    private static readonly Delivery Sample = new(new ActorId(1), new ActorId(2), 3, new Message(new MessageKind(4), 5, 6, 7, 8, "nine"));

    [Fact]
    public void A_link_is_the_documented_hash_of_the_previous_one_and_the_content()
    {
        using var chain = new DigestChain("machine");
        byte[] start = SHA256.HashData([1, 7, .. Encoding.UTF8.GetBytes("machine")]);
        Assert.Equal(start, chain.Last.ToArray());

        chain.Append(300);
        chain.Append("text");
        chain.Append([9, 8, 7]);
        chain.Append(Sample);
        byte[] content =
        [
            2, 0xAC, 0x02,
            3, 4, .. Encoding.UTF8.GetBytes("text"),
            4, 3, 9, 8, 7,
            5, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 4, .. Encoding.UTF8.GetBytes("nine"),
        ];
        Assert.Equal(SHA256.HashData([.. Link(start), .. content]), chain.Link().ToArray());

        static byte[] Link(byte[] previous) => [8, .. previous];
    }

    [Fact]
    public void Changing_any_one_input_changes_the_digest()
    {
        var stream = new RandomStream(SeedPath.Root(7).Child("a"), counter: 5);
        Action<DigestChain>[] inputs =
        [
            c => { },
            c => c.Append(0),
            c => c.Append(1),
            c => c.Append(1UL << 63),
            c => c.Append(string.Empty),
            c => c.Append("\0"),
            c => c.Append("text"),
            c => c.Append("text".Select(x => (byte)x).ToArray()),
            c => c.Append(ReadOnlySpan<byte>.Empty),
            c => c.Append([0]),
            c => c.Append([0, 0]),
            c => { c.Append([0]); c.Append([0]); },
            c => { c.Append("te"); c.Append("xt"); },
            c => { c.Append("t"); c.Append("ext"); },
            c => { c.Append(1); c.Append(0); },
            c => { c.Append(0); c.Append(1); },
            c => c.Link(),
            c => { c.Append(1); c.Link(); },
            c => { c.Link(); c.Append(1); },
            c => c.Append(Sample),
            c => c.Append(Sample with { From = new ActorId(9) }),
            c => c.Append(Sample with { To = new ActorId(9) }),
            c => c.Append(Sample with { From = Sample.To, To = Sample.From }),
            c => c.Append(Sample with { Correlation = 9 }),
            c => c.Append(Sample with { Message = Sample.Message with { Kind = new MessageKind(0x84) } }),
            c => c.Append(Sample with { Message = Sample.Message with { A = 99 } }),
            c => c.Append(Sample with { Message = Sample.Message with { B = 99 } }),
            c => c.Append(Sample with { Message = Sample.Message with { C = 99 } }),
            c => c.Append(Sample with { Message = Sample.Message with { D = 99 } }),
            c => c.Append(Sample with { Message = Sample.Message with { D = ulong.MaxValue } }),
            c => c.Append(Sample with { Message = Sample.Message with { Text = null } }),
            c => c.Append(Sample with { Message = Sample.Message with { Text = string.Empty } }),
            c => c.Append(Sample with { Message = Sample.Message with { Text = "ninE" } }),
            c => c.AppendDeadLetter(DeadLetterReason.NotRunning, Sample),
            c => c.AppendDeadLetter(DeadLetterReason.SenderCut, Sample),
            c => { c.Append((ulong)DeadLetterReason.SenderCut); c.Append(Sample); },
            c => c.AppendDraws(stream),
            c => c.AppendDraws(new RandomStream(stream.Path, counter: 6)),
            c => c.AppendDraws(new RandomStream(SeedPath.Root(7).Child("b"), counter: 5)),
        ];

        var digests = inputs.Select(input => Digest("machine", input)).Append(Digest("fleet", c => { })).ToList();

        Assert.Equal(digests.Count, digests.Distinct().Count());
    }

    [Fact]
    public void Texts_that_UTF_8_cannot_express_have_digests_of_their_own()
    {
        string[] texts =
        [
            "\uFFFD", "\uD800", "\uDBFF", "\uDC00", "\uDFFF", "\uD83D\uDE00", "\uDE00\uD83D", "\uD800\uD800\uDC00", "\uD800\uDC00\uD800",
            "a\uD800", "\uD800a", "a", "\uFFFDa",
            "\uE000", "\uD7FF", new string('x', 20_000) + "\uD800", new string('x', 20_000) + "\uD801",
        ];
        var digests = texts.SelectMany(text => new[]
        {
            Digest("machine", c => c.Append(text)),
            Digest("machine", c => c.Append(Sample with { Message = Sample.Message with { Text = text } })),
            Digest(text, c => { }),
            Digest("machine", c => c.Append(System.Runtime.InteropServices.MemoryMarshal.AsBytes(text.AsSpan()))),
        }).ToList();

        Assert.Equal(digests.Count, digests.Distinct().Count());
        Assert.Throws<ArgumentException>(() => SeedPath.Root(1).Child("machine \uD800"));
        Assert.Equal("seed 1 / \uD83D\uDE00", SeedPath.Root(1).Child("\uD83D\uDE00").ToString());
    }

    [Fact]
    public void A_text_with_a_lone_surrogate_is_hashed_in_UTF_16_behind_its_own_tag()
    {
        using var chain = new DigestChain("machine");
        byte[] start = chain.Last.ToArray();
        chain.Append("k\uD800");
        Assert.Equal(SHA256.HashData([8, .. start, 9, 3, 4, (byte)'k', 0, 0x00, 0xD8]), chain.Link().ToArray());
    }

    [Fact]
    public void How_appends_fall_into_the_buffer_changes_nothing()
    {
        // The chain against a plain hash of the concatenated encoding, with sizes around the buffer's.
        var sizes = new RandomStream(SeedPath.Root(1).Child("sizes"));
        using var chain = new DigestChain("machine");
        for (int round = 0; round < 100; round++)
        {
            using var model = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            model.AppendData([8, .. chain.Last]);
            for (ulong items = sizes.NextBelow(6); items > 0; items--)
            {
                int length = (int)(sizes.Chance(500_000) ? sizes.NextBelow(100) : 16_000 + sizes.NextBelow(1000));
                byte[] bytes = [.. Enumerable.Range(0, length).Select(i => (byte)('a' + (i % 26)))];
                bool asText = sizes.Chance(500_000);
                if (asText)
                {
                    chain.Append(Encoding.ASCII.GetString(bytes));
                }
                else
                {
                    chain.Append(bytes);
                }

                var writer = new SnapshotWriter();
                writer.WriteVar((ulong)length);
                model.AppendData([asText ? (byte)3 : (byte)4, .. writer.Written, .. bytes]);
            }

            Assert.Equal(model.GetHashAndReset(), chain.Link().ToArray());
        }
    }

    [Fact]
    public void A_chain_resumes_after_a_link_and_forgets_what_was_not_linked()
    {
        using var through = new DigestChain("machine");
        through.Append(1);
        byte[] saved = through.Link().ToArray();
        using var resumed = new DigestChain("other");
        resumed.Append(new byte[20_000]);
        resumed.Resume(saved);
        foreach (DigestChain chain in new[] { through, resumed })
        {
            chain.Append(2);
            chain.Link();
        }

        Assert.Equal(through.Last.ToArray(), resumed.Last.ToArray());
        resumed.Append(new byte[20_000]);
        resumed.Start("machine");
        Assert.Equal(new DigestChain("machine").Last.ToArray(), resumed.Last.ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => resumed.Resume(new byte[31]));
    }

    [Fact]
    public void A_fleet_digest_depends_on_every_machine_and_on_their_order()
    {
        byte[][] machines = [.. Enumerable.Range(0, 3).Select(i => SHA256.HashData([(byte)i]))];
        string[] digests =
        [
            Fleet(machines[0], machines[1], machines[2]), Fleet(machines[1], machines[0], machines[2]),
            Fleet(machines[0], machines[1]), Fleet(machines[0]), Fleet(),
            Fleet(machines[0], machines[1], machines[1]),
        ];
        Assert.Equal(digests.Length, digests.Distinct().Count());
        Assert.Throws<ArgumentOutOfRangeException>(() => DigestChain.Fleet(new byte[33], new byte[32]));

        static string Fleet(params byte[][] machines)
        {
            var digest = new byte[DigestChain.LinkBytes];
            DigestChain.Fleet(machines.SelectMany(m => m).ToArray(), digest);
            return Convert.ToHexStringLower(digest);
        }
    }

    [Fact]
    public void A_delivery_digest_sees_order_and_dead_letters()
    {
        string[] digests = [Run(1, 2, 3), Run(2, 1, 3), Run(1, 2, 40), Run(1, 2)];
        Assert.Equal(4, digests.Distinct().Count());
        Assert.Equal(digests[0], Run(1, 2, 3));

        static string Run(params int[] receivers)
        {
            using var chain = new DigestChain("machine");
            (LocalRuntime runtime, _) = RuntimeBench.WithSilentActors(1, 3);
            runtime.Observe(new DeliveryDigest(chain));
            foreach (int receiver in receivers)
            {
                runtime.Post(RuntimeBench.Id(0), RuntimeBench.Id(receiver), RuntimeBench.Word(1));
                runtime.RunUntilIdle(10);
            }

            return Convert.ToHexStringLower(chain.Link());
        }
    }

    private static string Digest(string domain, Action<DigestChain> input)
    {
        using var chain = new DigestChain(domain);
        input(chain);
        return Convert.ToHexStringLower(chain.Link());
    }
}
