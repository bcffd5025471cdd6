using System.Globalization;
using System.Text;

namespace KhoActors.Host.Tests;

/// <summary>Collects what is written and interrupts the program when it says something: an interruption at one place, on every computer.</summary>
internal sealed class StoppingWriter(string text) : StringWriter(CultureInfo.InvariantCulture)
{
    private readonly CancellationTokenSource _source = new();

    /// <summary>Cancelled when the text has been written.</summary>
    public CancellationToken Token => _source.Token;

    public override Encoding Encoding => Encoding.UTF8;

    public override void WriteLine(string? value)
    {
        base.WriteLine(value);
        if (value?.Contains(text, StringComparison.Ordinal) == true)
        {
            _source.Cancel();
        }
    }

    protected override void Dispose(bool disposing)
    {
        _source.Dispose();
        base.Dispose(disposing);
    }
}
