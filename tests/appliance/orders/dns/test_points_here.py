"""Names point to where a machine runs: a real name server is changed, once, and by nobody whose turn is
over."""

import uuid

import pytest

from rig.appliances import Kept, TinyVault
from rig.dying import Killed
from secondsite.ground import seams
from secondsite.wire.control.orders import Kind
from tests.appliance.orders.dns.support_names import (
    MACHINE,
    NAME,
    give,
    missed,
    order,
    payload,
    settings,
    updated,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_name_gets_the_address_that_is_set_where_no_agent_says_another(site, server, fabric_id, transport):
    site = site.restart(dns=settings(server, transport=transport))
    sentence, (verdict,) = updated(site, fabric_id)
    assert sentence == f"{NAME} -> 10.2.0.5"
    assert (verdict["address"], verdict["before"]) == ("10.2.0.5", "10.7.9.1")
    assert server.addresses(NAME) == ["10.2.0.5"]


def test_what_the_guests_agent_says_counts_more_than_what_is_set(site, server, fabric_id):
    give(site, fabric_id, "10.2.0.77")
    updated(site, fabric_id)
    assert server.addresses(NAME) == ["10.2.0.77"]


def test_a_new_name_is_made_and_one_that_points_here_already_is_not_touched(site, server, fabric_id):
    _, (verdict,) = updated(site, fabric_id, "new.shop.example")
    assert (server.addresses("new.shop.example"), verdict["before"]) == (["10.2.0.5"], None)
    serial = server.serial()
    assert updated(site, fabric_id, "new.shop.example")[0] == "new.shop.example -> 10.2.0.5"
    assert server.serial() == serial


def test_without_any_address_nothing_is_touched(site, server, fabric_id):
    serial = server.serial()
    assert "the address of net0 is not known here" in missed(site, fabric_id, address=None)
    assert server.serial() == serial


def test_a_machine_that_does_not_run_here_has_no_names_here(site, server, fabric_id):
    site.fabric.power.stop(fabric_id)
    report = site.perform(order(payload(site, fabric_id)))
    assert (report.problem.code, server.addresses(NAME)) == ("not-possible-now", ["10.7.9.1"])


def test_an_order_that_a_later_verb_has_overtaken_moves_no_name_back(site, server, fabric_id):
    updated(site, fabric_id, generation=8)
    late = site.perform(order(payload(site, fabric_id, address="10.7.9.1"), generation=7))
    assert (late.problem.code, server.addresses(NAME)) == ("stale-order", ["10.2.0.5"])


def test_an_order_that_is_overtaken_before_it_changes_anything_stops(site, server, fabric_id):
    later: list[str] = []

    def overtaken(name):
        if name == "appliance.name.read" and not later:
            later.append(name)
            site.perform(order(payload(site, fabric_id, "other.shop.example"), generation=2))

    with seams.armed(overtaken):
        report = site.perform(order(payload(site, fabric_id)))
    assert (report.problem.code, server.addresses(NAME)) == ("stale-order", ["10.7.9.1"])


def test_an_order_of_no_verb_such_as_a_drills_changes_nothing(site, server, fabric_id):
    serial = server.serial()
    drill = order(payload(site, fabric_id), generation=None).model_copy(update={"drill_generation": 3})
    assert site.perform(drill).problem.code == "not-possible-now"
    assert server.serial() == serial


def test_a_name_that_somebody_else_changes_meanwhile_is_read_again(site, server, fabric_id):
    changes: list[str] = []

    def changed(name):
        if name == "appliance.name.read" and not changes:
            changes.append(name)
            updated(site, fabric_id, address="10.7.9.66")

    with seams.armed(changed):
        _, (verdict,) = updated(site, fabric_id)
    assert (server.addresses(NAME), verdict["address"]) == (["10.2.0.5"], "10.2.0.5")


@pytest.mark.parametrize("seam", ["appliance.name.read", "appliance.name.changed"])
def test_the_repeat_of_an_order_that_died_in_between_says_and_does_the_same(site, server, fabric_id, seam):
    def die(name):
        if name == seam:
            raise Killed(name)

    asked = order(payload(site, fabric_id), order_id=uuid.uuid4().hex)
    with pytest.raises(Killed), seams.armed(die):
        site.perform(asked)
    site.restart(dns=settings(server))
    (verdict,) = site.perform(asked).facts["verdicts"]
    assert (verdict["address"], verdict["before"]) == ("10.2.0.5", "10.7.9.1")
    assert server.addresses(NAME) == ["10.2.0.5"]


def test_however_often_an_appliance_is_killed_with_9_the_name_points_to_the_machine(make_site, ca, server):
    process_site = make_site("c", dns=settings(server))
    fabric_id, vault = process_site.make_machine("web01", guest_agent=True), TinyVault(ca)
    process = Kept(process_site, vault)
    try:
        for reach in range(1, 7):
            address = f"10.2.0.{reach}"
            process.die_at(reach)
            asked = payload(process_site, fabric_id, address=address)
            facts = vault.order(
                process_site.appliance_id, Kind.UPDATE_NAMES, asked, MACHINE, generation=reach
            )
            (verdict,) = facts["verdicts"]
            assert (verdict["address"], server.addresses(NAME)) == (address, [address])
            assert verdict["before"] == (f"10.2.0.{reach - 1}" if reach > 1 else "10.7.9.1")
        assert process.deaths >= 3
    finally:
        process.end()
        vault.stop()
