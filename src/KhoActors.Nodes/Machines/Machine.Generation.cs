using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines.Deciding;
using KhoActors.Nodes.Machines.UserSpace;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Machines;

/// <content>
/// One generation: in one call, or delivery by delivery for an engine that carries each one itself. The engine may make each call on another
/// thread, one at a time. Between two calls it may throw a machine away: <see cref="PowerOff"/> and <see cref="WakeUp"/> forget what was going on,
/// and a <see cref="Host"/> hears no word of it.
/// </content>
public sealed partial class Machine
{
    private const ulong DeliveriesPerGenerationMax = 50_000_000;
    private RunningGeneration? _running;

    /// <summary>An engine that wants to know which actors live and what is ready; null for none. Heard from the next generation on.</summary>
    public IDeliveryHost? Host { get; set; }

    /// <summary>The actors that live now, by number; none between generations.</summary>
    public IReadOnlyList<ActorId> LiveActors => _runtime?.LiveActors ?? [];

    /// <summary>
    /// Whether the generation that was begun has nothing left to deliver: it must be ended. In <see cref="DeliveryOrder.Seeded"/> order it is known
    /// when <see cref="NextDelivery"/> has returned false, in <see cref="DeliveryOrder.Concurrent"/> order after each call.
    /// </summary>
    public bool IsGenerationOver => _running is { IsOver: true };

    /// <summary>Boots the next generation and lets it run to its end; afterwards the machine is at its jump or cold.</summary>
    /// <param name="isLast">Boot and judge only: the chain ends here.</param>
    /// <param name="keepLog">Whether the report shall hold the kernel's log and the story of user space.</param>
    /// <param name="look">Looks at the generation when its work is done and nothing was copied for the jump; it must not change anything. Or null.</param>
    /// <param name="replayed">
    /// Null: chance decides. Otherwise the record of this generation: it decides, and what comes out is compared with it.
    /// </param>
    /// <returns>What happened.</returns>
    /// <exception cref="SimulatorDefectException">Our code failed: never a simulated crash.</exception>
    /// <exception cref="ReplayDivergenceException">The replay differs from the record; the machine is of no further use.</exception>
    public GenerationReport RunGeneration(bool isLast, bool keepLog = false, Action<LiveGeneration>? look = null, GenerationRecord? replayed = null)
    {
        BeginGeneration(isLast, keepLog, look, replayed);
        RunningGeneration running = _running!;
        if (!running.IsOver)
        {
            try
            {
                _runtime!.RunUntilIdle(DeliveriesPerGenerationMax);
            }
            catch (DivergenceException divergence) when (running.Replay is not null)
            {
                throw running.Replay.Place(divergence);
            }

            running.IsOver = true;
        }

        return EndGeneration();
    }

    /// <summary>
    /// Boots the next generation. What follows is for the caller to carry: each delivery from <see cref="NextDelivery"/> or
    /// <see cref="TakePair"/> to <see cref="Deliver"/>, and <see cref="EndGeneration"/> when there is none left. The result is that of
    /// <see cref="RunGeneration"/>.
    /// </summary>
    /// <param name="isLast">Boot and judge only: the chain ends here.</param>
    /// <param name="keepLog">Whether the report shall hold the kernel's log and the story of user space.</param>
    /// <param name="look">Looks at the generation when its work is done and nothing was copied for the jump; it must not change anything. Or null.</param>
    /// <param name="replayed">
    /// Null: chance decides. Otherwise the record of this generation: it decides, and what comes out is compared with it.
    /// </param>
    /// <param name="order">Who chooses the next delivery. A record has its order: with one, <see cref="DeliveryOrder.Seeded"/> only.</param>
    /// <exception cref="InvalidOperationException">A generation is going on, or an order is to be chosen and there is no <see cref="Host"/>.</exception>
    /// <exception cref="ReplayDivergenceException">The replay differs from the record; the machine is of no further use.</exception>
    public void BeginGeneration(
        bool isLast,
        bool keepLog = false,
        Action<LiveGeneration>? look = null,
        GenerationRecord? replayed = null,
        DeliveryOrder order = DeliveryOrder.Seeded)
    {
        RequireAtJump();
        bool isChosen = order == DeliveryOrder.Concurrent;
        if (isChosen && replayed is not null)
        {
            throw new ArgumentException("the order of a generation that is replayed is in its record", nameof(order));
        }

        if (isChosen && Host is null)
        {
            throw new InvalidOperationException($"{_spec.Path}: nobody is there to choose the order of deliveries");
        }

        _decisions.ByChance();
        ChosenOrder? chosen = isChosen ? new ChosenOrder() : null;
        if (chosen is not null)
        {
            _decisions.Scheduler.Current = chosen;
        }

        OrderForm form = OrderFormOf(replayed, isChosen);
        _trail.Rest();
        if (replayed is not null || _recorder is not null)
        {
            ObserveTrail();
            _trail.Record(form == OrderForm.Seed ? _decisions.Order : null);
        }

        _runtime!.Attach(Host, isChosen);
        GenerationReplay? replay = replayed is null ? null : BeginReplay(replayed);
        try
        {
            _recorder?.Begin(_decisions, form);
            _running = Boot(isLast, keepLog, look, replay, chosen);
        }
        catch (DivergenceException divergence) when (replay is not null)
        {
            throw replay.Place(divergence);
        }

        if (isChosen && !_running.IsOver)
        {
            _running.IsOver = _runtime.Settle();
        }
    }

    /// <summary>The next delivery of the generation that was begun, chosen by the seed or by the record that is replayed.</summary>
    /// <param name="delivery">It; to be given to <see cref="Deliver"/> before anything else is done.</param>
    /// <returns>False when the generation is over.</returns>
    /// <exception cref="InvalidOperationException">No generation was begun, its host chooses the order, or the last delivery was not delivered.</exception>
    /// <exception cref="SimulatorDefectException">Our code failed: never a simulated crash.</exception>
    /// <exception cref="LivelockException">The generation does not come to an end.</exception>
    /// <exception cref="ReplayDivergenceException">The replay differs from the record; the machine is of no further use.</exception>
    public bool NextDelivery(out Delivery delivery)
    {
        RunningGeneration running = RequireRunning();
        if (running.Chosen is not null)
        {
            throw new InvalidOperationException($"{_spec.Path}: the order is chosen by pairs in this generation");
        }

        return TakeNext(running, out delivery);
    }

    /// <summary>The oldest message of a pair, chosen by the engine; see <see cref="IDeliveryHost.MessageReady"/>.</summary>
    /// <param name="pair">Sender and receiver.</param>
    /// <param name="delivery">It; to be given to <see cref="Deliver"/> before anything else is done.</param>
    /// <returns>False when none waits any more, or the generation is over: nothing happened.</returns>
    /// <exception cref="InvalidOperationException">No generation was begun, or not to be chosen, or the last delivery was not delivered.</exception>
    /// <exception cref="SimulatorDefectException">Our code failed: never a simulated crash.</exception>
    /// <exception cref="LivelockException">The generation does not come to an end.</exception>
    public bool TakePair(ActorPair pair, out Delivery delivery)
    {
        RunningGeneration running = RequireRunning();
        if (running.Chosen is null)
        {
            throw new InvalidOperationException($"{_spec.Path}: the order is not the host's to choose in this generation");
        }

        if (running.IsOver || !_runtime!.SpendNotice(pair))
        {
            delivery = default;
            return false;
        }

        running.Chosen.Next = pair;
        return TakeNext(running, out delivery);
    }

    /// <summary>Lets the receiver of a delivery handle it.</summary>
    /// <param name="delivery">What was taken last.</param>
    /// <exception cref="InvalidOperationException">No generation was begun, or this delivery is not the one that was taken.</exception>
    /// <exception cref="SimulatorDefectException">Our code failed: never a simulated crash.</exception>
    /// <exception cref="ReplayDivergenceException">The replay differs from the record; the machine is of no further use.</exception>
    public void Deliver(in Delivery delivery)
    {
        RunningGeneration running = RequireRunning();
        try
        {
            _runtime!.Carry(delivery);
        }
        catch (DivergenceException divergence) when (running.Replay is not null)
        {
            throw running.Replay.Place(divergence);
        }

        if (running.Chosen is not null)
        {
            running.IsOver = _runtime.Settle();
        }
    }

    /// <summary>Ends the generation that was begun; afterwards the machine is at its jump or cold, and no actor lives.</summary>
    /// <returns>What happened.</returns>
    /// <exception cref="InvalidOperationException">No generation was begun, or it is not over.</exception>
    /// <exception cref="ReplayDivergenceException">The replay differs from the record; the machine is of no further use.</exception>
    public GenerationReport EndGeneration()
    {
        RunningGeneration running = RequireRunning();
        if (!running.IsOver)
        {
            throw new InvalidOperationException($"{_spec.Path}: generation {running.Generation.Number} is not over, deliveries may wait");
        }

        GenerationReport report;
        try
        {
            report = Finish(running);
            running.Replay?.End(report, _digest.Last);
        }
        catch (DivergenceException divergence) when (running.Replay is not null)
        {
            throw running.Replay.Place(divergence);
        }

        _running = null;
        LastRecord = _recorder?.End(report, _decisions, _trail, _digest.Last);
        return report;
    }

    /// <summary>In which form the order will be in the record, if one is made: an engine's choices always, and as in the record that is replayed.</summary>
    private OrderForm OrderFormOf(GenerationRecord? replayed, bool isChosen) =>
        isChosen ? OrderForm.EveryPick
        : replayed is { Order.IsEmpty: false } ? OrderLog.HasEveryPick(replayed.Order.Span) ? OrderForm.EveryPick : OrderForm.Choices
        : _recorder?.HasOrder == true ? OrderForm.Choices
        : OrderForm.Seed;

    private GenerationReplay BeginReplay(GenerationRecord record)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(record.Report.Generation, NextGeneration, nameof(record));
        GenerationReplay replay = new(_spec, record, _decisions, _trail, _runtime!, ComparesWithChance ? Generator : null);
        replay.Begin();
        return replay;
    }

    private RunningGeneration Boot(bool isLast, bool keepLog, Action<LiveGeneration>? look, GenerationReplay? replay, ChosenOrder? chosen)
    {
        _model.StartGeneration(NextGeneration);
        OperationDiary? diary = keepLog ? OpenDiary() : null;
        ulong messagesBefore = Messages;
        BootSource source = _source;
        KernelGeneration generation = new(_spec, NextGeneration, source, _storage, _model, _decisions.End);
        WorkloadState workload = _storage.Workload;
        UserSpacePlan plan = workload.Begin(_spec, NextGeneration, _decisions.Workload);
        UserPrograms programs = new(plan, _decisions.Clients, _model.JudgeClientCheck);
        ScriptRunner script = new(plan.StepsOf(NextGeneration), isLast, _model.JudgeClientCheck);
        diary?.Begin(programs);
        replay?.Speak(new DeliveryWords(plan.KernelClients, programs));
        _digest.Append((ulong)NextGeneration);
        _digest.Append(generation.Build.Name);
        _digest.Append(generation.CommandLine);
        string? death = generation.Boot();
        MachineActor machine = new(generation, _runtime!);
        if (death is null)
        {
            generation.Start(_runtime!, machine, _decisions.Clients, new WorkloadActor(workload, programs, script, isLast));
        }

        return new RunningGeneration
        {
            Generation = generation,
            Actor = machine,
            Source = source,
            Programs = programs,
            Script = script,
            Death = death,
            IsLast = isLast,
            KeepLog = keepLog,
            Look = look,
            Diary = diary,
            Replay = replay,
            Chosen = chosen,
            MessagesBefore = messagesBefore,
            IsOver = death is not null,
        };
    }

    private bool TakeNext(RunningGeneration running, out Delivery delivery)
    {
        delivery = default;
        if (running.IsOver)
        {
            return false;
        }

        try
        {
            running.IsOver = !_runtime!.TryTakeBefore(running.MessagesBefore + DeliveriesPerGenerationMax, DeliveriesPerGenerationMax, out delivery);
            return !running.IsOver;
        }
        catch (DivergenceException divergence) when (running.Replay is not null)
        {
            throw running.Replay.Place(divergence);
        }
    }

    private GenerationReport Finish(RunningGeneration running)
    {
        KernelGeneration generation = running.Generation;
        (GenerationEnd end, string? lastWords) = running.Death is { } death ? (Die(death), death) : StopActors(running);
        EndDeliveries(running.Replay);
        if (end == GenerationEnd.Kexec)
        {
            running.Script.Jumped();
        }

        bool handedOver = running.Death is null && generation.IsKhoBoot;
        running.Look?.Invoke(new LiveGeneration(generation.Number, generation.Kernel, end, lastWords));
        Leave(generation, end);
        CloseLink();
        NextGeneration++;
        WorkloadState workload = _storage.Workload;
        return new GenerationReport
        {
            Generation = generation.Number,
            Kernel = generation.Build.Name,
            PreviousKernel = generation.Number == 0 ? string.Empty : _spec.KernelOf(generation.Number - 1).Name,
            WasKexec = running.Source.Kind == BootKind.Kexec,
            HandedOver = handedOver,
            End = end,
            Survived = running.Death is null ? _model.Survived : 0,
            Lost = running.Death is null ? _model.Lost : 0,
            Restored = workload.Counters.Restored,
            Operations = workload.Counters.Operations,
            FailedRequests = workload.Counters.Failed + running.Programs.Failed,
            Messages = Messages - running.MessagesBefore,
            Violations = [.. _model.Violations],
            ViolationCount = _model.ViolationCount,
            Log = running.KeepLog ? [.. _storage.Log.Lines] : [],
            Story = running.Diary?.End() ?? [],
        };
    }

    /// <summary>Every delivery was made; what follows is the machine's way to its jump.</summary>
    private void EndDeliveries(GenerationReplay? replay)
    {
        if (replay is not null)
        {
            replay.EndDeliveries();
        }
        else if (_recorder is not null)
        {
            _trail.Finish();
        }
    }

    private (GenerationEnd End, string? LastWords) StopActors(RunningGeneration running)
    {
        // The machine's actor stops the deliveries when the generation ends; without its word they have run out.
        MachineActor machine = running.Actor;
        GenerationEnd end = machine.End == GenerationEnd.Running ? GenerationEnd.Last : machine.End;
        if (end == GenerationEnd.Last && !running.IsLast)
        {
            throw new InvalidOperationException($"{_spec.Path}: generation {running.Generation.Number} came to rest before its jump");
        }

        if (machine.OopsText is { } text && machine.OwnershipViolated)
        {
            _model.JudgeOwnership(text);
        }
        else if (machine.OopsText is { } lastWords)
        {
            Die(lastWords);
        }

        _runtime!.Stop(ActorId.Machine, StopKind.Abrupt);
        return (end, machine.OopsText);
    }

    private RunningGeneration RequireRunning() =>
        _running ?? throw new InvalidOperationException("no generation was begun");

    private void RequireAtJump()
    {
        if (_running is not null)
        {
            throw new InvalidOperationException($"{_spec.Path}: generation {_running.Generation.Number} is going on");
        }
    }
}
