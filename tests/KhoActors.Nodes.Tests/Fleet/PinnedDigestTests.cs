using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Scenarios;

namespace KhoActors.Nodes.Tests.Fleet;

/// <summary>
/// What a seed produces is a promise. A change that alters one of these digests raises <see cref="Machine.ModelVersion"/> and says so in
/// the changelog; then the new digests are entered here.
/// </summary>
public class PinnedDigestTests
{
    [Theory]
    [InlineData("tiny", new string[0], "b1ddccd5198bfef483aebfb8da2233ef956137cfb4606b9a5389f431313e7677")]
    [InlineData("fleet", new[] { "machines=20", "kexecs=5" }, "c453855d0dd4bb4aad3c4a62dd6c39e190941c71bdb63b877aafcc389da6ff26")]
    [InlineData("smoke", new string[0], "693f0f600077573ab5b90c34e11d06c24319dafe7da80754419e5766706a3bf4")]
    public void Seed_7_of_model_version_2_has_this_digest(string scenario, string[] settings, string digest)
    {
        ScenarioCatalog catalog = new(Fixtures.ScenarioFolder, new KernelCatalog(Fixtures.ShippedKernelFolder));

        FleetResult result = FleetRunner.Run(new FleetPlan(catalog.Load(scenario, settings), seed: 7), new FleetOptions { Workers = 2 });

        Assert.Equal(2, Machine.ModelVersion);
        Assert.Equal(digest, result.Digest);
    }
}
