using System.Globalization;
using System.Text;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems;

// Boots the next generation of a machine from a file and says what happened. The file: canonical scenario, seed, machine number,
// whether the chain ends here (one line each), then the snapshot.
if (args.Length != 1)
{
    Console.Error.WriteLine("usage: KhoActors.FreshProcess HAND-OVER-FILE");
    return 64;
}

byte[] file = File.ReadAllBytes(args[0]);
int position = 0;
ResolvedScenario resolved = ResolvedScenario.Parse(NextLine(), args[0]);
ulong seed = ulong.Parse(NextLine(), CultureInfo.InvariantCulture);
int number = int.Parse(NextLine(), CultureInfo.InvariantCulture);
bool isLast = bool.Parse(NextLine());
MachineSpec spec = new FleetPlan(resolved, seed).SpecOf(number);
using Machine machine = new();
machine.WakeUp(spec, file.AsMemory(position));
GenerationReport report = machine.RunGeneration(isLast, keepLog: true);

Console.WriteLine(Convert.ToHexStringLower(machine.Digest));
Console.WriteLine(
    string.Create(
        CultureInfo.InvariantCulture,
        $"{report.Generation} {report.PreviousKernel} {report.Kernel} {report.HandedOver} {report.End} {report.Survived} {report.Lost} {report.Restored} {report.Operations} {report.FailedRequests} {report.Messages} {report.ViolationCount}"));
foreach (LogLine line in report.Log)
{
    Console.WriteLine(line);
}

return 0;

string NextLine()
{
    int end = Array.IndexOf(file, (byte)'\n', position);
    string line = Encoding.UTF8.GetString(file, position, end - position);
    position = end + 1;
    return line;
}
