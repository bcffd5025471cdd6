using System.Reflection;
using System.Runtime.InteropServices;

namespace KhoActors.Host;

/// <summary>The program <c>kho</c>.</summary>
internal static class Program
{
    /// <summary>The version that <c>kho --version</c> prints.</summary>
    public static string Version => Assembly.GetExecutingAssembly().GetName().Version!.ToString(3);

    private static int Main(string[] arguments)
    {
        // Asked by scripts and editors again and again: answered before the command tree and its libraries are loaded.
        if (arguments is ["--version"])
        {
            Console.Out.WriteLine(Version);
            return (int)ExitCode.Held;
        }

        using CancellationTokenSource interruption = new();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, InterruptOnce);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, InterruptOnce);
        return (int)CommandLine.Run(arguments, Terminal.OfProcess(interruption.Token));

        void InterruptOnce(PosixSignalContext signal)
        {
            // The second signal keeps its default effect: it ends a process that does not stop.
            signal.Cancel = !interruption.IsCancellationRequested;
            interruption.Cancel();
        }
    }
}
