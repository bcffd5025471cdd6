using KhoActors.Nodes.Machines.Deciding;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Machines.UserSpace;

/// <summary>The user programs of a kernel's clients, each with a range of correlations and a substream of its own.</summary>
internal sealed class UserPrograms
{
    /// <summary>Correlations of the first program begin here; each further one has the next <see cref="UserProcess.TagLimit"/>.</summary>
    public const uint FirstCorrelation = UserProcess.TagLimit;

    private readonly UserSpacePlan _plan;
    private readonly IUserProgram[] _programs;
    private readonly UserProcess[] _processes;

    /// <param name="plan">What user space does on this kernel.</param>
    /// <param name="decisions">What the programs find random.</param>
    /// <param name="report">Receives violations that they find.</param>
    public UserPrograms(UserSpacePlan plan, ClientDecisions decisions, Action<string> report)
    {
        _plan = plan;
        _programs = new IUserProgram[plan.Clients.Count];
        _processes = new UserProcess[plan.Clients.Count];
        for (int i = 0; i < _programs.Length; i++)
        {
            KhoClient client = plan.Clients[i];
            _programs[i] = client.UserProgram!();
            _processes[i] = new UserProcess(
                client.Actor, FirstCorrelation * (uint)(i + 1), decisions.OfUserProgram(client), detail => report($"{client.Name}: {detail}"));
        }
    }

    /// <summary>Whether every request of every program is answered.</summary>
    public bool AreQuiet => Array.TrueForAll(_processes, static process => process.Unanswered == 0);

    /// <summary>Requests that were answered with an errno.</summary>
    public long Failed { get; private set; }

    /// <summary>Starts the programs that start by themselves.</summary>
    public void Start(Outbox outbox)
    {
        for (int i = 0; i < _programs.Length; i++)
        {
            if (_plan.StartsByItself[i])
            {
                _processes[i].Outbox = outbox;
                _programs[i].Start(_processes[i]);
            }
        }
    }

    /// <summary>Does an operation.</summary>
    /// <param name="program">Which program.</param>
    /// <param name="operation">Which of its operations.</param>
    /// <param name="outbox">Receives requests.</param>
    public void Operate(int program, int operation, Outbox outbox)
    {
        _processes[program].Outbox = outbox;
        _programs[program].Operate(operation, _processes[program]);
    }

    /// <summary>Hands a reply to its program.</summary>
    public void Resume(in Delivery delivery, Outbox outbox)
    {
        int program = (int)(delivery.Correlation / FirstCorrelation) - 1;
        UserProcess process = _processes[program];
        process.Outbox = outbox;
        Failed += KernelResult.From(delivery.Message).Succeeded ? 0 : 1;
        _programs[program].Answered(process.TakeAnswer(delivery.Correlation), delivery.Message, process);
    }

    /// <summary>A request to a client, as a person reads it.</summary>
    /// <param name="to">Whom it asks.</param>
    /// <param name="request">The request.</param>
    /// <returns>The line, or null when no program of this kernel knows the receiver.</returns>
    public string? Describe(ActorId to, in Message request)
    {
        for (int i = 0; i < _programs.Length; i++)
        {
            if (_plan.Clients[i].Actor == to)
            {
                return $"{_plan.Clients[i].Name}: {_programs[i].Describe(request)}";
            }
        }

        return null;
    }
}
