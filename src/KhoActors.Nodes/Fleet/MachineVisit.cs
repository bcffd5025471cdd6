using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.Fleet;

/// <summary>A visit that cannot be made: there is no such machine or generation.</summary>
public sealed class MachineVisitException : Exception
{
    /// <summary>Without a message.</summary>
    public MachineVisitException()
    {
    }

    /// <summary>With a message.</summary>
    /// <param name="message">One line.</param>
    public MachineVisitException(string message)
        : base(message)
    {
    }

    /// <summary>With a message and a cause.</summary>
    /// <param name="message">One line.</param>
    /// <param name="innerException">The cause.</param>
    public MachineVisitException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>
/// Looks at one machine of a fleet in one of its generations. A run is a function of scenario and seed, so the machine is executed again,
/// alone, from its first power-on to that generation, and is what it was in the run.
/// </summary>
public static class MachineVisit
{
    /// <summary>Executes a machine up to the end of a generation and looks at it there: its user space has done its work, its jump has not begun.</summary>
    /// <param name="plan">The fleet.</param>
    /// <param name="machine">Number of the machine, from 0.</param>
    /// <param name="generation">The generation, from 0 for the first boot; null for the last.</param>
    /// <param name="look">Called once with the generation.</param>
    /// <param name="beforeGeneration">Called before each generation; may end the visit by throwing. Null for nothing.</param>
    /// <exception cref="MachineVisitException">The fleet has no such machine, or the chain no such generation.</exception>
    /// <exception cref="Runtime.SimulatorDefectException">Our code failed.</exception>
    public static void Run(FleetPlan plan, int machine, int? generation, Action<LiveGeneration> look, Action? beforeGeneration = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        RequireBelow(machine, plan.Scenario.Machines, "machine", plan.Scenario.Name);
        int last = plan.Scenario.Kexecs;
        int wanted = generation ?? last;
        RequireBelow(wanted, last + 1, "generation", plan.Scenario.Name);
        using Machine host = new();
        host.PowerOff(plan.SpecOf(machine));
        for (int number = 0; number <= wanted; number++)
        {
            beforeGeneration?.Invoke();
            host.RunGeneration(isLast: number == last, look: number == wanted ? look : null);
        }
    }

    /// <summary>Refuses a machine or a generation that there is not.</summary>
    /// <exception cref="MachineVisitException">There is not.</exception>
    internal static void RequireBelow(int number, int count, string what, string scenario)
    {
        if (number < 0 || number >= count)
        {
            string range = count == 1 ? "only 0" : $"0 to {count - 1}";
            throw new MachineVisitException($"scenario {scenario} has no {what} {number}; it has {range}");
        }
    }
}
