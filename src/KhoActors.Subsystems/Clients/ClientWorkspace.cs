namespace KhoActors.Subsystems.Clients;

/// <summary>
/// Buffers of clients that outlive a kernel generation only to save allocations, like the rest of a host's storage. They carry nothing across a
/// kexec: a client takes nothing from them that it did not write in its own generation. One belongs to one machine at a time.
/// </summary>
public sealed class ClientWorkspace
{
    private readonly List<object> _parts = [];

    /// <summary>A client's own part; made when it is first asked for.</summary>
    /// <typeparam name="T">The client's type.</typeparam>
    /// <returns>Always the same one.</returns>
    public T Part<T>()
        where T : class, new()
    {
        foreach (object part in _parts)
        {
            if (part is T found)
            {
                return found;
            }
        }

        T made = new();
        _parts.Add(made);
        return made;
    }
}
