"""What a token deleted, a person at the target brings back, or lets go."""

import contextlib
import json
import subprocess
import sys

import pytest

from rig.eventually import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def at_the_target(rig, *words):
    """A command of the target's own host."""
    command = [sys.executable, "-m", "secondsite.entry.main", "appliance", "trash", *words, "--json"]
    command += ["--home", str(rig.home("appliance-b"))]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def told(rig, *words):
    done = at_the_target(rig, *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextlib.contextmanager
def stopped(rig):
    rig.appliances["b"].kill()
    try:
        yield
    finally:
        rig.appliances["b"].start()
        rig.wait_connected()


def kept(rig, machine):
    return [each for each in told(rig, "list")["kept"] if each["machine"] == machine]


def test_what_a_token_deleted_is_in_the_targets_trash_and_a_machine_is_made_from_it(cli, protected, rig):
    ids = [point.id for point in rig.points(protected)]
    cli.must(f"point hold {protected} {ids[0]} --reason clean --json")
    cli.must(f"point release {protected} {ids[0]} --json")
    cli.must(f"machine disable-protection {protected} --json --yes")
    (item,) = kept(rig, protected)
    assert (item["why"], item["points"] >= len(ids)) == ("its protection ended", True)
    assert item["left_seconds"] == pytest.approx(14 * 86400, abs=300)
    assert item["frees_bytes"] > 0
    assert ids[0] in [point["id"] for point in told(rig, "show", item["item"])["points"]]
    assert "Stop it first" in at_the_target(rig, "restore", item["item"]).stderr
    with stopped(rig):
        said = told(rig, "restore", protected, "--point", ids[0], "--name", f"{protected}-back")
        assert f"made from point {ids[0]}" in said["sentence"]
        refused = at_the_target(rig, "purge", item["item"], "--confirm", item["item"])
        assert "stands on" in refused.stderr
    machines = cli.must("machine list --site b --json").json
    assert f"{protected}-back" in [machine["name"] for machine in machines]
    cli.must(f"machine enable-protection {protected} --source a --target b --json")


def test_nothing_goes_before_its_name_is_typed_again(cli, protected, rig):
    cli.must(f"machine disable-protection {protected} --json --yes")
    (item,) = kept(rig, protected)
    with stopped(rig):
        for words in ((), ("--confirm", "yes")):
            refused = at_the_target(rig, "purge", item["item"], *words)
            assert refused.returncode == 2, refused.stdout
            assert f"--confirm {item['item']}" in refused.stderr
        assert kept(rig, protected)
        said = told(rig, "purge", item["item"], "--confirm", item["item"])
        assert "for good" in said["sentence"]
    assert kept(rig, protected) == []


def test_a_lowered_retention_waits_and_a_person_at_the_target_ends_that(cli, fresh, rig):
    protected = fresh
    often = "--crash-consistent-every 2s --app-consistent-every 0"
    cli.must(f"policy create of-{protected} --retention 1h --cycle 1s {often} --json")
    cli.must(f"machine enable-protection {protected} --source a --target b --policy of-{protected} --json")
    rig.new_points(protected, 2)
    cli.must(f"policy update of-{protected} --retention 0s --crash-consistent-every 1h --json")
    before = {point.id for point in rig.points(protected)}
    assert eventually(lambda: "history-kept" in rig.codes(protected), 90)
    assert {point.id for point in rig.points(protected)} >= before
    (waiting,) = kept(rig, protected)
    assert waiting["points"] is None
    with stopped(rig):
        told(rig, "purge", protected, "--confirm", protected)
    eventually(lambda: len(rig.points(protected)) == 1, 90)
    assert kept(rig, protected) == []
