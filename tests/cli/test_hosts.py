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
