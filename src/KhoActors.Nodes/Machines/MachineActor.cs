using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Machines;

/// <summary>
/// How a kernel generation ended, or is still running. Histories hold these numbers as decisions (docs/histories.md, "Decisions"): new ends
/// come last, none changes its number.
/// </summary>
public enum GenerationEnd
{
    /// <summary>It has not ended.</summary>
    Running,

    /// <summary>User space executed the loaded kernel.</summary>
    Kexec,

    /// <summary>The next kernel could not be loaded; user space rebooted through the firmware.</summary>
    LoadFailed,

    /// <summary>It panicked, and a crash kernel without hand-over rebooted the machine.</summary>
    Panic,

    /// <summary>It was powered off and on.</summary>
    ColdBoot,

    /// <summary>The simulated kernel crashed.</summary>
    Oops,

    /// <summary>It was the last generation of its chain: judged, then left running.</summary>
    Last,

    /// <summary>A client refused the kexec until user space gave up and rebooted through the firmware.</summary>
    KexecRefused,

    /// <summary>User space rebooted it through the firmware.</summary>
    Reboot,

    /// <summary>It was restarted without any shutdown.</summary>
    EmergencyRestart,
}

/// <summary>
/// The machine as an actor: parent of a generation's actors. Runs the initcalls, starts user space, loads, and ends the generation.
/// </summary>
internal sealed class MachineActor : IActor
{
    private const byte UserFacility = 1;
    private readonly KernelGeneration _generation;
    private readonly LocalRuntime _runtime;
    private readonly Initcalls _initcalls;
    private readonly Leaving _leaving;
    private readonly ModuleLoader _modules;

    public MachineActor(KernelGeneration generation, LocalRuntime runtime)
    {
        _generation = generation;
        _runtime = runtime;
        _initcalls = new Initcalls(generation.Kernel);
        _leaving = new Leaving(generation, Finish);
        _modules = new ModuleLoader(generation.Kernel);
    }

    /// <summary>How the generation ended.</summary>
    public GenerationEnd End { get; private set; }

    /// <summary>What the simulated kernel said when it crashed.</summary>
    public string? OopsText { get; private set; }

    /// <summary>Whether it was stopped because a page of another owner was touched.</summary>
    public bool OwnershipViolated { get; private set; }

    /// <inheritdoc/>
    public void Receive(in Delivery delivery, Outbox outbox)
    {
        Message message = delivery.Message;
        if (message.Kind == RuntimeMessages.Oops)
        {
            OopsText = message.Text;
            OwnershipViolated = message.B != 0;
            Finish(GenerationEnd.Oops);
            return;
        }

        if (_leaving.Receive(delivery, outbox) || _modules.Receive(delivery, outbox))
        {
            return;
        }

        switch (message.Kind.Value)
        {
            case MachineProtocol.Load:
                outbox.Reply(delivery, new KernelResult(_generation.Load()).ToReply(message.Kind));
                break;
            case MachineProtocol.WriteLog:
                _generation.Kernel.Log.Write((LogLevel)(message.A & 7), message.Text!, UserFacility);
                outbox.Reply(delivery, default(KernelResult).ToReply(message.Kind));
                break;
            case MachineProtocol.FindLog:
                outbox.Reply(delivery, FindLog(message.Text!).ToReply(message.Kind));
                break;
            case MachineProtocol.ClearLog:
                _generation.Kernel.Log.ClearForReaders();
                outbox.Reply(delivery, default(KernelResult).ToReply(message.Kind));
                break;
            default:
                if (_initcalls.Receive(delivery, outbox))
                {
                    _generation.InitcallsDone();
                    outbox.Send(ActorId.Workload, MachineProtocol.Plain(MachineProtocol.StartUserSpace));
                }

                break;
        }
    }

    private KernelResult FindLog(string text)
    {
        IReadOnlyList<LogLine> lines = _generation.Kernel.Log.Lines;
        ulong found = 0;
        for (int i = 0; i < lines.Count; i++)
        {
            found += lines[i].Text.Contains(text, StringComparison.Ordinal) ? 1UL : 0;
        }

        return new KernelResult(found == 0 ? -Errno.ENOENT : 0, found);
    }

    private void Finish(GenerationEnd end)
    {
        End = end;
        _runtime.Pause();
    }
}
