"""Every verb, as a person types it: sentences as they come, exit codes, JSON, several machines at once."""

import pytest

from rig.eventually import eventually

pytestmark = pytest.mark.slow


def shows(cli, name, label, text):
    """The line of `machine show` with that label says it, as soon as the site has reported."""

    def seen():
        lines = cli.must(f"machine show {name}").out.splitlines()
        return any(line.startswith(f"{label} ") and text in line for line in lines)

    return eventually(seen)


def state(cli, name):
    return cli.must(f"machine show {name} --json").json["state"]


def test_a_machine_walks_through_every_verb(cli, fresh):
    vm = fresh
    said = cli.must(f"machine enable-protection {vm} --source a --target b --disk vda").out
    assert "done    Initial replication" in said
    assert said.endswith("\n")
    assert not said.endswith("\n\n")
    assert "done    Start" in cli.must(f"machine test-failover {vm} --choice latest_processed --yes").out
    assert shows(cli, vm, "test failover", "running")
    said = cli.must(f"machine cleanup-test-failover {vm} --notes 'logs [in]' --yes").out
    assert f"removed {vm}-test, which ran from point" in said
    assert shows(cli, vm, "last drill", "logs [in]")
    assert cli.must(f"machine resynchronize {vm} --json").json["state"] == "succeeded"
    cli.must(f"machine planned-failover {vm} --yes")
    assert shows(cli, vm, "source", "a (machine off when last heard of)")
    assert shows(cli, vm, "replication", "stopped")
    cli.must(f"machine cancel-failover {vm} --yes")
    assert shows(cli, vm, "runs at", "  a")
    cli.must(f"machine failover {vm} --shut-down --yes")
    oldest = cli.must(f"point list {vm} --json").json[-1]["id"]
    cli.must(f"machine change-recovery-point {vm} --point {oldest} --yes")
    assert f"fixed on point {oldest}; removed" in cli.must(f"machine commit {vm} --yes").out
    # a commit that has ended is true for whoever asks next, without a wait
    (left,) = cli.must(f"point list {vm} --json").json
    assert (left["id"], left["committed"]) == (oldest, True)
    assert "done    Reverse replication" in cli.must(f"machine reprotect {vm} --location original --yes").out
    assert shows(cli, vm, "source", "b (machine running)")
    cli.must(f"machine planned-failover {vm} --yes")
    cli.must(f"machine commit {vm} --yes")
    cli.must(f"machine reprotect {vm} --yes")
    assert state(cli, vm) == "protected"
    said = cli.must(f"machine disable-protection {vm} --yes").out
    assert "removed the replica; its" in said
    assert cli(f"machine show {vm}").exit == 3


def test_no_sentence_of_a_job_holds_an_id_that_only_we_understand(cli, protected):
    vm = protected
    machine_id = cli.must(f"machine show {vm} --json").json["id"]
    for verb in ("test-failover", "cleanup-test-failover", "failover", "commit", "disable-protection"):
        beside = f" --while-running {vm} --shut-down" if verb == "failover" else ""
        said = cli.must(f"machine {verb} {vm} --yes{beside}").out
        for called_so in (f"/replicas/{machine_id}", f"trash {machine_id}."):  # a folder, and what is typed
            said = said.replace(called_so, "")
        assert machine_id not in said, said


def test_several_machines_fail_over_at_once_and_each_sentence_names_its_machine(cli, protected, fresh_too):
    cli.must(f"machine enable-protection {fresh_too} --source a --target b --json")
    said = cli.must(
        f"machine failover {protected} {fresh_too} --yes --while-running {protected} --while-running "
        f"{fresh_too}"
    ).out
    for vm in (protected, fresh_too):
        assert f"done    {vm}: Start" in said
        assert state(cli, vm) == "failed_over"


def test_no_wait_names_the_command_that_follows(cli, protected):
    said = cli.must(f"machine test-failover {protected} --no-wait --yes").out
    assert said.startswith("accepted; follow it with: secondsite job follow ")
    assert "done    Start" in cli.must(said.split("secondsite ", 1)[1]).out
    accepted = cli.must(f"machine cleanup-test-failover {protected} --no-wait --json --yes").json
    job = eventually(lambda: _ended(cli, accepted["job_id"]), within_seconds=60)
    assert job["state"] == "succeeded"


def _ended(cli, job_id):
    job = cli.must(f"job show {job_id} --json").json
    return job if job["ended_at"] else None
