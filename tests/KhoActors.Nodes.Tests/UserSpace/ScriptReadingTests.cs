using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Tests.UserSpace;

/// <summary>Scripts and mixes with mistakes: each is refused when the scenario is read, with its place and what is accepted.</summary>
public class ScriptReadingTests
{
    private const string Commands =
        "log, clear-log, find-log, oops, panic, emergency-restart, power-off, reboot, jump-and-return, modprobe, rmmod, kexec, wait";

    [Theory]
    [InlineData("note putt 4", "accepted: put NUMBER, get [double NUMBER], refuse TIMES, silent")]
    [InlineData("nott put 4", "no client and no command 'nott'; did you mean 'note'?")]
    [InlineData("something else", "no client and no command 'something'; accepted: note, " + Commands)]
    [InlineData("board-a put 1", "no client and no command 'board-a'; accepted: note, " + Commands)]
    [InlineData("note get = FIVE", "found '= FIVE', accepted behind the equals sign: 0 for success, a number for success with that value, or an errno such as ENOSPC")]
    [InlineData("panic = 0", "nobody answers this command, so that no result can be expected")]
    [InlineData("panic now = 0", "nobody answers this command, so that no result can be expected")]
    [InlineData("wait 1 s = 0", "nobody answers this command, so that no result can be expected")]
    [InlineData("wait 1", "expected 'wait DURATION'")]
    [InlineData("wait forever", "expected 'wait DURATION'")]
    [InlineData("log 8 hello", "expected 'log LEVEL TEXT'")]
    [InlineData("log 3", "expected 'log LEVEL TEXT'")]
    [InlineData("clear-log now", "expected 'clear-log'")]
    [InlineData("find-log", "expected 'find-log TEXT'")]
    [InlineData("kexec jump", "expected 'kexec load|execute'")]
    [InlineData("modprobe pstore", "expected 'modprobe CLIENT', clients of this scenario: note")]
    [InlineData(" ", "the step is empty")]
    [InlineData("log 3 caf\u00e9", "a step consists of printable ASCII characters")]
    public void A_step_that_cannot_be_read_is_refused_at_its_place(string step, string problem)
    {
        string yaml = $"{NoteBench.Quiet}script:\n  - steps:\n      - note put 1\n      - '{step}'\n";
        Assert.Equal($"test.yaml:10:9: script[0].steps[1]: '{step}': {problem}", NoteBench.Refusal(yaml));
    }

    [Theory]
    [InlineData("{ steps: [] }", "test.yaml:7:20: script[0].steps: the list is empty; give at least one step")]
    [InlineData("{ generations: 1 }", "test.yaml:7:11: script[0]: the key 'steps' is missing")]
    [InlineData("{ generations: [], steps: panic }", "test.yaml:7:26: script[0].generations: the list is empty; give 'every', numbers or ranges such as 2-5")]
    [InlineData("{ generations: always, steps: panic }", "test.yaml:7:26: script[0].generations[0]: found 'always', accepted: 'every', a number, or a range such as 2-5")]
    [InlineData("{ generations: [1, 5-2], steps: panic }", "test.yaml:7:30: script[0].generations[1]: found '5-2', accepted: 'every', a number, or a range such as 2-5")]
    [InlineData("{ generations: -1, steps: panic }", "test.yaml:7:26: script[0].generations[0]: found '-1', accepted: 'every', a number, or a range such as 2-5")]
    [InlineData("{ generations: 99999999999, steps: panic }", "test.yaml:7:26: script[0].generations[0]: found '99999999999', accepted: 'every', a number, or a range such as 2-5")]
    public void An_entry_that_makes_no_sense_is_refused(string entry, string expected) =>
        Assert.Equal(expected, NoteBench.Refusal($"{NoteBench.Quiet}script: [ {entry} ]"));

    [Fact]
    public void A_client_without_a_program_takes_no_commands() =>
        Assert.Equal(
            "test.yaml:7:20: script[0].steps[0]: 'mute speak': user space has no commands for client mute",
            NoteBench.Refusal(NoteBench.Quiet.Replace("[note]", "[note, mute]", StringComparison.Ordinal) + "script: [{ steps: [mute speak] }]"));

    [Theory]
    [InlineData("note_putt: 1", "workload.mix.note_putt: no operation 'note_putt'; did you mean 'note_put'? (clients: note)")]
    [InlineData("note_put: -1", "workload.mix.note_put: found -1, accepted: from 0 to 1000000")]
    [InlineData("note_put: often", "workload.mix.note_put: found 'often', expected a whole number")]
    [InlineData("note_put: 0", "workload.mix: every weight is 0, so that no operation can be chosen")]
    public void A_mix_that_makes_no_sense_is_refused(string mix, string expected)
    {
        string yaml = NoteBench.Quiet.Replace("operations_per_kexec: 0,", $"operations_per_kexec: 4, mix: {{ {mix} }},", StringComparison.Ordinal);

        Assert.Contains(expected, NoteBench.Refusal(yaml), StringComparison.Ordinal);
        Assert.StartsWith("test.yaml:6:", NoteBench.Refusal(yaml), StringComparison.Ordinal);
    }

    [Fact]
    public void Scripts_and_mixes_read_back_from_canonical_text_as_what_they_were()
    {
        const string mix = "operations_per_kexec: 4, mix: { note_put: 3, free: 1, note_get: 2, log: 1 },";
        string yaml = NoteBench.Quiet.Replace("operations_per_kexec: 0,", mix, StringComparison.Ordinal)
            + "script: [{ generations: [0, 2-3], steps: ['log 3 a \"quoted\" \\ line', note get = 4] }, { steps: kexec load }]";
        ResolvedScenario resolved = NoteBench.Resolve(yaml);

        string text = resolved.ToCanonicalText();
        ResolvedScenario parsed = ResolvedScenario.Parse(text, "history", NoteBench.Clients);

        Assert.Equal(text, parsed.ToCanonicalText());
        Assert.Contains("\"jump_and_return\": 0, \"note_put\": 3, \"note_get\": 2}", text, StringComparison.Ordinal);
        Assert.Equal([new NamedWeight("note_put", 3), new NamedWeight("note_get", 2)], parsed.Scenario.Workload.Mix.ClientOperations);
        Assert.Equal(["0", "2-3"], parsed.Scenario.Script[0].Generations);
        Assert.Equal(["log 3 a \"quoted\" \\ line", "note get = 4"], parsed.Scenario.Script[0].Steps);
        Assert.Equal(["every"], parsed.Scenario.Script[1].Generations);
    }

    [Fact]
    public void A_canonical_text_names_the_place_of_a_bad_step()
    {
        string good = NoteBench.Resolve(NoteBench.Quiet + "script: [{ steps: note get }]").ToCanonicalText();
        string text = good.Replace("note get", "note got", StringComparison.Ordinal);

        string message = Assert.Throws<ScenarioException>(() => ResolvedScenario.Parse(text, "history", NoteBench.Clients)).Message;

        Assert.Contains("scenario.script[0].steps[0]: 'note got'", message, StringComparison.Ordinal);
    }
}
