using System.Text;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Nodes.Conformance;

/// <summary>A file of the simulated pstore.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Content">Its bytes.</param>
/// <param name="ModifiedSeconds">Its modification time, in seconds since 1970.</param>
internal sealed record SimulatedPstoreFile(string Name, byte[] Content, long ModifiedSeconds);

/// <summary>
/// User space of a captured kernel, repeated on the simulated one that booted from the same memory: mount pstore, read what is there, try to remove
/// it; then the kernel prints the lines that the real one printed, and dumps them.
/// </summary>
internal sealed class PstoreSession : IActor
{
    private const ulong DeliveriesMax = 1_000_000;
    private const uint FirstCorrelation = 1000;
    private readonly BootedKernel _kernel;
    private readonly Initcalls _initcalls;
    private readonly IReadOnlyList<LogLine> _lines;
    private (string Name, long Seconds) _listed;

    private PstoreSession(BootedKernel kernel, IReadOnlyList<LogLine> lines)
    {
        _kernel = kernel;
        _initcalls = new Initcalls(kernel);
        _lines = lines;
    }

    private enum Step : uint
    {
        Mount = FirstCorrelation,
        List,
        Read,
        Unlink,
        Dump,
    }

    /// <summary>The line with which the kernel died, or null.</summary>
    public string? Death { get; private set; }

    /// <summary>The file, when there is one.</summary>
    public SimulatedPstoreFile? File { get; private set; }

    /// <summary>What unlink returned; null when there was nothing to remove.</summary>
    public int? UnlinkResult { get; private set; }

    /// <summary>What the kernel printed up to the mount.</summary>
    public LogLine[] Lines { get; private set; } = [];

    /// <summary>The record that it hands over, when it has one.</summary>
    public PstoreBlob? Record { get; private set; }

    /// <summary>Runs it.</summary>
    /// <param name="start">How the captured kernel was started.</param>
    /// <param name="build">The build that takes its place.</param>
    /// <param name="client">The pstore backend that it has.</param>
    /// <param name="lines">What it prints before it dumps at shutdown.</param>
    /// <returns>What was seen.</returns>
    public static PstoreSession Run(CapturedStart start, KernelBuild build, KhoClient client, IReadOnlyList<LogLine> lines)
    {
        BootedKernel kernel = new(start.ToKernelStart(build, [client]), new KernelStorage(start.ToMemory()));
        PstoreSession session = new(kernel, lines);
        if (!kernel.BootEarly())
        {
            session.Death = kernel.Death;
            return session;
        }

        kernel.StartPageAllocator();
        SeedPath path = SeedPath.Root(0).Child("pstore session");
        LocalRuntime runtime = new(path, new SeededScheduler(new RandomStream(path)));
        kernel.StartActors(runtime, session, _ => static () => 0);
        runtime.RunUntilIdle(DeliveriesMax);
        session.Record = session.ReadRecord();
        runtime.Stop(ActorId.Machine, StopKind.Abrupt);
        return session;
    }

    /// <inheritdoc/>
    public void Receive(in Delivery delivery, Outbox outbox)
    {
        if (delivery.Message.Kind == RuntimeMessages.Oops)
        {
            Death = delivery.Message.Text;
        }
        else if (delivery.Correlation >= FirstCorrelation)
        {
            Answered((Step)delivery.Correlation, delivery.Message, outbox);
        }
        else if (_initcalls.Receive(delivery, outbox))
        {
            Ask(Step.Mount, PstoreProtocol.Mount, null, outbox);
        }
    }

    private static void Ask(Step step, byte number, string? text, Outbox outbox) =>
        outbox.Send(PstoreProtocol.Actor, ClientProtocol.Plain(PstoreProtocol.Actor, number) with { Text = text }, (uint)step);

    private void Answered(Step step, in Message reply, Outbox outbox)
    {
        KernelResult result = KernelResult.From(reply);
        switch (step)
        {
            case Step.Mount:
                Lines = [.. _kernel.Log.Lines];
                Ask(Step.List, PstoreProtocol.List, null, outbox);
                break;
            case Step.List when result.Succeeded:
                _listed = (reply.Text!, (long)result.Extra);
                Ask(Step.Read, PstoreProtocol.Read, reply.Text, outbox);
                break;
            case Step.Read:
                File = new SimulatedPstoreFile(_listed.Name, Encoding.Latin1.GetBytes(reply.Text!), _listed.Seconds);
                Ask(Step.Unlink, PstoreProtocol.Unlink, _listed.Name, outbox);
                break;
            case Step.List or Step.Unlink:
                UnlinkResult = step == Step.Unlink ? result.Code : null;
                Dump(outbox);
                break;
            default:
                break;
        }
    }

    private void Dump(Outbox outbox)
    {
        if (_lines.Count == 0)
        {
            return;
        }

        KernelLog log = _kernel.Log;
        log.ClearForReaders();
        foreach (LogLine line in _lines)
        {
            log.Clock = () => line.Ticks;
            log.Write(line.Level, line.Text, line.Facility);
        }

        outbox.Send(PstoreProtocol.Actor, new KmsgDump(KmsgDumpReason.Shutdown).ToMessage(PstoreProtocol.Actor), (uint)Step.Dump);
    }

    private PstoreBlob? ReadRecord()
    {
        if (!_kernel.Kho.Enabled)
        {
            return null;
        }

        byte[] page = new byte[Subsystems.Memory.PageGeometry.SizeBytes];
        _kernel.Memory.Read(_kernel.Kho.FdtPhys, page);
        RootFdtSubnode node = RootFdtView.Read(page).Subnodes.FirstOrDefault(subnode => subnode.Name == PstoreBlob.SubtreeName);
        return node.Phys is { } phys ? PstoreBlob.Read(_kernel.Memory, phys, node.SizeBytes) : null;
    }
}
