using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Poc;

namespace KhoActors.Subsystems.Tests.Tmpfs.Poc;

/// <summary>Random sequences: what the proof of concept does not lose is what a plain model has, and damage never fails the simulator.</summary>
public class PocModelTests
{
    private const int FilePages = 6;

    [Fact]
    public void Creating_writing_and_removing_come_over_whole_through_many_kexecs()
    {
        for (ulong seed = 1; seed <= 25; seed++)
        {
            Run run = new(seed);
            for (int step = 0; step < 200; step++)
            {
                run.Step();
            }

            run.Kexec();
        }
    }

    [Fact]
    public void Whatever_damage_was_handed_over_ends_in_an_errno_a_crash_or_a_violation()
    {
        int oopses = 0, violations = 0, survived = 0;
        for (ulong seed = 1; seed <= 400; seed++)
        {
            try
            {
                RunDamaged(seed);
                survived++;
            }
            catch (SimulatedOopsException)
            {
                oopses++;
            }
            catch (PageOwnershipException)
            {
                violations++;
            }
            catch (Exception exception)
            {
                Assert.Fail($"seed {seed}: {exception}");
            }
        }

        Assert.True(oopses > 20 && violations > 5 && survived > 20, $"{oopses} crashes, {violations} violations, {survived} survived");
    }

    private static void RunDamaged(ulong seed)
    {
        SplitMix64 random = new(seed);
        PocUser user = PocUser.Mounted(options: "kho=test,size=64k");
        string[] paths = ["m/file", "m/dir", "m/dir/inner", "m/dir/sub", "m/dir/sub/deep", "m/other", "m/node"];
        user.File("m/file", new string('f', 9000));
        Assert.Equal(0, user.MakeDirectory("m/dir"));
        user.File("m/dir/inner", new string('i', 5000));
        Assert.Equal(0, user.MakeDirectory("m/dir/sub"));
        user.File("m/dir/sub/deep");
        user.File("m/other");
        Assert.Equal(0, user.MakeNode("m/node", 0x11A4));
        ulong[] slots = [.. paths.Append("m").Select(path => user.Mirror(path).Phys)];
        Assert.Equal(0, user.Activate());
        for (ulong damage = 1 + random.Below(6); damage > 0; damage--)
        {
            Damage(user, random, slots);
        }

        _ = user.Machine.Kexec();
        _ = user.Mount();
        for (int step = 0; step < 60; step++)
        {
            Operate(user, random, paths[random.Below((ulong)paths.Length)], paths[random.Below((ulong)paths.Length)]);
        }

        _ = user.Unmount();
        _ = user.Machine.Kexec();
    }

    private static void Damage(PocUser user, SplitMix64 random, ulong[] slots)
    {
        ulong value = random.Below(6) switch
        {
            0 => random.Next(),
            1 => random.Below(70000),
            2 => PocAddresses.FixedBase + slots[random.Below((ulong)slots.Length)],
            3 => PocAddresses.FixedBase + (random.Below(PocMachine.RamEndPfn) << 12),
            4 => random.Below(PocMachine.RamEndPfn) << 12,
            _ => ulong.MaxValue << (int)random.Below(64),
        };
        if (random.Below(4) == 0)
        {
            (ulong phys, ulong sizeBytes) = user.Machine.Published(PocTree.SubtreeName)!.Value;
            user.Machine.Memory.WriteUInt64(phys + random.Below(sizeBytes - 8), value);
            return;
        }

        ulong slot = slots[random.Below((ulong)slots.Length)];
        ulong offset = random.Below(3) == 0 ? random.Below(96) & ~7UL : random.Below(3 * 264) + 24;
        user.Machine.Memory.WriteUInt64(slot + offset, value);
    }

    private static void Operate(PocUser user, SplitMix64 random, string path, string other)
    {
        switch (random.Below(16))
        {
            case 0:
                user.Create(path);
                break;
            case 1:
                user.MakeDirectory(path);
                break;
            case 2:
                user.Unlink(path);
                break;
            case 3:
                user.RemoveDirectory(path);
                break;
            case 4:
                user.Rename(path, other, random.Below(5));
                break;
            case 5:
                user.Link(path, other);
                break;
            case 6:
                user.Truncate(path, random.Below(20000));
                break;
            case 7:
                user.Allocate(path, random.Below(4), random.Below(20000), random.Below(20000));
                break;
            case 8:
                user.Ask(TmpfsProtocol.ReadDirectory, path, random.Below(70) * 264);
                break;
            case 9:
                user.Ask(TmpfsProtocol.Open, path);
                break;
            case 10:
                user.Ask(TmpfsProtocol.Close, $"fd:{3 + random.Below(4)}");
                break;
            case 11 or 12:
                user.WritePattern(path, random.Below(9000), random.Below(9000), random.Next());
                break;
            case 13:
                user.Ask(TmpfsProtocol.MigratePage, path, random.Below(3));
                break;
            case 14:
                user.Stat(path);
                break;
            default:
                user.Read(path, 20000);
                break;
        }
    }

    /// <summary>A file system, and what it should hold.</summary>
    private sealed class Run
    {
        private readonly SplitMix64 _random;
        private readonly ulong _seed;
        private readonly PocUser _user = PocUser.Mounted();
        private readonly SortedDictionary<string, byte[]?> _model = new(StringComparer.Ordinal) { ["m"] = null };
        private int _serial;

        public Run(ulong seed)
        {
            _seed = seed;
            _random = new SplitMix64(seed);
        }

        public void Step()
        {
            switch (_random.Below(20))
            {
                case < 6:
                    Make(isDirectory: false);
                    break;
                case < 8:
                    Make(isDirectory: true);
                    break;
                case < 15:
                    Write();
                    break;
                case < 19:
                    Remove();
                    break;
                default:
                    Kexec();
                    break;
            }
        }

        public void Kexec()
        {
            _user.Kexec();
            foreach ((string path, byte[]? content) in _model.ToArray().OrderBy(_ => _random.Next()))
            {
                if (content is null)
                {
                    IEnumerable<string> names = _user.Names(path).Except([".", ".."]).Order(StringComparer.Ordinal);
                    Assert.True(Children(path).SequenceEqual(names), $"seed {_seed}: {path} holds {string.Join(' ', names)}");
                }
                else if (_random.Below(4) != 0)
                {
                    KernelResult read = _user.Read(path);
                    Assert.True(
                        (read.Code, read.Value, read.Extra) == (0, (ulong)content.Length, PocUser.Crc(content)),
                        $"seed {_seed}: {path} reads as {read.Code}, {read.Value} bytes of {content.Length}");
                }
            }
        }

        private void Make(bool isDirectory)
        {
            string parent = Pick(path => _model[path] is null);
            string path = $"{parent}/{_serial++}";
            int expected = Children(parent).Count() >= 61 ? -Errno.ENOSPC : 0;
            Check(expected, isDirectory ? _user.MakeDirectory(path) : _user.Create(path), path);
            if (expected == 0)
            {
                _model[path] = isDirectory ? null : [];
            }
        }

        private void Write()
        {
            if (Pick(path => _model[path] is not null) is not { Length: > 0 } path)
            {
                return;
            }

            int offset = (int)_random.Below(FilePages * 4096);
            string text = new((char)('a' + _random.Below(26)), (int)(1 + _random.Below(6000)));
            Check(text.Length, (int)_user.Write(path, text, (ulong)offset), path);
            byte[] content = _model[path]!;
            byte[] written = new byte[Math.Max(content.Length, offset + text.Length)];
            content.CopyTo(written, 0);
            written.AsSpan(offset, text.Length).Fill((byte)text[0]);
            _model[path] = written;
        }

        private void Remove()
        {
            string path = Pick(path => path != "m");
            if (path.Length == 0)
            {
                return;
            }

            bool isDirectory = _model[path] is null;
            int expected = isDirectory && Children(path).Any() ? -Errno.ENOTEMPTY : 0;
            Check(expected, isDirectory ? _user.RemoveDirectory(path) : _user.Unlink(path), path);
            if (expected == 0)
            {
                _model.Remove(path);
            }
        }

        private string Pick(Func<string, bool> suits)
        {
            string[] paths = [.. _model.Keys.Where(suits)];
            return paths.Length == 0 ? "" : paths[_random.Below((ulong)paths.Length)];
        }

        private IEnumerable<string> Children(string directory) => _model.Keys
            .Where(path => path.StartsWith(directory + "/", StringComparison.Ordinal))
            .Select(path => path[(directory.Length + 1)..])
            .Where(name => !name.Contains('/', StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);

        private void Check(int expected, int actual, string path) =>
            Assert.True(expected == actual, $"seed {_seed}: {path}: expected {Errno.Symbol(expected)}, was {Errno.Symbol(actual)}");
    }
}
