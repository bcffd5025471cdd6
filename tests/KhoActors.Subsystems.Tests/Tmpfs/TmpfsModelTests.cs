namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>
/// Long random sequences of every operation against the model: each result, each errno, all content, every stat, statfs and the page allocator's
/// account after each step.
/// </summary>
public sealed class TmpfsModelTests
{
    private const int Steps = 1500;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(10)]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(14)]
    [InlineData(15)]
    [InlineData(16)]
    public void Random_sequences_do_what_the_model_does(int seed)
    {
        TmpfsModelRun run = new((ulong)seed);
        for (int step = 0; step < Steps; step++)
        {
            run.Step(step);
        }

        run.Unmount();
    }
}
