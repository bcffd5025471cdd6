// The one place where nodes use a lock: it guards figures, free lists and readers that workers share, and decides nothing in a machine.
#pragma warning disable RS0030 // Lock is what a gate is made of; what machines do never depends on who passes it first.

namespace KhoActors.Nodes.Fleet;

/// <summary>Lets one worker at a time to what workers share: <c>using (gate.Enter())</c>. What is behind it is short and calls nobody's code.</summary>
internal sealed class Gate
{
    private readonly Lock _lock = new();

    /// <summary>Waits until nobody else is inside.</summary>
    /// <returns>Leaves the gate when disposed.</returns>
    public Passage Enter()
    {
        _lock.Enter();
        return new Passage(_lock);
    }

    /// <summary>The time inside.</summary>
    internal readonly ref struct Passage(Lock entered)
    {
        /// <summary>Leaves.</summary>
        public void Dispose() => entered.Exit();
    }
}
