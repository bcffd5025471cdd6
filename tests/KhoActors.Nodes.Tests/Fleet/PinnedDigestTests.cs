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
    [InlineData("tiny", new string[0], "6bbb158071743d9993a2bb9e34ea731403ba627408f20166df9e6869d3362f7a")]
    [InlineData("fleet", new[] { "machines=20", "kexecs=5" }, "81ae64cdef8dc12b860954a2e4ba2dbc9d073cbb6d11c477c07ba758ec119959")]
    public void Seed_7_of_model_version_1_has_this_digest(string scenario, string[] settings, string digest)
    {
        ScenarioCatalog catalog = new(Fixtures.ScenarioFolder, new KernelCatalog(Fixtures.ShippedKernelFolder));

        FleetResult result = FleetRunner.Run(new FleetPlan(catalog.Load(scenario, settings), seed: 7), new FleetOptions { Workers = 2 });

        Assert.Equal(1, Machine.ModelVersion);
        Assert.Equal(digest, result.Digest);
    }
}
