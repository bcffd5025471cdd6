using System.Globalization;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Machines.UserSpace;

/// <summary>
/// How user space gets into the next kernel: it loads it, executes it, tries again a few times when a client refuses, and in the end
/// reboots through the firmware.
/// </summary>
/// <param name="plan">How often it tries.</param>
internal sealed class KexecTries(LeavePlan plan)
{
    /// <summary>Correlation of the load.</summary>
    public const uint LoadCorrelation = 0x5000_0000;

    /// <summary>Correlation of the lines that user space writes to the log.</summary>
    public const uint LogCorrelation = 0x5000_0001;

    private int _refusals;

    /// <summary>Whether the load was asked for.</summary>
    public bool LoadAsked { get; private set; }

    /// <summary>Whether the next kernel is loaded.</summary>
    public bool Loaded { get; private set; }

    /// <summary>The script has loaded the next kernel already.</summary>
    public void AlreadyLoaded() => (LoadAsked, Loaded) = (true, true);

    /// <summary>Asks for the load.</summary>
    public void Load(Outbox outbox)
    {
        LoadAsked = true;
        outbox.Send(ActorId.Machine, MachineProtocol.Plain(MachineProtocol.Load), LoadCorrelation);
    }

    /// <summary>The load was answered.</summary>
    public void AfterLoad(KernelResult result, Outbox outbox)
    {
        Loaded = result.Succeeded;
        if (!Loaded)
        {
            Reboot(RebootCause.LoadFailed, outbox);
        }
    }

    /// <summary>Asks for the jump. Only a refusal is answered.</summary>
    public static void Execute(Outbox outbox) => outbox.Send(ActorId.Machine, MachineProtocol.Plain(MachineProtocol.Execute));

    /// <summary>The jump was refused: says so in the log, then tries again later or gives up.</summary>
    public void AfterRefusal(KernelResult result, Outbox outbox)
    {
        _refusals++;
        bool givesUp = _refusals > plan.Retries;
        string next = givesUp ? "giving up" : string.Create(CultureInfo.InvariantCulture, $"try {_refusals} of {plan.Retries} follows");
        string line = $"kexec: reboot(LINUX_REBOOT_CMD_KEXEC): {Errno.Symbol(result.Code)}; {next}";
        outbox.Send(ActorId.Machine, new Message(new MessageKind(MachineProtocol.WriteLog), (ulong)LogLevel.Error, Text: line), LogCorrelation);
        if (givesUp)
        {
            Reboot(RebootCause.KexecRefused, outbox);
        }
        else
        {
            outbox.SendAfter(plan.RetryAfterTicks, ActorId.Workload, MachineProtocol.Plain(MachineProtocol.TryAgain));
        }
    }

    private static void Reboot(RebootCause cause, Outbox outbox) =>
        outbox.Send(ActorId.Machine, new Message(new MessageKind(MachineProtocol.Reboot), (ulong)cause));
}
