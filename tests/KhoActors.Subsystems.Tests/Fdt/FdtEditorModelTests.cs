using System.Text;
using KhoActors.Subsystems.Fdt;

namespace KhoActors.Subsystems.Tests.Fdt;

/// <summary>
/// Random sequences of edits against a tree of plain objects that knows libfdt's rules for order, names and room, and nothing of bytes.
/// </summary>
public sealed class FdtEditorModelTests
{
    private const int Sequences = 2000;
    private const int EditsPerSequence = 60;
    private const int VerifyEvery = 6;

    private static readonly string[] NodeNames = ["memblock", "memblock@1", "a", "ab", "kho_test", "x@1", "x", "abcdefgh", "long-name-of-a-client"];
    private static readonly string[] PropertyNames = ["compatible", "ible", "preserved-data", "data", "blob-size", "size", "start", "fdt", "q"];

    [Fact]
    public void Edited_blobs_hold_what_the_model_holds()
    {
        var refusals = 0;
        for (var seed = 0ul; seed < Sequences; seed++)
        {
            refusals += RunSequence(new Draws(seed), $"seed {seed}");
        }

        // Full pages must have been met, or NOSPACE was not tested.
        Assert.InRange(refusals, 1000, int.MaxValue);
    }

    private static int RunSequence(Draws draws, string seed)
    {
        var page = new byte[draws.Next(2) == 0 ? 4096 : 300 + draws.Next(500)];
        var model = Start(page);
        var refusals = 0;
        for (var edit = 0; edit < EditsPerSequence; edit++)
        {
            var (expected, found) = Apply(draws, page, model);
            Assert.True(expected == found, $"{seed}, edit {edit}: expected {expected}, found {found}");
            refusals += found == -FdtError.NoSpace ? 1 : 0;
            if (edit % VerifyEvery == 0)
            {
                Verify(page, model, $"{seed}, edit {edit}");
            }
        }

        Assert.Equal(0, FdtEditor.Pack(page));
        Assert.Equal(model.PackedBytes, (int)FdtReader.TotalSize(page));
        Assert.Equal(0, FdtReader.CheckFull(page.AsSpan(0, model.PackedBytes)));
        Verify(page, model, seed);
        return refusals;
    }

    private static Model Start(byte[] page)
    {
        var writer = new FdtSequentialWriter(page);
        Assert.Equal(0, writer.Create() | writer.FinishReservemap() | writer.BeginNode("") | writer.EndNode() | writer.Finish());
        return new Model(page.Length);
    }

    private static (int Expected, int Found) Apply(Draws draws, byte[] page, Model model)
    {
        var node = model.Pick(draws);
        var offset = Locate(page, model, node);
        switch (draws.Next(9))
        {
            case 0:
                model.Open();
                return (0, FdtEditor.OpenInto(page));

            case 1:
                model.Pack();
                return (0, FdtEditor.Pack(page));

            case 2 or 3 or 4:
                var word = NodeNames[draws.Next(NodeNames.Length)];
                var name = word + (draws.Next(2) == 0 ? "" : draws.Next(9).ToString(System.Globalization.CultureInfo.InvariantCulture));
                return (model.Add(node, name), Math.Min(FdtEditor.AddSubnode(page, offset, name), 0));

            case 5 when node != model.Root:
                Model.Delete(node);
                return (0, FdtEditor.DeleteNode(page, offset));

            default:
                var property = PropertyNames[draws.Next(PropertyNames.Length)];
                var value = draws.Bytes(draws.Next(draws.Next(10) == 0 ? 300 : 20));
                return (model.Set(node, property, value), FdtEditor.SetProperty(page, offset, property, value));
        }
    }

    // The offset of a node, by its position among its parent's subnodes: names need not be unique for a lookup (x finds x@1).
    private static int Locate(byte[] page, Model model, Node node)
    {
        if (node == model.Root)
        {
            return 0;
        }

        var offset = FdtReader.FirstSubnode(page, Locate(page, model, node.Parent!));
        for (var index = node.Parent!.Nodes.IndexOf(node); index > 0; index--)
        {
            offset = FdtReader.NextSubnode(page, offset);
        }

        return offset;
    }

    private static void Verify(byte[] page, Model model, string where)
    {
        var text = new StringBuilder();
        Describe(page, 0, text);
        var expected = model.Describe();
        Assert.True(expected == text.ToString(), $"{where}:\nexpected {expected}\nfound    {text}");
    }

    private static void Describe(byte[] page, int node, StringBuilder text)
    {
        Assert.Equal(0, FdtReader.NodeName(page, node, out var nodeName));
        text.Append(Encoding.Latin1.GetString(nodeName)).Append('{');
        for (var property = FdtReader.FirstProperty(page, node); property >= 0; property = FdtReader.NextProperty(page, property))
        {
            Assert.Equal(0, FdtReader.PropertyAt(page, property, out var name, out var value));
            text.Append(Encoding.Latin1.GetString(name)).Append('=').Append(Convert.ToHexString(value)).Append(';');
        }

        for (var child = FdtReader.FirstSubnode(page, node); child >= 0; child = FdtReader.NextSubnode(page, child))
        {
            Describe(page, child, text);
        }

        text.Append('}');
    }

    private sealed class Node(Node? parent, string name)
    {
        public Node? Parent { get; } = parent;

        public string Name { get; } = name;

        public List<(string Name, byte[] Value)> Properties { get; } = [];

        public List<Node> Nodes { get; } = [];

        public int Bytes => 8 + Padded(Name.Length + 1) + Properties.Sum(property => 12 + Padded(property.Value.Length)) + Nodes.Sum(node => node.Bytes);
    }

    private sealed class Model(int bufferBytes)
    {
        private const int HeaderAndTerminatorBeforePack = 64;
        private const int HeaderAndTerminatorAfterPack = 56;

        private readonly int bufferBytes = bufferBytes;
        private string strings = "";
        private int front = HeaderAndTerminatorBeforePack;
        private int limit = HeaderAndTerminatorBeforePack + 12 + 4;

        public Node Root { get; } = new(null, "");

        public int PackedBytes => HeaderAndTerminatorAfterPack + Root.Bytes + 4 + strings.Length;

        private int Used => front + Root.Bytes + 4 + strings.Length;

        public Node Pick(Draws draws)
        {
            var node = Root;
            while (node.Nodes.Count > 0 && draws.Next(3) > 0)
            {
                node = node.Nodes[draws.Next(node.Nodes.Count)];
            }

            return node;
        }

        public void Open() => limit = bufferBytes;

        public void Pack()
        {
            front = HeaderAndTerminatorAfterPack;
            limit = Used;
        }

        public int Add(Node parent, string name)
        {
            if (parent.Nodes.Any(node => node.Name == name
                || (!name.Contains('@', StringComparison.Ordinal) && node.Name.StartsWith(name + "@", StringComparison.Ordinal))))
            {
                return -FdtError.Exists;
            }

            var node = new Node(parent, name);
            if (Used + node.Bytes > limit)
            {
                return -FdtError.NoSpace;
            }

            parent.Nodes.Insert(0, node);
            return 0;
        }

        public int Set(Node node, string name, byte[] value)
        {
            var index = node.Properties.FindIndex(property => property.Name == name);
            var stringBytes = index >= 0 || strings.Contains(name + "\0", StringComparison.Ordinal) ? 0 : name.Length + 1;
            var growth = index >= 0 ? Padded(value.Length) - Padded(node.Properties[index].Value.Length) : 12 + Padded(value.Length);
            if (Used + stringBytes + growth > limit)
            {
                return -FdtError.NoSpace;
            }

            strings += stringBytes > 0 ? name + "\0" : "";
            if (index >= 0)
            {
                node.Properties[index] = (name, value);
            }
            else
            {
                node.Properties.Insert(0, (name, value));
            }

            return 0;
        }

        public static void Delete(Node node) => node.Parent!.Nodes.Remove(node);

        public string Describe()
        {
            var text = new StringBuilder();
            Describe(Root, text);
            return text.ToString();
        }

        private static void Describe(Node node, StringBuilder text)
        {
            text.Append(node.Name).Append('{');
            foreach (var (name, value) in node.Properties)
            {
                text.Append(name).Append('=').Append(Convert.ToHexString(value)).Append(';');
            }

            node.Nodes.ForEach(child => Describe(child, text));
            text.Append('}');
        }
    }

    private static int Padded(int bytes) => (bytes + 3) / 4 * 4;
}
