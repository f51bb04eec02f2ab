"""The whole configuration is checked on demand, without a job; what was mended is not told any more."""

import json

import pytest

pytestmark = pytest.mark.slow


def found(cli, *words):
    """Of what this test made: others use the same vault."""
    answer = cli("vault validate --json")
    flaws = [each for each in json.loads(answer.out)["flaws"] if any(word in str(each) for word in words)]
    return answer, {(each["kind"], each["about"]): each for each in flaws}


def test_what_is_wrong_is_told_with_what_to_do_until_it_is_mended(cli, protected, tmp_path):
    jobs = len(cli.must("job list --json").json)
    cli.must("mapping create a/vanished b/nowhere")
    file = tmp_path / "plan.json"
    action = {"name": "traffic", "script": "no-such-script"}
    file.write_text(json.dumps({"groups": [{"machines": [protected], "after": [action]}]}))
    cli.must(f"plan create wrong --file {file}")
    cli.must(f"hook set {protected} give --script no-such-hook --moment after_start --direction away")
    answer, flaws = found(cli, "nowhere", "no-such-script", "no-such-hook")
    assert answer.exit == 4
    network, script = (
        flaws["network-missing", "mapping of vanished from a to b"],
        flaws["script", "plan wrong"],
    )
    assert "mapping create a/vanished b/NETWORK" in network["do"]
    assert "no-such-script" in script["what"]
    hook = flaws["script", f"hooks of {protected}"]
    assert hook["what"].startswith("At site b: Script 'no-such-hook' cannot be run")
    assert f"hook clear {protected} HOOK" in hook["do"]
    said = cli("vault validate --last")
    assert "network-missing: mapping of vanished from a to b" in said.out
    assert "asked about at their sites" in said.out
    again = found(cli, "nowhere")[1]["network-missing", "mapping of vanished from a to b"]
    assert again["since"] == network["since"]
    cli.must("plan delete wrong --yes")
    cli.must(f"hook clear {protected}")
    cli.must("mapping delete a/vanished b --yes")
    assert found(cli, "nowhere", "no-such-script", "no-such-hook")[1] == {}
    assert len(cli.must("job list --json").json) == jobs


def test_what_changed_since_the_last_good_drill_is_told_until_another_one_passes(cli, protected):
    cli.must(f"machine test-failover {protected} --yes")
    cli.must(f"machine cleanup-test-failover {protected} --verdict passed --yes")

    def drifted():
        cli("vault validate")
        findings = cli.must(f"machine show {protected} --json").json["findings"]
        return [each["what"] for each in findings if each["code"] == "drifted"]

    assert drifted() == []
    cli.must(f"machine set {protected} --vcpus 2")
    (what,) = drifted()
    assert "vCPUs at the second site: as at home became 2" in what
    job = cli.must(f"machine test-failover {protected} --json --yes").json
    assert "since its last good drill: vCPUs at the second site" in str(job["tasks"])
    cli.must(f"machine cleanup-test-failover {protected} --verdict passed --yes")
    assert drifted() == []


def test_a_machine_that_could_not_be_failed_over_is_told(cli, protected):
    cli.must(f"machine set {protected} --memory 4096GiB")
    assert ("machine", f"machine {protected}") in found(cli, protected)[1]
    cli.must(f"machine set {protected} --as-at-home memory")
    assert ("machine", f"machine {protected}") not in found(cli, protected)[1]
