using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Tests.Tracking;

/// <summary>Random operations against a sorted set, with allocations that fail and memory that others write to.</summary>
public class RadixTreeModelTests
{
    private const int Seeds = 200;
    private const int Operations = 400;

    [Fact]
    public void A_tree_holds_what_a_sorted_set_of_keys_holds()
    {
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            new Session(seed).Run();
        }
    }

    private sealed class Session
    {
        private readonly ulong _seed;
        private readonly SplitMix64 _random;
        private readonly PhysicalMemory _memory = new();
        private readonly ForwardPageSource _source;
        private readonly RadixTree _tree;
        private readonly SortedSet<ulong> _model = [];
        private readonly SortedSet<ulong> _paths = [];

        public Session(ulong seed)
        {
            _seed = seed;
            _random = new SplitMix64(seed);
            _source = new ForwardPageSource(_memory, 0x1_0000_0000);
            _tree = RadixTree.Create(_memory, _source)!;
        }

        public void Run()
        {
            for (int i = 0; i < Operations; i++)
            {
                PreservedBlock block = DrawBlock();
                ulong key = RadixKey.Encode(block.Phys, block.Order);
                switch (_random.Below(8))
                {
                    case < 4:
                        Track(block, key, i);
                        break;
                    case < 7:
                        Assert.True(_paths.Contains(key >> 15) == _tree.Untrack(block.Pfn, block.Order), At(i));
                        _model.Remove(key);
                        break;
                    default:
                        // Another owner writes to its own page: nothing of the tree changes.
                        _memory.WriteUInt64(0x8000_0000 + (_random.Below(4) << 12), _random.Next());
                        break;
                }
            }

            CheckWalk();
            CheckNodes();
        }

        private void Track(PreservedBlock block, ulong key, int i)
        {
            long before = _source.Live.Count;
            int missing = MissingNodes(key);
            _source.AllocationsLeft = (long)_random.Below(7);
            bool fits = _source.AllocationsLeft >= missing;

            Assert.True(_tree.Track(block.Pfn, block.Order) == (fits ? 0 : -Errno.ENOMEM), At(i));

            Assert.True(_source.Live.Count == before + (fits ? missing : 0), At(i));
            if (fits)
            {
                _model.Add(key);
                for (int shift = 15; shift <= 42; shift += 9)
                {
                    _paths.Add((key >> shift) | ((ulong)(shift - 15) << 54));
                }

                _paths.Add((key >> 51) | (36UL << 54));
            }
        }

        private int MissingNodes(ulong key)
        {
            int missing = 0;
            for (int shift = 15; shift <= 51; shift += 9)
            {
                missing += _paths.Contains((key >> shift) | ((ulong)(shift - 15) << 54)) ? 0 : 1;
            }

            return missing;
        }

        private void CheckWalk()
        {
            IEnumerable<PreservedBlock> expected = _model.Select(key =>
            {
                (ulong phys, int order) = RadixKey.Decode(key);
                return new PreservedBlock(PageGeometry.PfnOf(phys), order);
            });
            Assert.True(expected.SequenceEqual(CollectBlocks.Of(_tree)), At(Operations));
            var incoming = RadixTree.Attach(_memory, _tree.MapPhys, null, pfn => pfn is >= 0x100000 and < 0x200000);
            Assert.True(CollectBlocks.Of(_tree).SequenceEqual(CollectBlocks.Of(incoming)), At(Operations));
        }

        private void CheckNodes()
        {
            List<ulong> nodes = [];
            var blocks = new CollectBlocks([]);
            var visitor = new CollectNodes(nodes);
            Assert.Equal(0, _tree.Walk(ref blocks, ref visitor));
            Assert.True(nodes.Order().SequenceEqual(_source.Live), At(Operations));
            _tree.Destroy();
            Assert.Empty(_source.Live);
        }

        private PreservedBlock DrawBlock()
        {
            int order = (int)(_random.Below(4) == 0 ? _random.Below(52) : _random.Below(3));
            int bits = _random.Below(2) == 0 ? 17 : 52;
            ulong pfn = (_random.Next() & ((1UL << bits) - 1)) >> order << order;
            return new PreservedBlock(pfn, order);
        }

        private string At(int operation) => $"seed {_seed}, operation {operation}";
    }

    private readonly struct CollectNodes(List<ulong> nodes) : INodeVisitor
    {
        public void VisitNode(ulong phys, int level) => nodes.Add(phys);
    }
}
