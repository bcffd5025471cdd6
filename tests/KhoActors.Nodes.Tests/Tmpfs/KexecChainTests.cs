using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Nodes.Tests.Tmpfs;

/// <summary>
/// Random lives of machines over many kexecs, against a plain model: mounts that come early, late or never, do not fit, are discarded or damaged.
/// </summary>
public class KexecChainTests
{
    private static readonly string[] Names = ["a", "b", "c"];

    [Theory]
    [InlineData(0UL)]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void Whatever_user_space_does_the_content_is_what_the_model_says(ulong part)
    {
        for (ulong seed = part * 6; seed < (part + 1) * 6; seed++)
        {
            new Life(seed).Run(kexecs: 12);
        }
    }

    [Fact]
    public void Random_damage_of_any_page_is_refused_or_harmless()
    {
        int refused = 0;
        for (ulong seed = 0; seed < 150; seed++)
        {
            refused += new Life(seed + 1000).RunDamaged() ? 1 : 0;
        }

        Assert.InRange(refused, 100, 150);
    }

    /// <summary>One machine and what must be true of it.</summary>
    private sealed class Life
    {
        private readonly TmpfsBench _bench;
        private readonly ulong _seed;
        private readonly SplitMix64 _random;
        private readonly SortedDictionary<string, TmpfsModel> _models = new(StringComparer.Ordinal);
        private readonly SortedDictionary<string, ulong> _carried = new(StringComparer.Ordinal);
        private readonly SortedSet<string> _mounted = new(StringComparer.Ordinal);
        private int _kexec;

        public Life(ulong seed)
        {
            _seed = seed;
            _random = new SplitMix64(seed * 0x9E3779B97F4A7C15);
            _bench = new TmpfsBench(seed);
        }

        private string Context => $"seed {_seed}, kexec {_kexec}";

        public void Run(int kexecs)
        {
            for (_kexec = 0; _kexec < kexecs; _kexec++)
            {
                for (ulong steps = 5 + Below(30); steps > 0; steps--)
                {
                    Step();
                }

                CheckNames();
                bool drops = Below(12) == 0;
                Assert.Equal(0, _bench.Call(TmpfsProtocol.CarryPolicy, a: drops ? 1UL : 0).Code);
                _bench.Kexec();
                AfterKexec(drops);
            }

            foreach (string name in _models.Keys.ToArray())
            {
                Mount(name);
            }
        }

        /// <summary>One mount, one damaged page. Returns whether it was refused.</summary>
        public bool RunDamaged()
        {
            Mount("a");
            for (int i = 0; i < 25; i++)
            {
                Work("a");
            }

            ulong anchor = _bench.AnchorPhys;
            Assert.Equal(0, _bench.Freeze());
            (ulong Phys, int Order)[] blocks = [.. _bench.Tracked.Where(block => _bench.Pages.OwnerOf(block.Phys >> 12) == PageOwner.Client(1))];
            HashSet<ulong> data = DataPages(anchor);
            ulong[] candidates = [.. blocks.Select(block => block.Phys).Where(phys => !data.Contains(phys))];
            ulong hit = candidates[Below((ulong)candidates.Length)];
            ulong word = hit + (Below(Below(2) == 0 ? 40UL : 512UL) * 8);
            bool isRandom = Below(2) == 0;
            ulong value = _random.Next();
            _bench.Jump(damage: memory => memory.WriteUInt64(word, isRandom ? value : memory.ReadUInt64(word) ^ (2UL << (int)(value % 62))));

            int code = _bench.Mount("a", "kho=a");
            if (code == 0 && !_bench.TmpfsLines.Any(line => line.Contains("another version", StringComparison.Ordinal)))
            {
                _models["a"].AssertIs(_bench, "/a", $"{Context}: word {word:x}");
            }

            Assert.True(code is 0 or -Errno.EUCLEAN, $"{Context}: {code}");
            return code != 0;
        }

        private void Step()
        {
            string name = Names[Below(3)];
            if (!_mounted.Contains(name))
            {
                MaybeMount(name);
                return;
            }

            switch (Below(24))
            {
                case 0 when Below(3) == 0:
                    Assert.Equal(0, _bench.Call(TmpfsProtocol.Unmount, name).Code);
                    _mounted.Remove(name);
                    _models.Remove(name);
                    break;
                case 1:
                    Assert.Equal(0, _bench.Freeze());
                    Assert.Equal(0, _bench.Thaw());
                    break;
                case 2:
                    FreezeWithTheWorkGoingOn(name);
                    break;
                default:
                    Work(name);
                    break;
            }
        }

        private void MaybeMount(string name)
        {
            switch (Below(4))
            {
                case 0:
                    Mount(name);
                    break;
                case 1 when _models.ContainsKey(name):
                    bool isEmpty = _models[name].Root.Entries.Count == 0;
                    Assert.Equal(isEmpty ? 0 : -Errno.EINVAL, _bench.Mount(name, $"kho={name},nr_inodes=1"));
                    if (isEmpty)
                    {
                        Assert.Equal(0, _bench.Call(TmpfsProtocol.Remount, $"{name}\0nr_inodes=1000").Code);
                        Mounted(name);
                    }

                    break;
                case 2 when _models.ContainsKey(name) && Below(4) == 0:
                    Assert.Equal(0, _bench.Call(TmpfsProtocol.Discard, name).Code);
                    _models.Remove(name);
                    break;
                default:
                    break;
            }
        }

        private void Mount(string name)
        {
            if (_mounted.Contains(name))
            {
                return;
            }

            bool isThere = _models.ContainsKey(name);
            Assert.Equal(isThere ? 0 : -Errno.ENOENT, _bench.Mount(name, $"kho={name},kho_must"));
            if (!isThere)
            {
                Assert.Equal(0, _bench.Mount(name, $"kho={name}"));
                _models.Add(name, new TmpfsModel { Root = new ModelNode { Mode = 0x43FF, Number = 1 } });
            }

            Mounted(name);
        }

        private void Mounted(string name)
        {
            _mounted.Add(name);
            _models[name].AssertIs(_bench, $"/{name}", Context);
        }

        private void Work(string name) => new TmpfsWorkload(_bench, $"/{name}", _models[name], Below).Do();

        /// <summary>A freeze that begins while other requests are on their way, and is given up.</summary>
        private void FreezeWithTheWorkGoingOn(string name)
        {
            uint freeze = _bench.PostMachine(ClientProtocol.Freeze);
            _bench.Step(Below(60));
            string file = $"late-{_kexec}-{Below(1000)}";
            uint asked = _bench.Ask(TmpfsProtocol.Create, $"/{name}/{file}", 0x1A4);
            _bench.Run();
            Assert.Equal(0, _bench.MachineAnswer(freeze)!.Value.Code);
            Assert.Equal(0, _bench.Thaw());
            KernelResult created = _bench.AnswerTo(asked)!.Value;
            if (created.Code == 0)
            {
                _models[name].Root.Entries.Add((file, new ModelNode { Mode = 0x81A4, Number = created.Value }));
            }

            Assert.True(created.Code is 0 or -Errno.EEXIST, $"{Context}: {created.Code}");
        }

        private void CheckNames()
        {
            ulong position = 0;
            foreach (string name in _models.Keys)
            {
                uint asked = _bench.Ask(TmpfsProtocol.ListNames, a: position++);
                _bench.Run();
                KernelResult result = _bench.AnswerTo(asked)!.Value;
                Assert.Equal((Context, name, _mounted.Contains(name) ? 1UL : 2), (Context, _bench.TextTo(asked), result.Value));
                if (!_mounted.Contains(name))
                {
                    Assert.Equal((Context, _carried.GetValueOrDefault(name)), (Context, result.Extra));
                }
            }

            Assert.Equal(-Errno.ENOENT, _bench.Call(TmpfsProtocol.ListNames, a: position).Code);
        }

        private void AfterKexec(bool drops)
        {
            foreach (string name in _models.Keys.ToArray())
            {
                if (_mounted.Contains(name))
                {
                    _carried[name] = 0;
                }
                else if (drops)
                {
                    _models.Remove(name);
                }
                else
                {
                    _carried[name] = _carried.GetValueOrDefault(name) + 1;
                }
            }

            _mounted.Clear();
        }

        /// <summary>Data pages of the only mount, and map nodes of files, whose UPTODATE flags nothing covers.</summary>
        private HashSet<ulong> DataPages(ulong anchor)
        {
            ulong super = _bench.Memory.ReadUInt64(anchor + AnchorPage.SlotsAt + AnchorPage.SlotSuperAt);
            MountSlot slot = new("a", super, false, _bench.Memory.ReadUInt32(anchor + AnchorPage.SlotsAt + AnchorPage.SlotPagesAt));
            TmpfsSnapshot? snapshot = new TmpfsSnapshotReader(_bench.Memory).Read(
                slot, anchor, phys => _bench.Pages.OwnerOf(phys >> 12) == PageOwner.Client(1), out string problem);
            Assert.True(snapshot is not null, problem);
            return [.. snapshot.DataPages];
        }

        private ulong Below(ulong limit) => _random.Below(limit);
    }
}
