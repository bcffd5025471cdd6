namespace KhoActors.Host.Tests;

/// <summary>Arguments that nobody should pass: each gets one line that says what is wrong and what is accepted, in the user's words.</summary>
public sealed class HostileArgumentTests
{
    [Theory]
    [InlineData("kho: no file ''", "validate", "")]
    [InlineData("kho: no file ''", "inspect", "")]
    [InlineData("kho: no folder ''", "conformance", "")]
    [InlineData("kho:  is no capture", "boot", "")]
    [InlineData("kho: . is a folder; a scenario or kernel file is expected", "validate", ".")]
    [InlineData("kho: . is a folder; a device tree blob or a capture is expected", "inspect", ".")]
    [InlineData("kho: ./: is a folder; a file is expected", "run", "./")]
    [InlineData("kho: --machines 'many': a whole number from 1 to 2147483647 is accepted", "run", "--machines", "many")]
    [InlineData("kho: --machines '2147483648': a whole number", "run", "--machines", "2147483648")]
    [InlineData("kho: --kexecs '-1': a whole number", "run", "--kexecs", "-1")]
    [InlineData("kho: --workers '0': a whole number", "run", "--workers", "0")]
    [InlineData("kho: --workers '': a whole number", "run", "--workers", "")]
    [InlineData("kho: --repetitions 'x': a whole number", "bench", "--repetitions", "x")]
    [InlineData("kho: --repetitions '99999999999': a whole number", "bench", "--repetitions", "99999999999")]
    [InlineData("kho: --seed '': a number", "run", "--seed", "")]
    [InlineData("kho: --memory '5 apples': a size such as 512 MiB, 4GiB or a number of bytes is accepted", "run", "--memory", "5 apples")]
    [InlineData("kho: --memory '-1': a size", "run", "--memory", "-1")]
    [InlineData("kho: --memory '': a size", "run", "--memory", "")]
    [InlineData("kho: --memory '9000000000 GiB': a size", "run", "--memory", "9000000000 GiB")]
    [InlineData("kho: --store 'mysql://host/x': no history is kept at", "run", "tiny", "--store", "mysql://host/x")]
    [InlineData("kho: --store 'sqlite:a\0b': no history is kept at", "run", "tiny", "--store", "sqlite:a\0b")]
    public void Is_refused_in_one_line(string expected, params string[] arguments)
    {
        ProgramRun run = ProgramRun.Of(arguments);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.StartsWith(expected, run.ErrorLine, StringComparison.Ordinal);
        Assert.Empty(run.Out);
    }

    [Theory]
    [InlineData("validate")]
    [InlineData("inspect")]
    [InlineData("run")]
    public void A_file_that_cannot_be_read_is_refused_whoever_reads_it(string command)
    {
        using TemporaryFolder folder = new();
        string path = folder["locked.yaml"];
        using FileStream locked = new(path, FileMode.Create, FileAccess.Write, FileShare.None);

        ProgramRun run = ProgramRun.Of(command, path);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("cannot be read", run.ErrorLine, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("validate")]
    [InlineData("inspect")]
    [InlineData("run")]
    public void A_device_without_an_end_is_refused(string command)
    {
        const string endless = "/dev/zero";
        if (File.Exists(endless))
        {
            Assert.Equal(ExitCode.Usage, ProgramRun.Of(command, endless).ExitCode);
        }
    }
}
