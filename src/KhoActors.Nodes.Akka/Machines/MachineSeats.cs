using System.Collections.Concurrent;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.Akka.Machines;

/// <summary>What carries machines on this node: costly to make and used again and again, as many as machines are on their way at one time.</summary>
internal sealed class MachineSeats : IDisposable
{
    private readonly ConcurrentBag<Machine> _free = [];

    /// <summary>Takes one.</summary>
    public Machine Take() => _free.TryTake(out Machine? machine) ? machine : new Machine();

    /// <summary>Gives one back. One whose machine failed is better thrown away.</summary>
    public void Return(Machine machine)
    {
        machine.Host = null;
        _free.Add(machine);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_free.TryTake(out Machine? machine))
        {
            machine.Dispose();
        }
    }
}
