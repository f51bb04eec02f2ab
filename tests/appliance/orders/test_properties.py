"""A machine starts at the target with the name, the vCPUs and the memory that are asked for, and the host
is looked at before."""

import uuid

import pytest

from secondsite.ground.units import MiB, TiB
from secondsite.wire.common.properties import Sizing
from secondsite.wire.control.checks import CheckTarget, MemoryNeed
from secondsite.wire.control.orders import Kind, StartReplica

pytestmark = pytest.mark.slow


def checked(pair, **wanted):
    payload = CheckTarget(name="web01-dr", fabric_id=str(uuid.uuid4()), sizing=Sizing(**wanted))
    return pair.target.do(Kind.CHECK_TARGET, payload, pair.machine_id)


def start(pair, **changes):
    payload = {"run": "drill", "fabric_id": f"{pair.machine_id}-copy", "name": "web01-dr", "start": False}
    asked = StartReplica(**{**payload, "point_id": pair.point, **changes})
    return pair.target.do(Kind.START_REPLICA, asked, pair.machine_id)


def machine(pair):
    found = pair.target.fabric.inventory.get(f"{pair.machine_id}-copy")
    return found.name, found.definition.vcpus, found.definition.memory_bytes


@pytest.fixture
def sealed(pair):
    pair.protect().synchronized()
    pair.point = pair.point_now()
    return pair


def test_the_appliance_says_that_it_can_and_what_the_host_has_not(pair):
    answer = checked(pair)
    assert (answer["sizes"], answer["obstacles"]) == (True, [])
    (found,) = checked(pair, memory_bytes=64 * TiB)["obstacles"]
    assert found["blocking"]
    assert "is to have 64 TiB of memory; the host here has" in found["what"]
    (found,) = checked(pair, vcpus=512)["obstacles"]
    assert not found["blocking"]
    assert "512 vCPUs" in found["what"]


def test_the_memory_that_a_machine_has_at_home_is_looked_at_too(pair):
    def found(**needed):
        memory = MemoryNeed(**needed)
        payload = CheckTarget(name="web01", fabric_id=str(uuid.uuid4()), memory=memory)
        return pair.target.do(Kind.CHECK_TARGET, payload, pair.machine_id)["obstacles"]

    assert found(memory_bytes=64 * MiB) == []
    for blocking in (True, False):
        (more,) = found(memory_bytes=64 * TiB, blocking=blocking)
        assert more["blocking"] is blocking
        assert "web01 has 64 TiB of memory; the host here has" in more["what"]
        assert "machine set MACHINE --memory" in more["do"]


def test_a_cpu_model_that_the_host_does_not_have_is_refused_and_those_that_it_has_are_named(pair):
    answer = checked(pair, cpu_model="simulated-v1")
    assert (answer["sets_cpu_model"], answer["obstacles"]) == (True, [])
    (found,) = checked(pair, cpu_model="Nehalem")["obstacles"]
    assert found["blocking"]
    assert "CPU model 'Nehalem'; the host here has host-model, simulated-v1, simulated-v2" in found["what"]
    assert "--as-at-home cpu-model" in found["do"]


def test_it_has_that_cpu_model_and_the_task_says_so(sealed):
    fact = start(sealed, sizing=Sizing(cpu_model="simulated-v2"))
    assert (fact["sized"], fact["cpu_model"]) == (True, "simulated-v2")
    found = sealed.target.fabric.inventory.get(f"{sealed.machine_id}-copy")
    assert '"cpu_model":"simulated-v2"' in found.definition.native


def test_the_machine_has_what_is_asked_for(sealed):
    fact = start(sealed, sizing=Sizing(vcpus=3, memory_bytes=96 * MiB))
    assert fact["sized"]
    assert machine(sealed) == ("web01-dr", 3, 96 * MiB)


def test_a_start_that_is_repeated_with_something_else_asked_for_makes_it_so(sealed):
    home = sealed.definition()
    start(sealed)
    assert machine(sealed) == ("web01-dr", home.vcpus, home.memory_bytes)
    start(sealed, name="web01-b", sizing=Sizing(vcpus=3))
    assert machine(sealed) == ("web01-b", 3, home.memory_bytes)


def test_what_comes_home_has_nothing_of_it(sealed):
    home = sealed.definition()
    fact = start(sealed, home=True, sizing=Sizing(vcpus=3))
    assert not fact["sized"]
    assert machine(sealed)[1:] == (home.vcpus, home.memory_bytes)
