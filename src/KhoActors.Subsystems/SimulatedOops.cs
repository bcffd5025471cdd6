namespace KhoActors.Subsystems;

/// <summary>
/// The simulated kernel crashed: a BUG, a bad access or a panic of the machine, never a fault of the simulator. The host reports it to the
/// actor's parent; every other exception is a simulator defect and stops the machine's run.
/// </summary>
public sealed class SimulatedOopsException : Exception
{
    /// <summary>Says what crashed.</summary>
    /// <param name="message">The line the kernel would print.</param>
    public SimulatedOopsException(string message)
        : base(message)
    {
    }
}
