using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>Damage of a snapshot: found, with one clear reason, before anything is claimed (reference, B.8 validation, B.10, B.11).</summary>
public class LayoutDamageTests
{
    private const int ModeAt = 0x08, LinksAt = 0x0C, SizeAt = 0x18, PagesAt = 0x20, NanosecondsAt = 0x48, FlagsAt = 0x5C, DeviceAt = 0x60;
    private const int DepthAt = 0x64, MapAt = 0x68, ParentAt = 0x70;

    [Fact]
    public void TF9_EveryBitOfAnAnchor_IsDamageOrAnotherVersion()
    {
        byte[] page = new byte[4096];
        AnchorPage.WriteComplete(page, 3, [new MountSlot("a", 0x5000, false, 4), new MountSlot("b", 0x9000, true, 40)]);
        for (int bit = 0; bit < page.Length * 8; bit++)
        {
            page[bit / 8] ^= (byte)(1 << (bit % 8));
            List<MountSlot> slots = [];
            AnchorVerdict verdict = AnchorPage.Read(page, slots).Verdict;
            bool isVersionField = bit / 8 is (>= AnchorPage.CompatibleAt and < AnchorPage.PageShiftAt) or AnchorPage.PageShiftAt;
            Assert.True(verdict == AnchorVerdict.Corrupt || (isVersionField && verdict == AnchorVerdict.OtherVersion), $"bit {bit}: {verdict}");
            Assert.Empty(slots);
            page[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void TF9_EveryByteOfEveryMetadataPage_EUCLEAN()
    {
        LayoutBench bench = LayoutBench.WithEverything().Write();
        ulong[] fileNodes = FileMapNodes(bench, "/m/holes").Concat(FileMapNodes(bench, "/m/dir/file")).ToArray();
        SplitMix64 random = new(5);
        foreach (ulong phys in bench.MetaPages)
        {
            Span<byte> page = bench.Memory.WritablePageBytes(PageGeometry.PfnOf(phys));
            for (int at = 0; at < page.Length; at += at < 0x240 ? 1 : 5)
            {
                byte flip = (byte)(1 << (int)random.Below(8));
                if (fileNodes.Contains(phys) && at % 8 == 0)
                {
                    // A leaf's UPTODATE flag belongs to the data: no checksum covers it.
                    flip = 2;
                }

                page[at] ^= flip;
                Assert.True(bench.Read(out _) is null, $"page {phys:x}, byte {at}, bit {flip:x}");
                page[at] ^= flip;
            }
        }

        Assert.NotNull(bench.Read(out _));
    }

    [Fact]
    public void TF10_ADataPage_IsNotLookedAt()
    {
        LayoutBench bench = LayoutBench.WithEverything().Write();
        ulong data = bench.Inode("/m/dir/file").Pages[0].Phys;
        bench.Memory.WriteUInt64(data + 512, ~bench.Memory.ReadUInt64(data + 512));
        Assert.NotNull(bench.Read(out _));
    }

    [Fact]
    public void TF11_PointerToAPageThatWasNotPreserved_EUCLEAN()
    {
        LayoutBench bench = LayoutBench.WithEverything().Write();
        foreach (ulong phys in bench.MetaPages.Append(bench.Inode("/m/dir/file").Pages[1].Phys).Append(bench.Inode("/m/long").Pages[0].Phys))
        {
            bench.NotHandedOver(phys);
            Assert.Contains($"page {phys:x} was not handed over", bench.ProblemOf(), StringComparison.Ordinal);
            bench.HandedOver(phys);
        }
    }

    [Fact]
    public void TF11_PointerToTheAnchor_EUCLEAN()
    {
        LayoutBench bench = LayoutBench.WithEverything().Write();
        bench.HandedOver(LayoutBench.AnchorPhys);
        bench.ForgeRecord(bench.RecordOf("/m/long"), MapAt, LayoutBench.AnchorPhys | 1);
        Assert.Contains("was not handed over", bench.ProblemOf(), StringComparison.Ordinal);
    }

    [Fact]
    public void TF12_TwoLeavesWithTheSamePage_EUCLEAN()
    {
        LayoutBench bench = LayoutBench.WithEverything().Write();
        ulong node = bench.Memory.ReadUInt64(bench.RecordOf("/m/dir/file") + MapAt);
        bench.Memory.WriteUInt64(node + 8, bench.Memory.ReadUInt64(node));
        Assert.Contains("used twice", bench.ProblemOf(), StringComparison.Ordinal);
    }

    [Fact]
    public void TF12_DataAndMetadataWithTheSamePage_EUCLEAN()
    {
        LayoutBench bench = LayoutBench.WithEverything().Write();
        bench.ForgeRecord(bench.RecordOf("/m/long"), MapAt, bench.Slot.SuperPhys | 1);
        Assert.Contains("used twice", bench.ProblemOf(), StringComparison.Ordinal);
    }

    [Fact]
    public void TF12_MapNodeThatIsItsOwnChild_EUCLEAN()
    {
        LayoutBench bench = LayoutBench.WithEverything().Write();
        ulong node = bench.Memory.ReadUInt64(bench.RecordOf("/m/holes") + MapAt);
        bench.Memory.WriteUInt64(node, node);
        Assert.Contains("used twice", bench.ProblemOf(), StringComparison.Ordinal);
    }

    [Fact]
    public void TF13_WrongNlink_EUCLEAN()
    {
        foreach ((string path, uint links) in new[] { ("/m/dir/file", 3u), ("/m/dir/file", 1u), ("/m/dir", 2u), ("/m/dir/sub", 3u), ("/m/fifo", 2u) })
        {
            LayoutBench bench = LayoutBench.WithEverything().Write();
            bench.ForgeRecord(bench.RecordOf(path), LinksAt, links, 4);
            Assert.Contains("nlink", bench.ProblemOf(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void TF13_OrphanInode_EUCLEAN()
    {
        // An entry names another inode of the same type: one is left without a name, the other has one too many.
        LayoutBench bench = LayoutBench.WithEverything().Write();
        byte[] number = BitConverter.GetBytes(bench.Inode("/m/allocated").Number);
        ulong root = bench.RecordOf(1);
        bench.ForgeDirectory(root, OffsetOfEntry(bench, root, "holes"), number);
        Assert.Contains("nlink", bench.ProblemOf(), StringComparison.Ordinal);
    }

    [Fact]
    public void TF13_DirectoryCycle_EUCLEAN()
    {
        LayoutBench bench = new();
        bench.Do(TmpfsProtocol.MakeDirectory, "/m/dir", 0x1ED);
        bench.Do(TmpfsProtocol.MakeDirectory, "/m/dir/cycle", 0x1ED);
        bench.Do(TmpfsProtocol.Create, "/m/dir/cycle/dir", 0x1ED);
        bench.Write();
        (ulong root, ulong dir, ulong cycle) = (bench.RecordOf(1), bench.RecordOf("/m/dir"), bench.RecordOf("/m/dir/cycle"));
        (ulong dirNumber, ulong file) = (bench.Inode("/m/dir").Number, bench.Inode("/m/dir/cycle/dir").Number);

        // What the two entries "dir" name is exchanged: in the root the file, in the cycle the directory above it.
        bench.ForgeDirectory(root, OffsetOfEntry(bench, root, "dir"), [.. BitConverter.GetBytes(file), 16, 0, 3, 1]);
        bench.ForgeDirectory(cycle, OffsetOfEntry(bench, cycle, "dir"), [.. BitConverter.GetBytes(dirNumber), 16, 0, 3, 2]);
        bench.ForgeRecord(root, LinksAt, 2, 4);
        bench.ForgeRecord(cycle, LinksAt, 3, 4);
        bench.ForgeRecord(dir, ParentAt, bench.Inode("/m/dir/cycle").Number);

        Assert.Contains("cannot be reached", bench.ProblemOf(), StringComparison.Ordinal);
    }

    [Fact]
    public void T4_ParentThatDoesNotNameTheDirectory_EUCLEAN()
    {
        LayoutBench bench = LayoutBench.WithEverything().Write();
        bench.ForgeRecord(bench.RecordOf("/m/dir/sub"), ParentAt, 1);
        Assert.Contains("parent_ino", bench.ProblemOf(), StringComparison.Ordinal);
    }

    [Fact]
    public void T4_TwoNamesOfADirectory_EUCLEAN()
    {
        LayoutBench bench = LayoutBench.WithEverything().Write();
        ulong root = bench.RecordOf(1);
        byte[] sub = [.. BitConverter.GetBytes(bench.Inode("/m/dir/sub").Number), 24, 0, 5, 2];
        bench.ForgeDirectory(root, OffsetOfEntry(bench, root, "holes"), sub);
        Assert.Contains("two names", bench.ProblemOf(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SuperPage.UsedBlocksAt)]
    [InlineData(SuperPage.UsedInodeSpaceAt, 1024)]
    [InlineData(SuperPage.InodesAt)]
    [InlineData(SuperPage.DataPagesAt)]
    [InlineData(SuperPage.MetaPagesAt)]
    [InlineData(SuperPage.RootNumberAt)]
    [InlineData(SuperPage.InodeMapDepthAt)]
    [InlineData(SuperPage.ModeAt, 0x1000)]
    [InlineData(SuperPage.MountFlagsAt, 2)]
    [InlineData(SuperPage.CarriedAt)]
    [InlineData(SuperPage.FrozenNanosecondsAt, 1_000_000_000)]
    [InlineData(SuperPage.NameAt)]
    [InlineData(SuperPage.EndOfFields)]
    public void T5_FieldOfTheSuperPageThatDoesNotAgree_EUCLEAN(int offset, uint more = 1)
    {
        foreach (int sign in new[] { 1, -1 })
        {
            LayoutBench bench = LayoutBench.WithEverything().Write();
            uint old = bench.Memory.ReadUInt32(bench.Slot.SuperPhys + (ulong)offset);
            bench.ForgeSuper(offset, unchecked((uint)(old + (sign * (long)more))), 4);
            bench.ProblemOf();
        }
    }

    [Fact]
    public void T5_DataAndMetadataCountsThatAreSwappedInOne_EUCLEAN()
    {
        LayoutBench bench = LayoutBench.WithEverything().Write();
        bench.ForgeSuper(SuperPage.DataPagesAt, (ulong)bench.Writer.DataPages + 1);
        bench.ForgeSuper(SuperPage.UsedBlocksAt, (ulong)bench.Writer.DataPages + 1);
        bench.ForgeSuper(SuperPage.MetaPagesAt, (ulong)bench.Writer.MetaPages - 1);
        Assert.Contains("nr_meta_pages", bench.ProblemOf(), StringComparison.Ordinal);
    }

    [Fact]
    public void T7_BytesBehindTheEnd_EUCLEAN()
    {
        LayoutBench bench = LayoutBench.WithEverything().Write();
        TmpfsInode file = bench.Inode("/m/dir/file");
        bench.Memory.Write(file.Pages[file.Pages.Count - 1].Phys + (file.SizeBytes & 0xFFF), [1]);
        Assert.Contains("behind the end", bench.ProblemOf(), StringComparison.Ordinal);
    }

    [Fact]
    public void T14_UseAboveALimit_EUCLEAN()
    {
        LayoutBench bench = LayoutBench.WithEverything().Write();
        bench.ForgeSuper(SuperPage.MaxBlocksAt, (ulong)bench.Writer.DataPages);
        Assert.NotNull(bench.Read(out _));
        bench.ForgeSuper(SuperPage.MaxBlocksAt, (ulong)bench.Writer.DataPages - 1);
        Assert.Equal("limits", bench.ProblemOf());
        bench.ForgeSuper(SuperPage.MaxBlocksAt, 0);
        bench.ForgeSuper(SuperPage.MaxInodesAt, 2);
        Assert.Equal("limits", bench.ProblemOf());
    }

    [Theory]
    [InlineData("/m/fifo", ModeAt, 0x9180UL, 4)]
    [InlineData("/m/fifo", ModeAt, 0x1_1180UL, 4)]
    [InlineData("/m/fifo", SizeAt, 1UL, 8)]
    [InlineData("/m/fifo", DeviceAt, 1UL, 4)]
    [InlineData("/m/fifo", ParentAt, 1UL, 8)]
    [InlineData("/m/fifo", LinksAt, 0UL, 4)]
    [InlineData("/m/holes", SizeAt, 1UL << 63, 8)]
    [InlineData("/m/holes", DepthAt, 7UL, 1)]
    [InlineData("/m/holes", PagesAt, 3UL, 8)]
    [InlineData("/m/holes", FlagsAt, 0x8UL, 4)]
    [InlineData("/m/holes", NanosecondsAt, 1_000_000_000UL, 4)]
    [InlineData("/m/holes", 0x65, 1UL, 1)]
    [InlineData("/m/holes", 0x80, 1UL, 1)]
    [InlineData("/m/dir", SizeAt, 4097UL, 8)]
    [InlineData("/m/dir", SizeAt, 8UL, 8)]
    [InlineData("/m/dir", ParentAt, 0UL, 8)]
    [InlineData("/m/dir", ModeAt, 0x81EDUL, 4)]
    [InlineData("/m/dir/short", SizeAt, 5UL, 8)]
    [InlineData("/m/dir/short", SizeAt, 128UL, 8)]
    [InlineData("/m/dir/short", SizeAt, 0UL, 8)]
    [InlineData("/m/dir/short", 0x66, 5UL, 2)]
    [InlineData("/m/dir/short", 0x81, 0UL, 1)]
    [InlineData("/m/long", SizeAt, 127UL, 8)]
    [InlineData("/m/long", SizeAt, 999UL, 8)]
    [InlineData("/m/long", SizeAt, 4096UL, 8)]
    public void T3_FieldOfAnInodeThatCannotBe_EUCLEAN(string path, int offset, ulong value, int bytes)
    {
        LayoutBench bench = LayoutBench.WithEverything().Write();
        bench.ForgeRecord(bench.RecordOf(path), offset, value, bytes);
        bench.ProblemOf();
    }

    [Fact]
    public void Names_that_no_directory_can_have_are_damage()
    {
        foreach (string name in new[] { "../..", "a/bcd", "abc\0e", "fifo\0" })
        {
            LayoutBench bench = LayoutBench.WithEverything().Write();
            ulong root = bench.RecordOf(1);
            int at = OffsetOfEntry(bench, root, "holes");
            bench.ForgeDirectory(root, at + 12, System.Text.Encoding.Latin1.GetBytes(name));
            Assert.Contains("directory stream", bench.ProblemOf(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_name_that_is_there_twice_is_damage()
    {
        LayoutBench bench = new();
        bench.Do(TmpfsProtocol.Create, "/m/one", 0x1A4);
        bench.Do(TmpfsProtocol.Create, "/m/two", 0x1A4);
        bench.Write();
        ulong root = bench.RecordOf(1);
        bench.ForgeDirectory(root, OffsetOfEntry(bench, root, "two") + 12, "one"u8);
        Assert.Contains("entry 1", bench.ProblemOf(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_map_deeper_than_it_must_be_is_damage()
    {
        // The node of the inode table is put above a table of one page.
        LayoutBench bench = new();
        bench.Write();
        ulong table = bench.Memory.ReadUInt64(bench.Slot.SuperPhys + SuperPage.InodeMapAt);
        bench.Memory.WriteUInt64(0x6000, table);
        bench.HandedOver(0x6000);
        bench.ForgeSuper(SuperPage.InodeMapAt, 0x6000);
        bench.ForgeSuper(SuperPage.InodeMapDepthAt, 1, 1);
        bench.ProblemOf();
    }

    [Fact]
    public void Random_damage_never_throws_and_is_never_taken_for_the_truth()
    {
        LayoutBench bench = LayoutBench.WithEverything().Write();
        string truth = bench.Describe(bench.Read(out _)!);
        ulong[] dataPages = [.. bench.FileSystem.Inodes.SelectMany(inode => Enumerable.Range(0, inode.Pages.Count).Select(i => inode.Pages[i].Phys))];
        for (ulong seed = 0; seed < 20_000; seed++)
        {
            SplitMix64 random = new(seed);
            ulong phys = bench.MetaPages[(int)random.Below((ulong)bench.MetaPages.Count)];
            Span<byte> page = bench.Memory.WritablePageBytes(PageGeometry.PfnOf(phys));
            byte[] before = page.ToArray();
            for (ulong hits = 1 + random.Below(4); hits > 0; hits--)
            {
                Hit(page, bench, dataPages, random);
            }

            TmpfsSnapshot? read = bench.Read(out _);
            Assert.True(read is null || bench.Describe(read) == truth || OnlyUpToDateDiffers(before, page), $"seed {seed}, page {phys:x}");
            before.CopyTo(page);
        }

        Assert.Equal(truth, bench.Describe(bench.Read(out _)!));
    }

    private static void Hit(Span<byte> page, LayoutBench bench, ulong[] dataPages, SplitMix64 random)
    {
        // Damage that a bus, a stray store or another kernel's bug makes: a bit, a word, a pointer to a page that is there, a run of one byte.
        Span<ulong> words = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(page);
        int word = (int)random.Below(random.Below(2) == 0 ? 16UL : 512UL);
        switch (random.Below(5))
        {
            case 0:
                page[(word * 8) + (int)random.Below(8)] ^= (byte)(1 << (int)random.Below(8));
                break;
            case 1:
                words[word] = random.Next();
                break;
            case 2:
                words[word] = bench.MetaPages[(int)random.Below((ulong)bench.MetaPages.Count)] | random.Below(2);
                break;
            case 3:
                words[word] = dataPages[(int)random.Below((ulong)dataPages.Length)] | random.Below(2);
                break;
            default:
                page.Slice(word * 8, (int)Math.Min(random.Below(64), (ulong)(4096 - (word * 8)))).Fill((byte)random.Below(2));
                break;
        }
    }

    /// <summary>Whether all that differs is bit 0 of words: the flag of data leaves, which no checksum covers.</summary>
    private static bool OnlyUpToDateDiffers(ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        for (int i = 0; i < before.Length; i++)
        {
            if ((before[i] ^ after[i]) is not 0 and var difference && (i % 8 != 0 || difference != 1))
            {
                return false;
            }
        }

        return true;
    }

    private static IEnumerable<ulong> FileMapNodes(LayoutBench bench, string path)
    {
        ulong record = bench.RecordOf(path), depth = (bench.Memory.ReadUInt64(record + 0x60) >> 32) & 0xFF, map = bench.Memory.ReadUInt64(record + MapAt);
        return depth == 0 ? [] : depth == 1 ? [map]
            : Enumerable.Range(0, 512).Select(i => bench.Memory.ReadUInt64(map + ((ulong)i * 8))).Where(node => node != 0);
    }

    private static int OffsetOfEntry(LayoutBench bench, ulong record, string name)
    {
        byte[] page = new byte[4096];
        bench.Memory.Read(bench.Memory.ReadUInt64(record + MapAt) & ~0xFFFUL, page);
        for (int at = 0; page[at + 10] != 0; at += page[at + 8])
        {
            if (System.Text.Encoding.Latin1.GetString(page, at + 12, page[at + 10]) == name)
            {
                return at;
            }
        }

        throw new ArgumentException(name, nameof(name));
    }
}
