using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Tests.Machines;
using KhoActors.Subsystems;

namespace KhoActors.Nodes.Tests.UserSpace;

/// <summary>What user space does when a scenario writes it down step by step.</summary>
public class ScriptTests
{
    [Fact]
    public void Steps_run_in_order_each_after_the_answer_of_the_one_before()
    {
        MachineRun run = NoteBench.Run(NoteBench.Quiet + "script: [{ steps: [note put 5, note get, note put 6, note get = 6] }]");

        Assert.All(run.Reports, report => Assert.Equal(["put 5: done", "get: 5", "put 6: done", "get: 6"], report.Notes()));
        Assert.Empty(run.Violations);
    }

    [Fact]
    public void Entries_concern_the_generations_that_they_name()
    {
        MachineRun run = NoteBench.Run(NoteBench.Quiet + """
            script:
              - { generations: 0, steps: note put 10 }
              - { generations: [1-7], steps: note put 11 }
              - { generations: [0, 2], steps: note put 12 }
              - steps: note put 13
            """);

        Assert.Equal(["put 10: done", "put 12: done", "put 13: done"], run.Reports[0].Notes());
        Assert.Equal(["put 11: done", "put 13: done"], run.Reports[1].Notes());
        Assert.Equal(["put 11: done", "put 12: done", "put 13: done"], run.Reports[2].Notes());
    }

    [Theory]
    [InlineData("panic enough", GenerationEnd.Panic)]
    [InlineData("emergency-restart", GenerationEnd.EmergencyRestart)]
    public void A_panic_does_not_wait_for_a_client_that_freezes(string step, GenerationEnd end)
    {
        string quiet = NoteBench.Quiet.Replace("[note]", "[stuck]", StringComparison.Ordinal);

        MachineRun run = NoteBench.Run($"{quiet}script: [{{ generations: 0, steps: [kexec load = 0, kexec execute, {step}] }}]", "kexecs=1");

        Assert.Equal(end, run.Reports[0].End);
        Assert.Equal(["0 client-check: script step 'kexec execute' was not answered within 10 s"], run.Violations);
    }

    [Theory]
    [InlineData("note get = 4", "expected success with value 4, found success with value 3")]
    [InlineData("note get = ENOSPC", "expected -ENOSPC, found success with value 3")]
    [InlineData("note get double 7", "expected success and second value 0x7, found success with value 3 and second value 0x6")]
    [InlineData("find-log nobody says this = 1", "expected success with value 1, found -ENOENT")]
    public void An_answer_that_was_not_expected_is_a_violation_that_names_the_step(string step, string expected)
    {
        MachineRun run = NoteBench.Run($"{NoteBench.Quiet}script: [{{ generations: 1, steps: [note put 3, {step}] }}]");

        Assert.Equal([$"1 client-check: script step '{step}': {expected}"], run.Violations);
    }

    [Theory]
    [InlineData("note get = 3")]
    [InlineData("note get = 0x3")]
    [InlineData("note get = 0")]
    [InlineData("note get double 6")]
    [InlineData("modprobe note = EEXIST")]
    [InlineData("modprobe note = -EEXIST")]
    [InlineData("find-log Linux version = 1")]
    [InlineData("find-log nobody says this = ENOENT")]
    [InlineData("kexec execute = EINVAL")]
    [InlineData("note get")]
    public void An_answer_that_was_expected_is_none(string step)
    {
        MachineRun run = NoteBench.Run($"{NoteBench.Quiet}script: [{{ generations: 0, steps: [note put 3, {step}] }}]");

        Assert.Empty(run.Violations);
        Assert.Equal(GenerationEnd.Kexec, run.Reports[0].End);
    }

    [Fact]
    public void A_jump_whose_refusal_was_expected_is_a_violation()
    {
        const string steps = "kexec load = 0, kexec execute = EBUSY, note put 3";
        MachineRun run = NoteBench.Run($"{NoteBench.Quiet}script: [{{ generations: 0, steps: [{steps}] }}]");

        Assert.Equal(["0 client-check: script step 'kexec execute = EBUSY': expected -EBUSY, found that the kernel made the jump"], run.Violations);
        Assert.Equal(GenerationEnd.Kexec, run.Reports[0].End);
    }

    [Fact]
    public void A_step_that_nobody_answers_is_given_up_and_said()
    {
        MachineRun run = NoteBench.Run(NoteBench.Quiet + "script: [{ generations: 0, steps: [note silent, note put 3] }]");

        Assert.Equal(["0 client-check: script step 'note silent' was not answered within 10 s"], run.Violations);
        Assert.Equal(["put 3: done", "put 0: unanswered, the kernel ended first"], run.Reports[0].Notes());
    }

    [Theory]
    [InlineData("panic", GenerationEnd.Panic)]
    [InlineData("panic the end is near", GenerationEnd.Panic)]
    [InlineData("emergency-restart", GenerationEnd.EmergencyRestart)]
    [InlineData("power-off", GenerationEnd.ColdBoot)]
    [InlineData("reboot", GenerationEnd.Reboot)]
    public void A_step_may_end_the_kernel_and_what_follows_it_is_not_done(string step, GenerationEnd end)
    {
        MachineRun run = NoteBench.Run($"{NoteBench.Quiet}script: [{{ steps: [note put 1, {step}, note put 2] }}]");

        Assert.Equal([end, end, GenerationEnd.Last], run.Reports.Select(static report => report.End));
        Assert.All(run.Reports, static report => Assert.Equal(["put 1: done"], report.Notes()));
        Assert.All(run.Reports, static report => Assert.False(report.WasKexec));
    }

    [Fact]
    public void Lines_for_the_log_arrive_there_and_can_be_found()
    {
        MachineRun run = NoteBench.Run(NoteBench.Quiet + """
            script:
              - generations: 0
                steps:
                  [
                    log 3 user space was here, find-log space was = 1, clear-log = 0, oops BUG no such thing = 0, find-log BUG = 1,
                    jump-and-return = 0, wait 5 s, log 6 later,
                  ]
            """);

        Assert.Empty(run.Violations);
        LogLine line = run.Reports[0].Log.Single(static line => line.Text == "user space was here");
        LogLine later = run.Reports[0].Log.Single(static line => line.Text == "later");
        Assert.Equal((LogLevel.Error, 1), (line.Level, line.Facility));
        Assert.InRange(later.Ticks - line.Ticks, 5_000_000_000UL, 5_001_000_000UL);
    }

    [Fact]
    public void A_script_may_load_and_execute_itself()
    {
        const string script = "script: [{ steps: [kexec load = 0, note put 4, kexec execute] }]";
        MachineRun run = NoteBench.Run(NoteBench.Quiet + script, "workload.operations_per_kexec=30");

        Assert.Equal([GenerationEnd.Kexec, GenerationEnd.Kexec, GenerationEnd.Last], run.Reports.Select(static report => report.End));
        Assert.All(run.Reports, static report => Assert.Equal(0, report.Operations));
        Assert.Empty(run.Violations);
    }

    [Fact]
    public void A_kernel_that_the_script_loaded_is_not_loaded_again()
    {
        MachineRun run = NoteBench.Run(NoteBench.Quiet + "script: [{ generations: 0, steps: kexec load }]");

        Assert.Single(run.Reports[0].Story, static line => line.StartsWith("kexec: load", StringComparison.Ordinal));
        Assert.Equal(GenerationEnd.Kexec, run.Reports[0].End);
    }

    [Fact]
    public void A_step_whose_client_a_kernel_lacks_is_left_out_there_and_a_variant_answers_to_the_common_part_of_its_name()
    {
        const string yaml = """
            name: noted
            summary: Two kernels with variants of one client, and one without
            kernels: [7.3-rc7]
            kexecs: 2
            clients: [board-b]
            workload: { operations_per_kexec: 0, operations_after_load: 0 }
            script: [{ steps: [board put 1, board-b get = 1] }]
            """;

        MachineRun run = NoteBench.Run(yaml);

        Assert.Empty(run.Violations);
        Assert.All(run.Reports, static report => Assert.Equal(2, report.Story.Count(static line => line.StartsWith("board-b: ", StringComparison.Ordinal))));
    }

    [Theory]
    [InlineData(1, 2, GenerationEnd.Kexec)]
    [InlineData(3, 4, GenerationEnd.Kexec)]
    [InlineData(4, 4, GenerationEnd.KexecRefused)]
    [InlineData(1000, 4, GenerationEnd.KexecRefused)]
    public void A_kexec_that_a_client_refuses_is_tried_again_three_times_and_then_given_up(int refusals, int tries, GenerationEnd end)
    {
        MachineRun run = NoteBench.Run($"{NoteBench.Quiet}script: [{{ generations: 0, steps: note refuse {refusals} }}]", "kexecs=1");

        GenerationReport first = run.Reports[0];
        Assert.Equal(end, first.End);
        Assert.Equal(tries, first.Story.Count(static line => line == "kexec: execute"));
        Assert.Equal(Math.Min(refusals, 4), first.Log.Count(static line => line.Text.Contains("-EBUSY", StringComparison.Ordinal)));
        Assert.Equal(end == GenerationEnd.Kexec, run.Reports[1].WasKexec);
        Assert.Empty(run.Violations);
    }

    [Fact]
    public void How_often_a_refused_kexec_is_tried_is_the_scenarios_choice()
    {
        MachineRun run = NoteBench.Run(NoteBench.Quiet + "script: [{ generations: 0, steps: note refuse 1 }]\nkexec: { retries: 0 }");

        Assert.Equal(GenerationEnd.KexecRefused, run.Reports[0].End);
    }
}
