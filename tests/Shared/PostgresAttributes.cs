using System.Reflection;
using Xunit.Sdk;

namespace KhoActors.Tests.Shared;

/// <summary>A fact that needs a <see cref="PostgresServer"/>; skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PostgresFactAttribute : FactAttribute
{
    public PostgresFactAttribute() => Skip = PostgresServer.SkipReason;
}

/// <summary>Data of a theory that need a <see cref="PostgresServer"/>; skipped where there is none, whatever else the theory is tried with.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class PostgresDataAttribute : DataAttribute
{
    private readonly object[] _data;

    public PostgresDataAttribute(params object[] data)
    {
        _data = data;
        Skip = PostgresServer.SkipReason;
    }

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [_data];
}
