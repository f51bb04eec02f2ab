"""The copy of a machine calls the appliance of its old site, where the machine itself is switched on again."""

from datetime import timedelta

import pytest

from rig.eventually import eventually
from secondsite.fabrics.agent import AgentFabric
from secondsite.fabrics.agent.link import tending
from secondsite.fabrics.agent.records import Records
from secondsite.ground import threads

from ..support_link import PATIENCE, connected

COPY = {"boot_id": "b9", "product_uuid": "copy", "uptime_seconds": 5.0}
AGAIN = {"boot_id": "b2", "uptime_seconds": 5.0}


@pytest.fixture
def fabric(agents, folder):
    made = AgentFabric(agents, folder / "work", lambda: None)
    yield made
    made.close()


@pytest.fixture
def machine(make_fake, fabric, folder):
    """It is protected, and was here once, on its own hardware."""
    fake = make_fake()
    with fake.control() as line:
        assert line.hear()["ok"]
        eventually(lambda: fabric.inventory.running(), PATIENCE)
        line.say(number=0, ok=False, code="goodbye")
    fabric._at_home._records.change(fake.agent_id, tag="ours")
    return fake


def records(fabric) -> Records:
    return fabric._at_home._records


def products(agents):
    return [each.hello["product_uuid"] for each in connected(agents)]


def doubled(fabric, machine):
    return [
        each.what for each in fabric.inventory.concerns(machine.agent_id) if each.code == "machine-doubled"
    ]


def test_the_copy_of_one_that_was_failed_over_does_not_get_its_place(agents, fabric, machine):
    records(fabric).change(machine.agent_id, start_forbidden=True, is_off=True)
    with machine.control(**COPY) as copy:
        assert copy.hear()["code"] == "copy"
    with machine.control(**AGAIN) as line:
        assert line.hear()["ok"]
        eventually(lambda: products(agents) == ["p1"], PATIENCE)
        assert fabric.power.state(machine.agent_id).value == "running"
        with machine.control(**COPY) as copy:
            assert copy.hear()["code"] == "copy"


def test_after_a_drill_the_machine_takes_its_place_back_at_once(agents, fabric, machine):
    with machine.control(**COPY) as copy:
        assert copy.hear()["ok"]
        with machine.control(**AGAIN) as line:
            assert line.hear()["ok"]
            assert copy.hear() is None
            eventually(lambda: products(agents) == ["p1"], PATIENCE)
            assert doubled(fabric, machine)


def test_a_copy_that_could_not_be_told_is_at_least_told_of(agents, fabric, machine):
    records(fabric).change(machine.agent_id, start_forbidden=True, is_off=True)
    with machine.control(product_uuid="", **AGAIN) as line:
        assert line.hear()["ok"]
        with machine.control(product_uuid="", boot_id="b3", uptime_seconds=900.0) as other:
            assert answered(line, other)["code"] == "double"
        assert doubled(fabric, machine)


def answered(line, other):
    """What the other one hears, while this one answers."""
    threads.worker("answering", line.hear).start()
    return other.hear()


def test_a_server_whose_place_another_one_took_is_not_let_in_and_told_of(agents, fabric, machine):
    records(fabric).change(machine.agent_id, hardware="new", replaced=("p1",))
    with machine.control(**AGAIN) as line:
        assert line.hear()["code"] == "replaced"
    assert "another server took" in doubled(fabric, machine)[0]


def test_a_certificate_is_renewed_for_the_machine_alone(agents, fabric, machine, monkeypatch):
    monkeypatch.setattr(tending, "AGENT_LIFETIME", timedelta(days=4000))
    with machine.control(**COPY) as copy:
        assert copy.hear()["ok"]
        copy.socket.settimeout(4)
        assert copy.hear() is None
    with machine.control(**AGAIN) as line:
        assert line.hear()["ok"]
        assert line.hear()["do"] == "renew"
