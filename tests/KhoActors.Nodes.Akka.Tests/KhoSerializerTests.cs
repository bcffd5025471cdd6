using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Serialization;
using KhoActors.Nodes.Akka.Bootstrap;
using KhoActors.Nodes.Akka.Wire;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Sharding;

namespace KhoActors.Nodes.Akka.Tests;

public sealed class KhoSerializerTests()
    : global::Akka.TestKit.Xunit2.TestKit(NodeConfiguration.Of(new ClusterOptions(), [], 1, isAlone: true).Config, "serializer")
{
    private static readonly FleetPlan Plan = Fleets.Plan();

    private KhoSerializer Serializer => new((ExtendedActorSystem)Sys);

    [Fact]
    public void Every_message_of_ours_is_written_by_this_serializer_and_has_an_example_here()
    {
        List<Type> types =
        [
            .. typeof(IWireMessage).Assembly.GetTypes()
                .Where(type => type is { IsInterface: false, IsAbstract: false } && type.IsAssignableTo(typeof(IWireMessage))),
        ];
        IEnumerable<Type> shown = Examples().Where(example => example is IWireMessage).Select(example => example.GetType()).Distinct();

        Assert.Equal(types.OrderBy(type => type.Name), shown.OrderBy(type => type.Name));
        Assert.All(Examples(), example =>
        {
            Serializer found = Sys.Serialization.FindSerializerFor(example);
            Assert.Equal((typeof(KhoSerializer), JournalCodec.SerializerId), (found.GetType(), found.Identifier));
            Assert.Matches("^[a-z-]+/1$", Serializer.Manifest(example));
        });
        Assert.Equal(types.Count, Examples().OfType<IWireMessage>().Select(Serializer.Manifest).Distinct().Count());
    }

    [Fact]
    public void What_is_written_is_read_and_written_again_as_the_same_bytes()
    {
        Assert.All(Examples(), example =>
        {
            byte[] bytes = Serializer.ToBinary(example);

            object read = Serializer.FromBinary(bytes, Serializer.Manifest(example));

            Assert.IsType(example.GetType(), read);
            Assert.Equal(bytes, Serializer.ToBinary(read));
        });
        Assert.Equal(new RunSlice(3, 7, 4), Again(new RunSlice(3, 7, 4)));
        Assert.Equal(new FollowRun(3, true, false), Again(new FollowRun(3, true, false)));
        Assert.Equal(new SliceFailed(1, 2, 4, SliceFailure.Refused, "why"), Again(new SliceFailed(1, 2, 4, SliceFailure.Refused, "why")));
    }

    [Fact]
    public void What_is_cut_off_or_too_long_is_refused() => Assert.All(Examples(), example =>
    {
        byte[] bytes = Serializer.ToBinary(example);
        string manifest = Serializer.Manifest(example);

        for (int length = 0; length < Math.Min(bytes.Length, 200); length++)
        {
            Assert.Throws<SerializationException>(() => Serializer.FromBinary(bytes[..length], manifest));
        }

        Assert.Throws<SerializationException>(() => Serializer.FromBinary([.. bytes, 0], manifest));
    });

    [Fact]
    public void Hostile_bytes_are_refused_or_read_without_harm()
    {
        const ulong seed = 5_020_261_120;
        SplitMix64 random = new(seed);
        List<(string Manifest, byte[] Bytes)> examples = [.. Examples().Select(example => (Serializer.Manifest(example), Serializer.ToBinary(example)))];
        for (int round = 0; round < 20_000; round++)
        {
            (string manifest, byte[] bytes) = examples[random.Index(examples.Count)];
            byte[] changed = [.. bytes];
            for (int change = random.Index(4); change >= 0 && changed.Length != 0; change--)
            {
                changed[random.Index(Math.Min(changed.Length, 64))] = (byte)random.Next();
            }

            try
            {
                Serializer.FromBinary(changed, manifest);
            }
            catch (SerializationException)
            {
            }
        }
    }

    [Theory]
    [InlineData("run-slice/2")]
    [InlineData("")]
    [InlineData("System.String, mscorlib")]
    public void A_manifest_of_another_version_is_refused(string manifest) =>
        Assert.Throws<SerializationException>(() => Serializer.FromBinary([1, 2, 3], manifest));

    [Fact]
    public void Nothing_else_is_written() => Assert.Throws<ArgumentException>(() => Serializer.ToBinary("a text"));

    private object Again(object message) => Serializer.FromBinary(Serializer.ToBinary(message), Serializer.Manifest(message));

    private static IEnumerable<object> Examples()
    {
        ShardedRun run = Fleets.Run(Plan);
        using Machine machine = new();
        RestingMachine resting = new(1, 2);
        MachineTurn turn = new(run, machine, resting);
        while (!turn.IsDone)
        {
            turn.BeginGeneration();
            while (machine.NextDelivery(out Subsystems.Actors.Delivery delivery))
            {
                machine.Deliver(delivery);
            }

            turn.EndGeneration();
        }

        SliceRecorded slice = turn.ToEvent()!;
        ReplayDifference difference = new()
        {
            Machine = 2,
            Generation = 1,
            Aspect = ReplayAspect.Digest,
            What = "the digest",
            Recorded = "a",
            Found = "b",
            LastDelivery = 0,
            FirstDelivery = 0,
        };
        yield return new RunSlice(1, 2, 4);
        yield return new CancelSlice(1, int.MaxValue, 4);
        yield return new SliceFinished(slice);
        yield return new SliceFailed(1, 2, 4, SliceFailure.Defect, "machine 00000002: planted", slice);
        yield return new SliceDiffers(1, 4, difference);
        yield return new SliceCancelled(1, 2, 4);
        yield return new MachineRecovered(1, 2, 4);
        yield return new FindRun(1);
        yield return new RunFound(new RunBegun(1, Fleets.Facts(Plan), false));
        yield return new RunUnknown(1, "no such run");
        yield return new StartRun(ulong.MaxValue, Fleets.Facts(Plan), true);
        yield return new ResumeRun(3, Fleets.Facts(Plan), false);
        yield return new RunStarted(1);
        yield return new RunRefused("no");
        yield return new FollowRun(1, true, true);
        yield return new SliceForClient(slice);
        yield return new SliceTaken(1, 2, 4);
        yield return new StopRun(1, true);
        yield return new RunConcluded(
            new RunOver(1, RunState.Finished, new string('0', 64), DateTimeOffset.UnixEpoch), new FleetAdvanced(1, [], Fleets.Expected(Plan)), string.Empty);
        yield return new RunProgress(1, long.MaxValue, 12, 3, 4);
        yield return StopMachine.Instance;
        yield return slice;
        yield return new MachineRested(1, 2, 2, turn.ToSnapshot(), 0, slice.Encoded);
        yield return new RunAnnounced(1, 5);
        yield return new RunClosed(1);
        yield return new RunBegun(1, Fleets.Facts(Plan), true);
        yield return new RunReopened(1);
        yield return new RunOver(1, RunState.Interrupted, string.Empty, DateTimeOffset.UnixEpoch);
        yield return new FleetAdvanced(1, [new MachineAdvance(2, 2, false, machine.Digest.ToArray())], new FleetResult());
    }
}
