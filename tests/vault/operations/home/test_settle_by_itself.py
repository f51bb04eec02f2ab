"""Where two sites' setting says so, the disks of a machine that a commit has left at one of them leave the
store by themselves: once, after what else follows the commit, and never at home."""

from secondsite.domain.lifecycle import State, Verb
from secondsite.vault.store import MachinePropertiesRecord, SitePairRecord
from secondsite.wire.common.disk_places import DiskFormat, DiskPlace
from secondsite.wire.common.properties import TargetProperties
from secondsite.wire.control.orders import Kind
from tests.vault.support_operations import findings_of

PLACE = DiskPlace(place="images", format=DiskFormat.RAW, cache="none")


def goes_to(verbs, site, reverses=False):
    with verbs.store.transaction() as tx:
        tx.pairs.put(SitePairRecord("a", "b", reverse_after_commit=reverses, settle={site: PLACE}))


def committed(verbs, verb=Verb.FAILOVER):
    verbs.protect()
    verbs.run(verb)
    return verbs.run(Verb.COMMIT)


def test_where_nothing_follows_the_commit_they_move_at_once_as_the_setting_says(verbs):
    goes_to(verbs, "b")
    assert committed(verbs).job.state == "succeeded"
    (follows,) = verbs.jobs(Verb.SETTLE)
    assert (follows.state, follows.requested_by) == ("succeeded", "secondsite")
    assert follows.arguments["place"] == PLACE.model_dump(mode="json")
    assert (verbs.state(), verbs.machine().job_id) == (State.COMMITTED, None)


def test_where_a_reprotect_follows_by_itself_they_move_after_it(verbs):
    goes_to(verbs, "b", reverses=True)
    committed(verbs, Verb.PLANNED_FAILOVER)
    (back,), (follows,) = verbs.jobs(Verb.REPROTECT), verbs.jobs(Verb.SETTLE)
    assert back.state == follows.state == "succeeded"
    assert back.ended_at <= follows.created_at
    assert (verbs.state(), verbs.machine().source_site) == (State.PROTECTED, "b")


def test_at_home_and_at_a_site_that_is_not_named_none_move(verbs):
    goes_to(verbs, "a", reverses=True)
    committed(verbs, Verb.PLANNED_FAILOVER)
    verbs.run(Verb.PLANNED_FAILOVER)
    verbs.run(Verb.COMMIT)
    assert verbs.machine().source_site == "a"
    assert verbs.jobs(Verb.SETTLE) == []


def test_a_move_that_fails_leaves_the_machine_as_it_was_and_a_person_may_settle(verbs):
    goes_to(verbs, "b")
    verbs.appliances.fail(Kind.CHECK_SETTLE, times=1)
    assert committed(verbs).job.state == "succeeded"
    assert [job.state for job in verbs.jobs(Verb.SETTLE)] == ["failed"]
    assert "should have moved" in findings_of(verbs)["settle-failed"].what
    assert (verbs.state(), verbs.machine().job_id) == (State.COMMITTED, None)
    assert verbs.run(Verb.SETTLE, place={"place": "images"}).job.state == "succeeded"
    assert "settle-failed" not in findings_of(verbs)


def test_one_that_fails_after_the_reprotect_is_a_finding_too(verbs):
    goes_to(verbs, "b", reverses=True)
    verbs.appliances.fail(Kind.CHECK_SETTLE, times=1)
    committed(verbs, Verb.PLANNED_FAILOVER)
    assert [job.state for job in verbs.jobs(Verb.SETTLE)] == ["failed"]
    assert verbs.state() is State.PROTECTED
    assert "settle-failed" in findings_of(verbs)


def test_disks_of_a_machine_go_where_its_own_setting_says_and_the_others_where_that_of_its_sites(verbs):
    goes_to(verbs, "b")
    verbs.protect()
    own = DiskPlace(place="/dev/vg0/web01", format=DiskFormat.RAW)
    with verbs.store.transaction() as tx:
        properties = TargetProperties(settle={"vda": own, "gone": own})
        tx.properties.put(MachinePropertiesRecord(verbs.machine().id, properties))
    verbs.run(Verb.FAILOVER)
    verbs.run(Verb.COMMIT)
    (follows,) = verbs.jobs(Verb.SETTLE)
    assert follows.arguments["disks"] == {"vda": own.model_dump(mode="json")}
    assert follows.arguments["place"] == PLACE.model_dump(mode="json")
