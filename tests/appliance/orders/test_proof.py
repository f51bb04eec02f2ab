"""After a start the appliance looks at the machine, and says what proves that its guest runs."""

import base64
import time

import pytest

from rig.appliances import Pair
from rig.appliances.runs import fail_over, start, stop
from secondsite.appliance.orders import look_at_addresses
from secondsite.appliance.orders.proof import console_text, proving
from secondsite.fabrics import simulated
from secondsite.fabrics.addressing import GivenAddress
from secondsite.wire.common.cards import CardAddress
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.proofs import Prove

pytestmark = pytest.mark.slow


def showing(sites, **traits):
    """A protected pair whose machine's console is kept."""
    a, b = sites
    pair = Pair(a, b, a.make_machine(**{"shows": "booting\nlogin: ", **traits}))
    pair.protect().synchronized()
    return pair


def proved(pair, fabric_id, wait_seconds=1.0):
    payload = Prove(fabric_id=fabric_id, name="web01", wait_seconds=wait_seconds)
    report = pair.target.order(Kind.PROVE, payload, pair.machine_id)
    assert report.problem is None, report.problem
    picture = report.facts["picture"]
    assert (picture is not None) is (report.facts["evidence"]["picture"] == "kept")
    assert picture is None or base64.b64decode(picture).startswith(b"\x89PNG")
    return report.sentence, report.facts["evidence"]


def test_a_machine_whose_agent_answers_is_proven_to_have_started(sites):
    pair = showing(sites)
    began = start(pair, "drill", pair.point_now())
    assert began["shows"] is True
    sentence, evidence = proved(pair, began["fabric_id"], wait_seconds=60)
    assert sentence.startswith("web01 started: its guest agent answered after ")
    assert sentence.endswith("its console says 'login:'; a picture of its screen is kept")
    assert (evidence["proven"], evidence["agent"], evidence["power"]) == (True, "answered", "running")
    assert evidence["console"] == "booting\nlogin:"


def test_a_machine_without_an_agent_is_not_proven_and_costs_no_wait_once_its_console_speaks(sites):
    pair = showing(sites, guest_agent=False)
    fabric_id, began = fail_over(pair, pair.point_now()), time.monotonic()
    sentence, evidence = proved(pair, fabric_id, wait_seconds=60)
    assert time.monotonic() - began < 30
    assert sentence == (
        "web01 has power, and it is not proven that it started: it has no channel for a guest agent; its "
        "console says 'login:'; "
        "a picture of its screen is kept"
    )
    assert (evidence["proven"], evidence["agent"]) == (False, "none")


def test_a_machine_that_fell_off_after_its_start_is_told_at_once(sites):
    pair = showing(sites)
    fabric_id = fail_over(pair, pair.point_now())
    pair.target.fabric.power.stop(fabric_id)
    sentence, evidence = proved(pair, fabric_id, wait_seconds=60)
    assert sentence.startswith(
        "web01 is off after its start, so it is not proven that it started: no guest agent answered"
    )
    assert (evidence["proven"], evidence["power"]) == (False, "off")


def test_a_screen_that_cannot_be_drawn_is_told_and_fails_nothing(sites):
    pair = showing(sites)
    fabric_id = start(pair, "drill", pair.point_now())["fabric_id"]
    simulated.dial(pair.target.root, [simulated.Fault(method="seeing.screen", code="fabric-error")])
    sentence, evidence = proved(pair, fabric_id)
    assert sentence.endswith("; its screen could not be drawn")
    assert (evidence["proven"], evidence["picture"]) == (True, "failed")


def test_a_picture_that_is_too_large_is_not_kept(sites, monkeypatch):
    pair = showing(sites)
    fabric_id = start(pair, "drill", pair.point_now())["fabric_id"]
    monkeypatch.setattr(proving, "MOST_OF_A_PICTURE", 10)
    sentence, evidence = proved(pair, fabric_id)
    assert sentence.endswith("; the picture of its screen is too large to be kept")
    assert evidence["picture"] == "too_large"


def test_a_machine_that_shows_nothing_is_told_with_its_start(pair):
    pair.protect().synchronized()
    assert start(pair, "drill", pair.point_now())["shows"] is False


def test_a_machine_that_is_gone_is_not_found(pair):
    pair.protect().synchronized()
    payload = Prove(fabric_id="11111111-2222-4333-8444-555555555555", name="web01", wait_seconds=1)
    assert pair.target.order(Kind.PROVE, payload, pair.machine_id).problem.code == "not-found"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"\x1b[2J\x1b[1;31mKernel panic\x1b[0m\r\n", "Kernel panic"),
        (b"\x1b]0;title\x07login: \x00\x08\x7f", "login:"),
        (b"caf\xc3\xa9 \xff", "café \ufffd"),
        (b"\x1b]unfinished", ""),
        (b"", ""),
    ],
)
def test_what_steers_a_terminal_is_left_out(written, read):
    assert console_text.readable(written) == read


def test_of_a_long_console_the_end_is_kept():
    said = console_text.readable(b"a" * 5000 + b"\n" + b"b" * 300)
    assert len(said) == console_text.MOST_CHARACTERS
    assert console_text.last_line(said) == "b" * 99 + "…"


WANTED = CardAddress(key="net0", mac="52:54:00:00:00:01", address="10.2.0.5/24")


def addressed(pair, fabric_id, address_seconds):
    payload = Prove(
        fabric_id=fabric_id,
        name="web01",
        wait_seconds=0,
        addresses=(WANTED,),
        address_seconds=address_seconds,
    )
    report = pair.target.order(Kind.PROVE, payload, pair.machine_id)
    assert report.problem is None, report.problem
    return report.sentence, report.facts["evidence"]["addresses"][0]


def test_its_card_is_given_the_address_that_it_is_to_have(sites):
    pair = showing(sites)
    fabric_id = fail_over(pair, pair.point_now())
    sentence, verdict = addressed(pair, fabric_id, 60)
    assert sentence.endswith("; eth0 10.2.0.5/24 set by its agent, and by ifupdown at each boot")
    assert verdict["given"]
    assert '"address": "10.2.0.5/24"' in (pair.target.root / "addresses" / fabric_id).read_text()


def test_a_guest_that_is_still_booting_is_given_it_again_once_its_program_has_begun(sites, monkeypatch):
    pair = showing(sites)
    fabric_id = fail_over(pair, pair.point_now())
    found = [GivenAddress("eth0", passing="none of them", booting=True)] * 2
    found.append(GivenAddress("eth0", "NetworkManager"))
    monkeypatch.setattr(pair.target.fabric.addressing, "give", lambda *_, from_home: found.pop(0))
    sentence, verdict = addressed(pair, fabric_id, 60)
    assert sentence.endswith("; eth0 10.2.0.5/24 set by its agent, and by NetworkManager at each boot")
    assert (verdict["program"], verdict["passing"], found) == ("NetworkManager", None, [])


def test_another_address_than_it_was_given_is_a_finding_until_it_has_it_again_or_is_gone(sites):
    pair = showing(sites)
    fabric_id = fail_over(pair, pair.point_now())
    addressed(pair, fabric_id, 60)
    appliance = pair.target.appliance

    def told():
        look_at_addresses(pair.target.fabric, appliance.state, appliance.host)
        return [each.what for each in pair.status().findings if each.code == "address-changed"]

    assert told() == []
    other = WANTED.model_copy(update={"address": "10.1.0.5/24"})
    pair.target.fabric.addressing.give(fabric_id, other, "m", 1)
    assert told() == ["web01: net0 has 10.1.0.5 now, and not 10.2.0.5, which it was given."]
    pair.target.fabric.addressing.give(fabric_id, WANTED, "m", 1)
    assert told() == []
    pair.target.fabric.addressing.give(fabric_id, other, "m", 1)
    assert len(told()) == 1
    stop(pair, "failover", fabric_id)
    assert told() == []


def restored(pair, fabric_id, address_seconds):
    payload = Prove(
        fabric_id=fabric_id,
        name="web01",
        wait_seconds=0,
        own_network=True,
        address_seconds=address_seconds,
    )
    report = pair.target.order(Kind.PROVE, payload, pair.machine_id)
    assert report.problem is None, report.problem
    return report.sentence, report.facts["evidence"]["restored"]


def test_its_guests_own_configuration_is_put_back_where_that_is_asked(sites):
    pair = showing(sites)
    fabric_id = fail_over(pair, pair.point_now())
    addressed(pair, fabric_id, 60)
    sentence, found = restored(pair, fabric_id, 60)
    assert sentence.endswith("; put back as before: /etc/network/interfaces")
    assert found["back"] == ["/etc/network/interfaces"]
    sentence, found = restored(pair, fabric_id, 0)
    assert "put back" not in sentence
    assert found["back"] == []


@pytest.mark.parametrize(
    ("agent", "seconds", "is_told"), [(True, 1, True), (True, 0, False), (False, 1, False)]
)
def test_that_it_was_not_put_back_is_said_if_it_may_have_been_changed(sites, agent, seconds, is_told):
    """Without a channel for an agent nothing was."""
    pair = showing(sites, guest_agent=agent)
    fabric_id = fail_over(pair, pair.point_now())
    simulated.dial(pair.target.root, [simulated.Fault(method="addressing.restore", code="fabric-error")])
    sentence, found = restored(pair, fabric_id, seconds)
    assert ("was not put back: A dialled fault." in sentence, found is not None) == (is_told, is_told)


def test_a_guest_that_cannot_yet_is_asked_again(sites):
    pair = showing(sites)
    fabric_id = fail_over(pair, pair.point_now())
    simulated.dial(pair.target.root, [simulated.Fault(method="addressing.give", nth=1, code="fabric-error")])
    sentence, _ = addressed(pair, fabric_id, 60)
    assert sentence.endswith("; eth0 10.2.0.5/24 set by its agent, and by ifupdown at each boot")


def test_one_that_never_can_is_given_up_with_its_reason_and_the_order_succeeds(sites):
    pair = showing(sites)
    fabric_id = fail_over(pair, pair.point_now())
    simulated.dial(pair.target.root, [simulated.Fault(method="addressing.give", code="fabric-error")])
    sentence, verdict = addressed(pair, fabric_id, 1)
    assert sentence.endswith("; net0 was not given 10.2.0.5/24: A dialled fault.")
    assert not verdict["given"]


def test_of_a_machine_without_an_agent_no_address_is_waited_for(sites):
    pair = showing(sites, guest_agent=False)
    fabric_id, began = fail_over(pair, pair.point_now()), time.monotonic()
    sentence, _ = addressed(pair, fabric_id, 60)
    assert time.monotonic() - began < 30
    assert sentence.endswith("; net0 was not given 10.2.0.5/24: no guest agent answered")


def test_the_address_that_a_connected_guest_has_is_told_and_another_one_has_none(sites):
    pair = showing(sites)
    point = pair.point_now()
    simulated.add_network(pair.target.root, "lan-b")
    for networks, has in (({"net0": "lan-b"}, ["10.0.0.1/24"]), ({}, [])):
        began = start(pair, "drill", point, networks=networks)
        sentence, evidence = proved(pair, began["fabric_id"], wait_seconds=60)
        assert evidence["guest_addresses"] == has
        assert ("; it has 10.0.0.1/24" in sentence) == bool(has)
        stop(pair, "drill", began["fabric_id"])
