"""A new vault adopts what an appliance has of a vault that is gone: real vaults, real appliances,
simulated hosts."""

import shutil
import threading

import pytest

from rig import dying
from rig.background import Background
from rig.eventually import eventually
from secondsite.domain.lifecycle import State
from secondsite.domain.points import Grade
from secondsite.ground import seams
from secondsite.wire.control import Order
from secondsite.wire.control.orders import AcceptCycles, HoldPoint, Kind
from tests.support.enrolled import enrolled
from tests.vault.facade.nouns.adoption.support_adoption import ends, states

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def newest(world, name="web01"):
    """The newest point of a machine, once it has one in the vault of now."""
    return points(world, name)[-1]["id"]


def points(world, name="web01"):
    url = f"/api/machines/{name}/points"
    return eventually(lambda: world.vault.rest.get(url).json()["items"], within_seconds=30)


def test_a_machine_of_a_lost_vault_is_there_again_and_fails_over(bereft):
    would = bereft.adopt(dry_run=True)
    assert ends(would) == {"web01": "adopted", "db01": "adopted"}
    assert (bereft.record(), bereft.facade.plans.list()) == (None, []), "a dry run adopted it"
    assert states(bereft.adopt()) == {"web01": "protected", "db01": "protected"}
    found, before = bereft.machine(), bereft.record()
    assert (found.policy, found.source_site, found.target_site) == ("quick", "a", "b")
    assert [each.name for each in bereft.facade.plans.list()] == ["shop"]
    assert bereft.facade.policies.show("quick").retention_seconds == 7200
    assert ends(bereft.adopt()) == {"web01": "here", "db01": "here"}
    assert bereft.record() == before, "it was adopted twice"
    bereft.run("test-failover", "db01")
    bereft.run("failover", "web01")
    bereft.run("commit", "web01")
    assert bereft.machine().state is State.COMMITTED


def test_what_the_lost_vault_orders_when_it_is_back_is_refused(bereft):
    machine_id, site = bereft.adopt().machines[0].id, bereft.sites["b"]
    late = Order(
        order_id="late", kind=Kind.ACCEPT_CYCLES, machine_id=machine_id, generation=999,
        payload=AcceptCycles(accepting=False).model_dump(),
    )  # fmt: skip
    refused = site.perform(late).problem
    assert refused is not None
    assert refused.code == "stale-order"
    assert site.replica(machine_id).accepting


def test_what_was_failed_over_is_failed_over_and_what_was_committed_is_committed(furnished, monkeypatch):
    furnished.run("failover", "web01")
    furnished.run("failover", "db01")
    furnished.run("commit", "db01")
    furnished.lose_vault()
    furnished.lose_site("a")
    furnished.new_vault()
    furnished.enroll_again("b", monkeypatch)
    done = furnished.adopt()
    assert states(done) == {"web01": "failed_over", "db01": "committed"}
    assert {each.do for each in done.machines} == {
        "secondsite machine commit web01",
        "secondsite machine reprotect db01",
    }
    furnished.run("commit", "web01")
    assert furnished.machine().state is State.COMMITTED


def test_a_store_under_a_new_appliance_has_all_that_it_had(furnished):
    site, machine_id = furnished.sites["b"], furnished.record().id
    point_id = newest(furnished)
    site.do(Kind.HOLD_POINT, HoldPoint(point_id=point_id, reason="audit"), machine_id)
    hosted = site.replica(machine_id)
    hosted.verdicts.prove(point_id, Grade.BOOTED, hosted.points[-1].taken_at, hosted.replica.point_ids)
    hosted.refresh()
    store = site.config.store
    for name in ("a", "b"):
        furnished.lose_site(name)
    shutil.rmtree(site.config.home)
    furnished.lose_vault()
    furnished.new_vault()
    new = enrolled(furnished.vault, furnished.folder / "new", "b", store=store).start()
    furnished.sites["b"] = new
    furnished.wait_connected("b")
    furnished.wait_told()
    assert states(furnished.adopt()) == {"web01": "protected", "db01": "protected"}
    assert ends(furnished.adopt()) == {"web01": "here", "db01": "here"}
    assert furnished.record().target_appliance_id == new.appliance_id
    point = next(each for each in points(furnished) if each["id"] == point_id)
    assert (point["held"], point["proof"]) == ("audit", "booted")
    furnished.run("failover", "web01", point=point_id)


def test_a_first_site_that_survived_goes_on_with_changes_only(furnished, monkeypatch):
    furnished.sites["b"].appliance.desk.generations.vault_is_at(999)
    furnished.lose_vault()
    furnished.new_vault()
    for name in ("b", "a"):
        furnished.enroll_again(name, monkeypatch)
    told = furnished.sites["b"].appliance.desk.generations.vault_number
    assert told < 999, "it holds the new vault for one that was restored"
    assert states(furnished.adopt("b")) == {"web01": "protected", "db01": "protected"}
    assert ends(furnished.adopt("a")) == {"web01": "here", "db01": "here"}
    source, machine_id = furnished.sites["a"], furnished.record().id
    fabric_id, seq = furnished.record().source_fabric_id, source.source_status(machine_id).last_seq
    before = source.source_status(machine_id).total_wire_bytes
    source.write(fabric_id, 0, b"after" * 1000)
    eventually(lambda: source.source_status(machine_id).last_seq > seq + 1, within_seconds=30)
    assert source.source_status(machine_id).total_wire_bytes - before < 100_000
    assert source.source_status(machine_id).sync_mode is None
    furnished.run("planned-failover", "web01")


@pytest.mark.parametrize("seam", ["appliance.adopt.taken-in", "vault.adoption.taken"])
def test_an_adoption_that_is_cut_off_is_repeated(furnished, seam):
    site = furnished.sites["b"]
    store = site.config.store
    for name in ("a", "b"):
        furnished.lose_site(name)
    furnished.lose_vault()
    furnished.new_vault()
    new = furnished.sites["b"] = enrolled(furnished.vault, furnished.folder / "new", "b", store=store).start()
    furnished.wait_connected("b")
    kill, killed = dying.at(seam), threading.Event()

    def reached(name):
        try:
            kill(name)
        except dying.Killed:
            killed.set()
            raise

    with seams.armed(reached), Background({"asking": lambda: post(furnished, new)}, within_seconds=60):
        assert killed.wait(30)
        new.restart()
    furnished.wait_connected("b")
    assert set(ends(furnished.adopt()).values()) <= {"adopted", "here"}
    assert set(ends(furnished.adopt()).values()) == {"here"}
    assert len(furnished.facade.plans.list()) == 1
    furnished.run("failover", "web01")


def post(world, site):
    """One portion, whatever comes of it."""
    world.vault.rest.post(f"/api/appliances/{site.appliance_id}/adopt", json={})


def test_what_was_committed_goes_home_to_new_hardware(bereft):
    bereft.adopt()
    bereft.run("failover", "web01")
    bereft.run("commit", "web01")
    bereft.replace_site("a")
    bereft.run("reprotect", "web01", location="alternate")
    bereft.run("planned-failover", "web01")
    assert bereft.machine().state is State.PLANNED_FAILED_OVER
    assert [each.name for each in bereft.sites["a"].fabric.inventory.list()] == ["web01"]
