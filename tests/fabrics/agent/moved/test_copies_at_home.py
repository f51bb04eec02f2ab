"""The copy of a machine calls the appliance of its old site, where the machine is switched on again."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rig.eventually import eventually
from secondsite.fabrics.agent.at_home import AgentsAtHome
from secondsite.fabrics.agent.inventory import AgentInventory, works_beside
from secondsite.fabrics.agent.link import Registry, tending
from secondsite.fabrics.agent.power import AgentPower
from secondsite.fabrics.interface import PowerState
from secondsite.ground import threads

from ..support_link import PATIENCE, Fake, connected

COPY = {"boot_id": "b9", "product_uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, "copy")), "uptime_seconds": 5.0}
AGAIN = {"boot_id": "b2", "uptime_seconds": 5.0}


@pytest.fixture
def inventory(agents, records):
    home = AgentsAtHome(agents, records)
    agents.tell_apart(home.hardware)
    return AgentInventory(home, records, lambda fabric_id, key: Path("/nowhere"))


@pytest.fixture
def machine(make_fake, inventory, records):
    """It is protected, and was here once, on its own hardware."""
    fake = make_fake()
    with fake.control() as line:
        assert line.hear()["ok"]
        eventually(lambda: inventory.running(), PATIENCE)
        line.say(number=0, ok=False, code="goodbye")
    records.change(fake.agent_id, tag="ours")
    return fake


def products(agents):
    return [each.hello["product_uuid"] for each in connected(agents)]


def doubled(inventory, machine):
    found = inventory.concerns(machine.agent_id)
    return [each.what for each in found if each.code == "machine-doubled"]


def test_a_revoked_machine_works_if_it_calls_itself_and_not_if_its_copy_does(
    agents, inventory, machine, records
):
    """Its dead server could not be let go of: "vm works. Switch it off", and what worked was the copy."""
    records.change(machine.agent_id, start_forbidden=True, is_off=True)
    agents.revoke(machine.agent_id)
    with machine.control(**COPY) as copy:
        assert copy.hear()["code"] == "revoked"
    assert not agents.find(machine.agent_id).is_shut_out
    with machine.control(**AGAIN) as line:
        assert line.hear()["code"] == "revoked"
    assert inventory.running() == {machine.agent_id}
    records.change(machine.agent_id, start_forbidden=False, is_off=False)
    told = {each.code: each.what for each in inventory.concerns(machine.agent_id)}
    assert "was revoked, and calls on: the machine works" in told["machine-silent"]
    assert machine.enroll(agents.new_key(agent_id=machine.agent_id))["ok"]
    assert not inventory.running(), "one that was let in again is what it says itself"


@pytest.mark.parametrize("stopped", [True, False])
def test_one_that_was_moved_and_is_switched_on_again_is_told_of_though_it_is_let_in_no_more(
    agents, inventory, machine, records, stopped
):
    """That it stood still once was taken for that it stands still now: two copies worked, and nobody knew."""
    records.change(machine.agent_id, start_forbidden=True, is_off=True, last="secondsite-last-1", base="b")
    agents.revoke(machine.agent_id)
    power = AgentPower(AgentsAtHome(agents, records), records, inventory, inventory)
    with machine.control(stopped=stopped, **AGAIN) as line:
        assert line.hear()["code"] == "revoked"
    told = [each.what for each in inventory.concerns(machine.agent_id)]
    if stopped:
        assert (told, inventory.running()) == ([], set())
        return
    assert "although it was failed over. Switch it off" in told[0]
    assert inventory.running() == {machine.agent_id}
    assert power.state(machine.agent_id) is PowerState.RUNNING


def test_a_revoked_machine_that_works_on_a_new_mainboard_is_told_of(agents, inventory, machine, records):
    records.change(machine.agent_id, start_forbidden=True, is_off=True)
    agents.revoke(machine.agent_id)
    with machine.control(product_uuid="4c4c4544-0032-5910-8047-b8c04f4d3832", **AGAIN) as line:
        assert line.hear()["code"] == "revoked"
    assert "two copies work" in doubled(inventory, machine)[0]
    agents.revoke(machine.agent_id)  # which looks at everybody again
    assert "two copies work" in doubled(inventory, machine)[0]
    with machine.control(**COPY) as copy:
        assert copy.hear()["code"] == "revoked"
    assert len(doubled(inventory, machine)) == 1


@pytest.mark.parametrize("fenced", [False, True])
def test_a_machine_works_that_was_away_for_longer_than_its_certificate_lasts(
    agents, folder, inventory, records, fenced
):
    then = datetime.now(UTC) - timedelta(days=100)
    late = Fake(agents, folder)
    late.enroll_at(Registry(folder / "agents", lambda: then))
    records.change(late.agent_id, tag="ours", hardware="p1", start_forbidden=True)
    with late.control(fenced=fenced, **AGAIN) as line:
        assert line.hear()["code"] == "expired"
    if fenced:
        assert inventory.running() == set()
        return
    assert inventory.running() == {late.agent_id}
    told = {each.code: each.what for each in inventory.concerns(late.agent_id)}
    assert "revoked or has ended, and calls on: the machine works here, although" in told["machine-silent"]
    assert late.enroll(agents.new_key(agent_id=late.agent_id))["ok"]
    with late.control(**AGAIN) as line:
        assert line.hear()["ok"]
        eventually(lambda: products(agents) == ["p1"], PATIENCE)
        codes = {each.code for each in inventory.concerns(late.agent_id)}
        assert not codes & {"machine-silent", "machine-doubled"}


def test_a_revoked_machine_works_beside_its_rescue_system(agents, inventory, machine, records, folder):
    """All that was told of it was forgotten, and its homecoming went on to the other server."""
    records.change(machine.agent_id, start_forbidden=True)
    agents.revoke(machine.agent_id)
    with machine.control(**AGAIN) as line:
        assert line.hear()["code"] == "revoked"
    other = Fake(agents, folder)
    key = agents.new_key(agent_id=machine.agent_id, kind="rescue")
    assert other.enroll(key)["ok"]
    assert inventory.running() == {machine.agent_id}
    with other.control(product_uuid="p2") as rescue:
        assert rescue.hear()["ok"]
        eventually(lambda: connected(agents), PATIENCE)
        assert inventory.running() == set(), "it may be the same server, started from the rescue image"
        with machine.control(**AGAIN) as line:
            assert line.hear()["code"] == "revoked"
        assert inventory.running() == {machine.agent_id}
        assert works_beside(agents.find(machine.agent_id))


def test_a_rescue_system_that_is_let_in_no_more_is_no_machine_that_works(agents, inventory, machine, records):
    """Its machine's protection ended, as one that "runs here", and nothing of it ran."""
    records.change(machine.agent_id, start_forbidden=True)
    agents.revoke(machine.agent_id)
    with machine.control(rescue=True, **AGAIN) as line:
        assert line.hear()["code"] == "revoked"
    assert inventory.running() == set()
    assert not agents.find(machine.agent_id).is_shut_out


@pytest.mark.parametrize("replaced", [False, True])
def test_a_rescue_system_on_another_server_that_is_let_in_no_more_is_no_second_copy(
    agents, inventory, machine, records, replaced
):
    product = "4c4c4544-0032-5910-8047-b8c04f4d3832"
    changes = {"replaced": (product,)} if replaced else {"start_forbidden": True}
    records.change(machine.agent_id, **changes)
    agents.revoke(machine.agent_id)
    with machine.control(rescue=True, product_uuid=product, boot_id="b2", uptime_seconds=5.0) as line:
        assert line.hear()["code"] == "revoked"
    assert doubled(inventory, machine) == []


def test_a_clone_whose_certificate_counts_no_more_is_told_of(agents, inventory, machine, records):
    agents.revoke(machine.agent_id)
    assert machine.enroll(agents.new_key(agent_id=machine.agent_id))["ok"]
    agents.revoke(machine.agent_id)
    with machine.control(product_uuid="p7", **AGAIN) as line:
        assert line.hear()["code"] == "revoked"
    (told,) = doubled(inventory, machine)
    assert "a clone of it, or the machine on a new mainboard" in told
    records.change(machine.agent_id, start_forbidden=True)
    assert doubled(inventory, machine) == []


def test_a_rescue_system_takes_no_key_of_the_machines_own_system(agents, machine, folder):
    """It counted as the machine, which ran nowhere then."""
    other = Fake(agents, folder)
    refused = other.enroll(agents.new_key(agent_id=machine.agent_id), rescue="yes")
    assert refused["code"] == "key-of-the-machine"
    assert other.enroll(agents.new_key(agent_id=machine.agent_id, kind="rescue"), rescue="yes")["ok"]


def test_the_copy_of_one_that_was_let_go_of_since_does_not_get_its_place(inventory, machine, records):
    power = AgentPower(inventory, records, inventory, inventory)
    power.forbid_start(machine.agent_id, "ours")
    power.allow_start(machine.agent_id, "ours", with_host=True)
    records.change(machine.agent_id, tag=None)
    with machine.control(**COPY) as copy:
        assert copy.hear()["code"] == "copy"
    with machine.control(**AGAIN) as line:
        assert line.hear()["ok"]
        line.say(number=0, ok=False, code="goodbye")
    with machine.control(product_uuid="4c4c4544-0032-5910-8047-b8c04f4d3832", **AGAIN) as line:
        assert line.hear()["ok"], "a new mainboard"


@pytest.mark.parametrize("replaced", [(), ("old",)])
def test_a_copy_that_a_failover_left_behind_is_told_of_while_the_machine_is_at_home(
    inventory, machine, records, replaced
):
    """Its owner put it back from a backup: two copies worked, and nobody knew. Also after another server took
    the place of the first one."""
    records.change(machine.agent_id, was_failed_over=True, replaced=replaced)
    with machine.control(**AGAIN) as line:
        assert line.hear()["ok"]
        with machine.control(**COPY) as copy:
            assert copy.hear()["code"] == "copy"
        (told,) = doubled(inventory, machine)
        assert "although it is the copy of a failover that has ended. Switch it off" in told
        records.change(machine.agent_id, start_forbidden=True)
        assert doubled(inventory, machine) == [], "it is where the machine runs now"


def test_the_copy_of_one_that_was_failed_over_does_not_get_its_place(agents, inventory, machine, records):
    records.change(machine.agent_id, start_forbidden=True, is_off=True)
    with machine.control(**COPY) as copy:
        assert copy.hear()["code"] == "copy"
    with machine.control(**AGAIN) as line:
        assert line.hear()["ok"]
        eventually(lambda: products(agents) == ["p1"], PATIENCE)
        assert inventory.running() == {machine.agent_id}
        with machine.control(**COPY) as copy:
            assert copy.hear()["code"] == "copy"


def test_its_disks_on_a_new_mainboard_are_not_taken_for_the_copy_and_told_of(inventory, machine, records):
    records.change(machine.agent_id, start_forbidden=True, is_off=True)
    with machine.control(product_uuid="4c4c4544-0032-5910-8047-b8c04f4d3832", **AGAIN) as line:
        assert line.hear()["code"] == "strange"
    assert "two copies work" in doubled(inventory, machine)[0]


def test_after_a_drill_the_machine_takes_its_place_back_at_once(agents, inventory, machine):
    with machine.control(**COPY) as copy:
        assert copy.hear()["ok"]
        with machine.control(**AGAIN) as line:
            assert line.hear()["ok"]
            assert copy.hear() is None
            eventually(lambda: products(agents) == ["p1"], PATIENCE)
            assert doubled(inventory, machine)


def test_a_copy_that_could_not_be_told_is_at_least_told_of(inventory, machine, records):
    records.change(machine.agent_id, start_forbidden=True, is_off=True)
    with machine.control(product_uuid="", **AGAIN) as line:
        assert line.hear()["ok"]
        with machine.control(product_uuid="", boot_id="b3", uptime_seconds=900.0) as other:
            assert answered(line, other)["code"] == "double"
        assert doubled(inventory, machine)


def answered(line, other):
    """What the other one hears, while this one answers."""
    threads.worker("answering", line.hear).start()
    return other.hear()


def test_one_that_was_let_in_before_another_took_its_place_is_cut_off(agents, inventory, machine, records):
    with machine.control(**AGAIN) as line:
        assert line.hear()["ok"]
        eventually(lambda: inventory.running(), PATIENCE)
        records.change(machine.agent_id, hardware="new", replaced=("p1",))
        while line.hear() is not None:
            pass
    eventually(lambda: doubled(inventory, machine), PATIENCE)


def test_a_server_whose_place_another_one_took_is_not_let_in_and_told_of(inventory, machine, records):
    records.change(machine.agent_id, hardware="new", replaced=("p1",))
    with machine.control(**AGAIN) as line:
        assert line.hear()["code"] == "replaced"
    assert "another server took" in doubled(inventory, machine)[0]


def test_one_that_its_fence_keeps_from_working_is_no_second_one(inventory, machine, records):
    records.change(machine.agent_id, hardware="new", replaced=("p1",))
    with machine.control(fenced=True, **AGAIN) as line:
        assert line.hear()["code"] == "replaced"
    assert doubled(inventory, machine) == []


def test_a_revoked_machine_works_although_a_clone_of_it_was_let_in(
    agents, inventory, machine, records, folder
):
    agents.revoke(machine.agent_id)
    clone = Fake(agents, folder)
    assert clone.enroll(agents.new_key(agent_id=machine.agent_id))["ok"]
    with clone.control(product_uuid="p2") as other:
        assert other.hear()["ok"]
        eventually(lambda: connected(agents), PATIENCE)
        with machine.control(**AGAIN) as line:
            assert line.hear()["code"] == "revoked"
        assert inventory.running() == {machine.agent_id}


def test_a_certificate_is_renewed_for_the_machine_alone(machine, monkeypatch):
    monkeypatch.setattr(tending, "AGENT_LIFETIME", timedelta(days=4000))
    with machine.control(**COPY) as copy:
        assert copy.hear()["ok"]
        copy.socket.settimeout(4)
        assert copy.hear() is None
    with machine.control(**AGAIN) as line:
        assert line.hear()["ok"]
        assert line.hear()["do"] == "renew"


def asked(machine, **changed):
    with machine.dial() as line:
        line.say(role="fence", hello=machine.hello | changed)
        return line.hear()


def test_a_machine_whose_certificate_has_ended_is_told_whether_it_may_work(agents, folder, machine):
    agents.answer_fences(lambda agent_id, product: "it runs elsewhere.")
    then = datetime.now(UTC) - timedelta(days=100)
    late = Fake(agents, folder)
    late.enroll_at(Registry(folder / "agents", lambda: then))
    assert asked(late)["told"] == {"fenced": True, "why": "it runs elsewhere."}
    with late.control() as line:
        assert line.hear()["code"] == "expired"
    agents.revoke(machine.agent_id)
    assert asked(machine)["told"]["fenced"]
    with machine.control() as line:
        assert line.hear()["code"] == "revoked"


def test_nobody_else_is_told(agents, machine):
    agents.answer_fences(lambda agent_id, product: "it runs elsewhere.")
    with machine.dial(with_certificate=False) as line:
        line.say(role="fence", hello=machine.hello)
        assert not line.hear()["ok"]
