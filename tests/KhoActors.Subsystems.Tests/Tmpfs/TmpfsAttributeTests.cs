using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>Modes, owners, flags, extended attributes and times as the VFS treats them.</summary>
public sealed class TmpfsAttributeTests
{
    private readonly TmpfsKernel _kernel = new();

    public TmpfsAttributeTests()
    {
        _kernel.Mount("data", "nr_inodes=4");
        _kernel.Create("/data/f");
    }

    [Fact]
    public void A_set_group_id_directory_passes_its_group_on_and_to_directories_the_bit()
    {
        _kernel.Mount("sgid", "mode=2777,gid=50");
        _kernel.Ask(TmpfsProtocol.Create, "/sgid/f", 0x1A4, (7UL << 32) | 8);
        _kernel.Ask(TmpfsProtocol.MakeDirectory, "/sgid/d", 0xFFF, (7UL << 32) | 8);
        Assert.Equal((7UL << 32) | 50, _kernel.Stat("/sgid/f", TmpfsStatField.ModeLinksOwner).Extra);
        Assert.Equal((0x81A4U, 0x47FFU), (_kernel.Mode("/sgid/f"), _kernel.Mode("/sgid/d")));
    }

    [Fact]
    public void Chmod_keeps_the_type_and_chown_drops_set_id_bits()
    {
        Assert.Equal(0, _kernel.Ask(TmpfsProtocol.ChangeMode, "/data/f", 0x1FFFF).Code);
        Assert.Equal(0x8FFFU, _kernel.Mode("/data/f"));
        Assert.Equal(0, _kernel.Ask(TmpfsProtocol.ChangeOwner, "/data/f", b: (5UL << 32) | uint.MaxValue).Code);
        Assert.Equal(0x83FFU, _kernel.Mode("/data/f"));
        Assert.Equal(5UL << 32, _kernel.Stat("/data/f", TmpfsStatField.ModeLinksOwner).Extra);
        _kernel.Ask(TmpfsProtocol.ChangeMode, "/data/f", 0x5B0);
        _kernel.Ask(TmpfsProtocol.ChangeOwner, "/data/f", b: ulong.MaxValue);
        Assert.Equal(0x85B0U, _kernel.Mode("/data/f"));
    }

    [Theory]
    [InlineData(0x10UL)]
    [InlineData(0x20UL)]
    public void Immutable_and_append_only_files_refuse_changes_with_EPERM(ulong flag)
    {
        Assert.Equal(0, _kernel.SetFlags("/data/f", flag));
        int[] results =
        [
            _kernel.Write("/data/f", 0, 1).Code, _kernel.MapWrite("/data/f", 0, 1).Code, _kernel.Truncate("/data/f", 0), _kernel.Unlink("/data/f"),
            _kernel.Link("/data/f", "/data/g"), _kernel.Ask(TmpfsProtocol.ChangeMode, "/data/f", 0).Code, _kernel.Allocate("/data/f", 0, 0, 1),
            _kernel.Ask(TmpfsProtocol.ChangeOwner, "/data/f").Code, _kernel.Ask(TmpfsProtocol.ChangeTimes, "/data/f").Code,
            _kernel.Ask(TmpfsProtocol.SetExtendedAttribute, "/data/f\0user.a", 0).Code,
        ];
        Assert.Equal(-Errno.EBADF, _kernel.Write(_kernel.Open("/data/f"), 0, 1).Code);
        Assert.All(results, result => Assert.Equal(-Errno.EPERM, result));
        Assert.Equal(0, _kernel.SetFlags("/data/f", 0));
        Assert.Equal(0, _kernel.Unlink("/data/f"));
    }

    [Fact]
    public void An_append_only_directory_takes_names_and_gives_none_up_and_an_immutable_one_neither()
    {
        _kernel.SetFlags("/data", 0x20);
        Assert.Equal(0, _kernel.Create("/data/g"));
        Assert.Equal(-Errno.EPERM, _kernel.Unlink("/data/g"));
        _kernel.SetFlags("/data", 0x10);
        Assert.Equal(-Errno.EPERM, _kernel.Create("/data/h"));
        Assert.Equal(-Errno.EPERM, _kernel.Unlink("/data/g"));
        Assert.Equal(-Errno.EOPNOTSUPP, _kernel.SetFlags("/data", 0x1));
    }

    [Fact]
    public void Nodump_and_noatime_are_inherited()
    {
        _kernel.SetFlags("/data", 0xE0);
        _kernel.Create("/data/g");
        Assert.Equal(0xC0UL, _kernel.Stat("/data/g", TmpfsStatField.BlocksDevice).Extra);
    }

    [Theory]
    [InlineData("/data/f", "user.a", 0UL, 0)]
    [InlineData("/data/f", "trusted.a", 10UL, 0)]
    [InlineData("/data/p", "security.a", 10UL, 0)]
    [InlineData("/data/p", "user.a", 10UL, -Errno.EPERM)]
    [InlineData("/data/f", "", 0UL, -Errno.ERANGE)]
    [InlineData("/data/f", "user.a", 65537UL, -Errno.E2BIG)]
    [InlineData("/data/f", "user.", 0UL, -Errno.EINVAL)]
    [InlineData("/data/f", "user", 0UL, -Errno.EOPNOTSUPP)]
    [InlineData("/data/f", "system.a", 0UL, -Errno.EOPNOTSUPP)]
    [InlineData("/data/f", "user.big", 2000UL, -Errno.ENOSPC)]
    [InlineData("/data/x", "user.a", 0UL, -Errno.ENOENT)]
    public void Setxattr(string path, string name, ulong bytes, int expected)
    {
        _kernel.MakeNode("/data/p", 0x1000);
        Assert.Equal(expected, _kernel.Ask(TmpfsProtocol.SetExtendedAttribute, path + '\0' + name, bytes).Code);
    }

    [Fact]
    public void Times_change_as_in_Linux()
    {
        TmpfsTime born = _kernel.Now;
        Tick(10);
        _kernel.Write("/data/f", 0, 5000);
        AssertTimes("/data/f", born, _kernel.Now, _kernel.Now);
        TmpfsTime written = _kernel.Now;
        Tick(1);
        TmpfsTime read = _kernel.Now;
        _kernel.Ask(TmpfsProtocol.Read, "/data/f", 0, 1);
        AssertTimes("/data/f", read, written, written);
        Tick(1);
        _kernel.Ask(TmpfsProtocol.Read, "/data/f", 0, 1);
        AssertTimes("/data/f", read, written, written);
        Tick(24 * 3600);
        _kernel.Ask(TmpfsProtocol.Read, "/data/f", 0, 1);
        AssertTimes("/data/f", _kernel.Now, written, written);
        read = _kernel.Now;
        Tick(1);
        _kernel.Ask(TmpfsProtocol.ChangeMode, "/data/f", 0);
        AssertTimes("/data/f", read, written, _kernel.Now);
        TmpfsTime changed = _kernel.Now;
        Tick(1);
        _kernel.Truncate("/data/f", 6000);
        AssertTimes("/data/f", read, _kernel.Now, _kernel.Now);
        (written, changed) = (_kernel.Now, _kernel.Now);
        Tick(1);
        _kernel.Write("/data/f", 0, 0);
        AssertTimes("/data/f", read, written, changed);
        _kernel.Ask(TmpfsProtocol.ChangeTimes, "/data/f", unchecked((ulong)-1L), 1_500_000_000);
        AssertTimes("/data/f", new TmpfsTime(-1, 999_999_999), new TmpfsTime(1, 500_000_000), _kernel.Now);
        Assert.Equal(born, Time("/data/f", TmpfsStatField.BirthTime));
    }

    [Fact]
    public void Names_change_the_times_of_their_directory_and_of_what_they_name()
    {
        _kernel.MakeDirectory("/data/d");
        TmpfsTime born = _kernel.Now;
        Tick(1);
        _kernel.Link("/data/f", "/data/d/g");
        AssertTimes("/data/d", born, _kernel.Now, _kernel.Now);
        AssertTimes("/data/f", born, born, _kernel.Now);
        AssertTimes("/data", born, born, born);
        Tick(1);
        _kernel.Rename("/data/d/g", "/data/h");
        AssertTimes("/data/d", born, _kernel.Now, _kernel.Now);
        AssertTimes("/data", born, _kernel.Now, _kernel.Now);
        AssertTimes("/data/h", born, born, _kernel.Now);
        Tick(1);
        _kernel.Unlink("/data/h");
        AssertTimes("/data", born, _kernel.Now, _kernel.Now);
        AssertTimes("/data/f", born, born, _kernel.Now);
    }

    [Fact]
    public void A_write_that_fails_for_space_has_touched_the_times()
    {
        _kernel.Mount("full", "nr_blocks=1");
        _kernel.Create("/full/f");
        _kernel.Write("/full/f", 0, 4096);
        Tick(5);
        Assert.Equal(-Errno.ENOSPC, _kernel.Write("/full/f", 4096, 1).Code);
        Assert.Equal(_kernel.Now, Time("/full/f", TmpfsStatField.ModifyTime));
    }

    private void Tick(ulong seconds) => _kernel.NowTicks += seconds * TmpfsKernel.SecondTicks;

    private TmpfsTime Time(string path, TmpfsStatField field)
    {
        KernelResult result = _kernel.Stat(path, field);
        return new TmpfsTime((long)result.Value, (uint)result.Extra);
    }

    private void AssertTimes(string path, TmpfsTime access, TmpfsTime modify, TmpfsTime change) => Assert.Equal(
        (access, modify, change), (Time(path, TmpfsStatField.AccessTime), Time(path, TmpfsStatField.ModifyTime), Time(path, TmpfsStatField.ChangeTime)));
}
