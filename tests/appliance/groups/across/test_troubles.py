"""Two appliances and one common point, where one of them, their line or their clocks are not as they
should be."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from rig.eventually import eventually
from rig.relay import Relay
from secondsite.appliance.groups import schedule
from secondsite.appliance.groups.leader import LeaderSide
from secondsite.datapath.channel import handshake
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.ground import seams
from tests.appliance.groups.support_groups import Counting, Together, assert_in_order

pytestmark = pytest.mark.slow

BUDGET_SECONDS = 2.0
GROUP = "Group shop: "


@pytest.fixture
def apart(make_site):
    """Two machines, one behind appliance a, which leads, one behind appliance c, which a reaches over a
    relay."""
    a, b, c = (make_site(name).start() for name in ("a", "b", "c"))
    relay = Relay(c.port)
    together = Together((a, b), 2, others=(c,)).protect()
    together.dialled_at[c.appliance_id] = f"127.0.0.1:{relay.port}"
    together.relay, together.other = relay, c
    together.tell(together.group(multi_vm_every_seconds=3600), to=[c])
    yield together
    relay.close()


def findings(together):
    return [findings_of(pair) for pair in together.pairs]


def findings_of(pair):
    return [each.what for each in pair.source_status().findings]


def taken(together):
    """The next common point, which comes by itself: c leaves its machines alone for a while."""
    return eventually(
        lambda: common if (common := together.take()).reason is None else None, within_seconds=30
    )


def at(seam, act):
    """Act when this seam is reached for the first time."""
    left = [seam]

    def look(name):
        if name in left:
            left.remove(name)
            act()

    return seams.armed(look)


def assert_guests_go_on(writer):
    seen = writer.written
    eventually(lambda: writer.written > seen + 3, within_seconds=BUDGET_SECONDS + 1)


STAGES = ["heard", "gathered", "paused", "fixed", "viewed"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_line_that_is_cut_leaves_no_set_that_is_true_in_part(apart, stage):
    with Counting(apart) as writer:
        with at(f"appliance.group.{stage}", apart.relay.cut):
            common = apart.take()
        assert_guests_go_on(writer)
        assert common.reason is not None
        apart.relay.up = True
        newest = taken(apart).set_id
    apart.drained()
    assert newest in apart.whole_sets()
    for set_id in apart.whole_sets():
        assert_in_order(apart.counters(set_id))
    eventually(lambda: findings(apart) == [[], []])


@pytest.mark.parametrize("stage", ["heard", "paused", "fixed"])
def test_a_line_on_which_nothing_moves_holds_no_guest_for_longer_than_its_budget(apart, stage):
    with Counting(apart) as writer:
        with at(f"appliance.group.{stage}", apart.relay.moving.clear):
            taking = threading.Thread(target=apart.take)
            taking.start()
            eventually(lambda: not apart.relay.moving.is_set())
            assert_guests_go_on(writer)
            apart.relay.cut()
            apart.relay.moving.set()
            taking.join(60)
        apart.relay.up = True
        newest = taken(apart).set_id
    apart.drained()
    assert newest in apart.whole_sets()
    for set_id in apart.whole_sets():
        assert_in_order(apart.counters(set_id))


def test_an_appliance_that_never_answers_holds_up_nothing_here(apart):
    apart.relay.moving.clear()
    first = apart.pairs[0]
    before = first.source_status().last_seq
    common = apart.take()
    assert common.reason.startswith("c: ")
    assert (common.pause_seconds, common.point_ids) == (0.0, {})
    apart.source.write(first.fabric_id, 0, b"goes on")
    eventually(lambda: first.source_status().last_seq > before)
    assert findings_of(apart.pairs[0]) == [f"{GROUP}{common.reason}"]


def test_an_appliance_that_is_away_is_named(apart):
    apart.other.stop()
    common = apart.take()
    assert common.reason.startswith("c: ")
    apart.other.start()
    assert taken(apart).set_id


def test_an_older_release_takes_no_part_and_is_named(apart, monkeypatch):
    monkeypatch.setattr(
        handshake, "WE_CAN", tuple(each for each in handshake.WE_CAN if each != "takes_common")
    )
    common = apart.take()
    assert common.reason.startswith("c: Its release cannot take common points")
    assert [pair.source_status().running for pair in apart.pairs] == [True, True]


@pytest.mark.parametrize(("ahead", "how"), [(37, "ahead of that of a"), (-3700, "behind that of a")])
def test_clocks_that_differ_make_no_common_point_and_both_are_named(apart, ahead, how):
    apart.other.appliance.groups.asked.now = lambda: datetime.now(UTC) + timedelta(seconds=ahead)
    common = apart.take()
    assert common.set_id is None
    assert common.reason.startswith("c: Its clock is ")
    assert how in common.reason
    assert common.pause_seconds == 0.0
    apart.other.appliance.groups.asked.now = lambda: datetime.now(UTC) + timedelta(seconds=1)
    assert taken(apart).set_id


def test_only_the_leader_that_the_vault_named_is_answered(apart):
    group = apart.group()
    apart.tell(group.model_copy(update={"multi_vm_every_seconds": 3600}), to=[apart.source])
    turned = group.model_copy(update={"parts": group.parts[::-1]})
    common = apart.other.appliance.groups.points.take(turned)
    assert common.reason == "a: The vault has not said here that you lead the common points of that group."
    changed = [part.model_copy(update={"members": part.members[:0]}) for part in group.parts[1:]]
    common = apart.source.appliance.groups.points.take(
        group.model_copy(update={"parts": (group.parts[0], *changed)})
    )
    assert common.reason == "c: The group has other machines here; it was changed a moment ago."
    stranger = LeaderSide(group, apart.target.appliance.peers, app=False, budget=2.0)
    with pytest.raises(errors.NotPossibleNow, match="c: The vault has not said here that you lead"):
        stranger.gather()
    stranger.end(None)
    unknown = apart.source.appliance.groups.points.take(group.model_copy(update={"name": "other"}))
    assert unknown.reason == "c: The vault has not said here that you lead the common points of that group."


@pytest.mark.parametrize("slow", ["source", "other"])
def test_a_side_that_is_too_slow_ends_it_for_both_and_both_points_say_so(apart, slow):
    site = getattr(apart, slow)
    simulated.dial(site.root, [simulated.Fault(method="common_pause.pause", delay_seconds=1.5)])
    common = apart.take(budget=0.5)
    simulated.dial(site.root, [])
    assert common.set_id is None
    eventually(
        lambda: all("No common point of group shop" in (p.reason or "") for p in apart.newest_points())
    )
    assert apart.whole_sets() == set()
    eventually(lambda: all(len(each) == 1 for each in findings(apart)))
    assert taken(apart).set_id
    eventually(lambda: findings(apart) == [[], []])


def test_a_follower_leaves_its_machines_alone_for_twice_as_long_as_they_stood_still(apart):
    slow = simulated.Fault(method="common_pause.pause", delay_seconds=0.5)
    simulated.dial(apart.other.root, [slow])
    assert apart.take().reason is None
    assert apart.take().reason == "c: Its machines here were held a moment ago."
    simulated.dial(apart.other.root, [])
    assert taken(apart).set_id


def test_a_follower_whose_leader_gave_up_leaves_its_machines_alone_for_as_long_as_they_were_held(apart):
    with at("appliance.group.gathered", apart.relay.cut):
        apart.take()
    apart.relay.up = True
    reasons = []

    def is_taken():
        reasons.append(apart.take().reason)
        return reasons[-1] is None

    eventually(is_taken, within_seconds=30)
    assert set(reasons[:-1]) <= {"c: Its machines here were held a moment ago."}


def test_who_leaves_a_group_has_no_finding_of_it(apart):
    apart.tell(apart.group(multi_vm_every_seconds=3600))
    eventually(lambda: "shop" in apart.source.appliance.groups.last)
    apart.other.stop()
    assert apart.take().reason.startswith("c: ")
    assert findings_of(apart.pairs[0]) != []
    apart.tell(to=[apart.source])
    assert findings_of(apart.pairs[0]) == []
    apart.other.start()


def test_a_paused_member_behind_the_other_appliance_is_named_and_nobody_stands_still(apart):
    apart.pairs[1].pause()
    common = apart.take()
    assert common.reason == "c: Replication of vm01 is paused."
    assert common.pause_seconds == 0.0


def test_an_app_consistent_set_is_so_when_the_guests_of_both_sides_froze(make_site):
    a, b, c = (make_site(name).start() for name in ("a", "b", "c"))
    together = Together((a, b), 2, others=(c,), guest_agent=True).protect(app_consistent_every_seconds=3600)
    together.tell(together.group(multi_vm_every_seconds=3600, app_consistent=True), to=[c])
    common = together.take(app_consistent=True)
    assert common.app_consistent
    together.drained()
    assert together.newest_set(app_consistent=True) == common.set_id


def test_a_group_that_takes_no_app_consistent_points_has_no_guest_frozen_by_its_leaders_word(apart):
    common = apart.take(app_consistent=True)
    assert common.reason == "c: The group takes no app-consistent points here; it was changed a moment ago."
    assert common.frozen_seconds == 0.0


def test_a_follower_whose_guests_were_kept_frozen_leaves_them_alone_for_twice_as_long(apart):
    """A leader in other hands, silent between FREEZE and PAUSE, kept them frozen for 19 of 20 seconds."""
    apart.tell(apart.group(multi_vm_every_seconds=3600, app_consistent=True), to=[apart.other])
    simulated.dial(apart.source.root, [simulated.Fault(method="common_pause.freeze", delay_seconds=0.5)])
    assert apart.take(app_consistent=True).frozen_seconds > 0.5
    assert apart.take().reason == "c: Its machines here were held a moment ago."
    simulated.dial(apart.source.root, [])
    assert taken(apart).set_id


def test_who_is_never_asked_says_which_appliance_leads(apart, monkeypatch):
    monkeypatch.setattr(schedule, "UNASKED_SECONDS", 0.0)
    apart.tell(apart.group(multi_vm_every_seconds=1), to=[apart.other])
    said = f"{GROUP}a, which leads its common points, asks for none."
    eventually(lambda: findings(apart)[1] == [said])
    assert taken(apart).set_id
    monkeypatch.setattr(schedule, "UNASKED_SECONDS", 3600.0)
    eventually(lambda: taken(apart) and findings(apart)[1] == [])


def test_the_leader_takes_them_by_itself_and_the_follower_does_not(apart):
    apart.tell(apart.group(multi_vm_every_seconds=1))
    first = eventually(apart.newest_set, within_seconds=30)
    before = time.monotonic()
    eventually(lambda: apart.newest_set() not in (None, first), within_seconds=30)
    assert time.monotonic() - before < 30
    apart.tell()
    assert "shop" in apart.source.appliance.groups.last
    assert apart.other.appliance.groups.last == {}
