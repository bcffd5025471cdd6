using System.Diagnostics;

namespace KhoActors.Host.Tests;

/// <summary>
/// The launcher in a small tree of its own, with a stand-in for `dotnet` that counts builds: what matters is when it builds, what it
/// starts and what it says, not the compiler.
/// </summary>
public sealed class LauncherTests : IDisposable
{
    // Logs `build` and `exec`; a build leaves a program behind that names the content of the one source file.
    private const string StandIn = """
        #!/bin/sh
        case $1 in
            --version) [ -z "${NO_SDK:-}" ] && echo 10.0.100 ;;
            build)
                echo build >>"$LOG"
                echo "compiler chatter"
                [ -z "${BROKEN:-}" ] || exit 1
                for each in "$@"; do
                    case $each in -p:ProgramFolder=*) out=${each#*=} ;; esac
                done
                sleep "${BUILD_SECONDS:-0}"
                mkdir -p "$out"
                cp "$TREE/src/Program.cs" "$out/kho.dll"
                ;;
            exec)
                echo "ran $(cat "$2")"
                shift 2
                for each in "$@"; do echo "[$each]"; done
                ;;
            test)
                echo "Passed!  - Failed:     0, Passed:    12, Skipped:     0, Total:    12, Duration: 1 s - a.dll (net10.0)"
                echo "Failed!  - Failed:     2, Passed:     3, Skipped:     0, Total:     5, Duration: 1 s - b.dll (net10.0)"
                exit 1
                ;;
        esac
        """;

    private readonly TemporaryFolder _folder = new();

    public LauncherTests()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        Launcher = _folder["tree/kho"];
        Directory.CreateDirectory(_folder["tree"]);
        File.Copy(ProgramRun.InTree("kho"), Launcher);
        _folder.Write("tree/global.json", """{ "sdk": { "version": "10.0.100" } }""");
        _folder.Write("tree/Directory.Build.props", "<Project />");
        _folder.Write("tree/Directory.Build.targets", "<Project />");
        _folder.Write("tree/build/Engine.props", "<Project />");
        _folder.Write("tree/kho.slnf", "{}");
        _folder.Write("tree/.editorconfig", "root = true");
        _folder.Write("tree/src/Program.cs", "one");
        File.SetUnixFileMode(_folder.Write("bin/dotnet", StandIn), UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }

    private string Launcher { get; } = string.Empty;

    private int Builds => File.Exists(_folder["log"]) ? File.ReadAllLines(_folder["log"]).Length : 0;

    public void Dispose() => _folder.Dispose();

    [UnixFact]
    public void The_first_use_builds_and_later_ones_only_run()
    {
        (int code, string output, string error) = Launch(Launcher, ["run", "a b"]);
        Assert.Equal((0, "ran one\n[run]\n[a b]\n"), (code, output));
        Assert.Contains("compiler chatter", error, StringComparison.Ordinal);

        (code, output, error) = Launch(Launcher, []);
        Assert.Equal((0, "ran one\n", string.Empty), (code, output, error));
        Assert.Equal(1, Builds);
    }

    [UnixFact]
    public void A_changed_added_or_removed_source_builds_again()
    {
        Launch(Launcher, []);
        _folder.Write("tree/src/Program.cs", "two");
        Assert.Equal("ran two\n", Launch(Launcher, []).Out);
        string added = _folder.Write("tree/src/Deep/Added.cs", "new");
        Launch(Launcher, []);
        Assert.Equal(3, Builds);
        File.Delete(added);
        Launch(Launcher, []);
        Launch(Launcher, []);
        Assert.Equal(4, Builds);
    }

    [UnixFact]
    public void Touching_a_source_or_building_elsewhere_does_not_build_again()
    {
        Launch(Launcher, []);
        File.SetLastWriteTimeUtc(_folder["tree/src/Program.cs"], DateTime.UtcNow.AddMinutes(1));
        _folder.Write("tree/src/obj/generated.cs", "from another build");
        Launch(Launcher, []);

        Assert.Equal(1, Builds);
    }

    [UnixFact]
    public void It_works_from_anywhere_through_links_and_by_a_relative_path()
    {
        File.CreateSymbolicLink(_folder["bin/kho"], "../second link");
        File.CreateSymbolicLink(_folder["second link"], Launcher);
        Assert.Equal("ran one\n", Launch(_folder["bin/kho"], []).Out);
        Assert.Equal("ran one\n", Launch("../tree/kho", [], _folder["bin"]).Out);
        Assert.Equal("ran one\n", Launch("./kho", [], _folder["tree"]).Out);
        Assert.Equal(1, Builds);
    }

    [UnixFact]
    public void Several_at_once_build_once()
    {
        Task<string>[] launches = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(() => Launch(Launcher, [], null, ("BUILD_SECONDS", "1")).Out))];
        Assert.All(Task.WhenAll(launches).GetAwaiter().GetResult(), static output => Assert.Equal("ran one\n", output));
        Assert.Equal(1, Builds);
    }

    [UnixFact]
    public void The_lock_of_a_process_that_died_is_broken()
    {
        using Process dead = Process.Start("true");
        dead.WaitForExit();
        _folder.Write("tree/.kho/lock/pid", $"{dead.Id}\n");

        Assert.Equal("ran one\n", Launch(Launcher, []).Out);
        Assert.False(Directory.Exists(_folder["tree/.kho/lock"]));
    }

    [UnixFact]
    public void A_failed_build_is_tried_again_and_never_runs_what_is_out_of_date()
    {
        Launch(Launcher, []);
        _folder.Write("tree/src/Program.cs", "two");
        (int code, string output, string error) = Launch(Launcher, [], null, ("BROKEN", "1"));
        Assert.Equal((70, string.Empty), (code, output));
        Assert.EndsWith("kho: the build failed\n", error, StringComparison.Ordinal);
        Assert.Equal("ran two\n", Launch(Launcher, []).Out);
    }

    [UnixFact]
    public void Without_a_fitting_SDK_one_line_says_what_to_install()
    {
        (int code, string output, string error) = Launch(Launcher, [], null, ("NO_SDK", "1"));

        Assert.Equal((64, string.Empty), (code, output));
        Assert.Equal(
            "kho: install the .NET SDK 10.0.100 or a later 10.x one (https://dotnet.microsoft.com/download), then run this again\n", error);
    }

    [UnixFact]
    public void Tests_end_with_the_sum_over_projects()
    {
        (int code, string output, _) = Launch(Launcher, ["test"]);

        Assert.Equal(1, code);
        Assert.EndsWith("\n15 passed, 2 failed\n", output, StringComparison.Ordinal);
    }

    private (int Code, string Out, string Error) Launch(
        string program, string[] arguments, string? folder = null, params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? Path.GetTempPath(),
        };
        if (program.StartsWith('.'))
        {
            // The runtime resolves relative programs against its own folder, a shell against the current one.
            start = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$0\" \"$@\"", program, .. arguments])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = folder!,
            };
        }

        start.Environment["PATH"] = _folder["bin"] + ":/usr/bin:/bin";
        start.Environment["LOG"] = _folder["log"];
        start.Environment["TREE"] = _folder["tree"];
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}
