"""What the hosts of appliances have, and whether anything new is placed there."""

import pytest

from rig.eventually import eventually

pytestmark = pytest.mark.slow


def test_a_host_says_what_memory_processors_and_networks_it_has(rig, cli):
    said = eventually(lambda: cli.must("appliance show appliance-b --json").json["capacity"], 40)
    assert 0 < said["free_bytes"] <= said["memory_bytes"]
    assert said["vcpus"] > 0
    assert said["cpu_model"] == "simulated-v2"
    assert rig.bridge("b") in said["networks"]
    shown = cli.must("appliance show appliance-b").out
    assert f"{said['vcpus']} simulated-v2" in shown
    assert rig.bridge("b") in shown
    assert " free of " in cli.must("appliance list").out
    together = cli.must("site show b").out
    assert "memory of all hosts" in together
    assert "at 1 host" in together


def test_nothing_new_is_placed_at_a_host_that_is_drained(cli, fresh):
    protect = f"machine enable-protection {fresh} --source a --target b"
    assert "nothing new is placed there" in cli.must("appliance drain appliance-b").out
    since = cli.must("appliance show appliance-b --json").json["drained_at"]
    assert cli.must("appliance drain appliance-b --json").json["drained_at"] == since
    assert "connected, drained" in cli.must("appliance list").out
    refused = cli(f"{protect} --target-appliance appliance-b")
    assert refused.exit == 4
    assert f"Appliance 'appliance-b' does not take {fresh}: it is drained." in refused.err
    assert cli(protect).exit == 4
    asked = cli(f"machine preflight {fresh} --source a --target b")
    assert asked.exit == 4
    assert "in the way at b" in asked.out
    assert "it is drained" in asked.out
    assert "placed there again" in cli.must("appliance resume appliance-b").out
    assert cli.must("appliance resume appliance-b --json").json["drained_at"] is None
    assert cli.must(f"machine preflight {fresh} --source a --target b --json").json["target_appliance"]
    assert cli("appliance drain nowhere").exit == 3


def test_a_machine_is_kept_apart_by_a_word(cli, protected):
    said = cli.must(f"machine set {protected} --apart db-cluster").out
    assert "kept apart by 'db-cluster'" in said
    assert cli.must(f"machine set {protected} --as-at-home apart --json").json["apart"] is None
    assert "kept together by 'shop'" in cli.must(f"machine set {protected} --together shop").out
    assert cli(f"machine set {protected} --apart 'two words'").exit == 2
