"""Appliances learn the settings that they need, also those that were away when they changed."""

import dataclasses
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from rig.eventually import eventually
from secondsite.domain.lifecycle import State
from secondsite.ground.units import MiB
from secondsite.vault.fleet.settings_push import (
    LONGEST_REST_SECONDS,
    MOST_UNANSWERED,
    Policies,
    rest_seconds,
    settings_of,
)
from secondsite.wire import control
from secondsite.wire.control.orders import Kind
from secondsite.wire.rest import PolicyCreate
from tests.support import statements
from tests.support.vault import NOW, Dialler, machine, point, replica_status, source_status

TAKEN = {
    Kind.SET_SITE: lambda order: {"sentence": "ok"},
    Kind.UPDATE_POLICY: lambda order: {"sentence": "ok"},
}


@pytest.fixture
def protected(vault):
    """A machine of two appliances; gives their identities."""
    source, target = vault.enroll("a"), vault.enroll("b")
    with vault.store.transaction() as tx:
        tx.machines.add(machine(source_appliance_id=source.id, target_appliance_id=target.id))
    return source, target


def limits(dialler):
    return [o.payload["bandwidth"]["bytes_per_second"] for o in list(dialler.told) if o.kind == Kind.SET_SITE]


def policies(dialler):
    told = [order for order in list(dialler.told) if order.kind == Kind.UPDATE_POLICY]
    return [(order.machine_id, order.payload["policy"]["retention_seconds"]) for order in told]


def limit(vault, rate, site="a", **more):
    answer = vault.rest.put(f"/api/sites/{site}/bandwidth", json={"bytes_per_second": rate, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_limit_is_told_when_it_is_set_and_again_at_each_connection(vault):
    identity = vault.enroll("a")
    with Dialler(identity, TAKEN) as dialler:
        eventually(lambda: limits(dialler) == [None])
        limit(vault, MiB)
        eventually(lambda: limits(dialler) == [None, MiB])
    limit(vault, 2 * MiB)
    with Dialler(identity, TAKEN) as dialler:
        eventually(lambda: limits(dialler) == [2 * MiB])


def test_what_is_taken_back_before_its_report_came_is_told_once_more(vault):
    """The appliance may have it by then."""
    listeners = vault.running.settings_push._listeners  # noqa: SLF001 that it was noted shows nowhere else

    def reported(dialler):
        dialler.report(dialler.told[-1].order_id, sentence="ok")
        eventually(lambda: [len(each.known) for each in listeners.values()] == [1])

    with Dialler(vault.enroll("a")) as dialler:
        eventually(lambda: limits(dialler) == [None])
        reported(dialler)
        limit(vault, MiB)
        eventually(lambda: limits(dialler) == [None, MiB])
        limit(vault, None)
        eventually(lambda: limits(dialler) == [None, MiB, None])
        reported(dialler)
        vault.running.settings_push.look()
        assert limits(dialler) == [None, MiB, None]


def test_the_appliances_of_a_site_share_its_limit(vault):
    first, second = vault.enroll("a", "one"), vault.enroll("a", "two")
    limit(vault, 3 * MiB)
    with Dialler(first, TAKEN) as one, Dialler(second, TAKEN) as two:
        eventually(lambda: limits(one) == limits(two) == [3 * MiB // 2])


def test_an_appliance_that_was_away_learns_the_new_policy_when_it_connects(vault, protected):
    source, target = protected
    with Dialler(source, TAKEN) as dialler:
        eventually(lambda: policies(dialler) == [("m1", 86400)])
        vault.facade.policies.update("default", PolicyCreate(name="default", retention_seconds=7200))
        eventually(lambda: policies(dialler) == [("m1", 86400), ("m1", 7200)])
    with Dialler(target, TAKEN) as dialler:
        eventually(lambda: policies(dialler) == [("m1", 7200)])


FENCED = {**TAKEN, Kind.PAUSE_REPLICATION: lambda order: {"sentence": "ok"}}


def pauses(dialler):
    asked = [*dialler.told, *dialler.orders]
    return [(each.machine_id, each.generation) for each in asked if each.kind == Kind.PAUSE_REPLICATION]


def fenced(vault):
    with vault.store.reading() as tx:
        source = tx.statuses.get("m1").source
    return source is not None and source.fenced


def changed(vault, **changes):
    """As jobs leave a machine: its last one is over, and still stands on it as who claimed it."""
    with vault.store.transaction() as tx:
        told = {"generation": 7, "claimed_by": "job", "job_id": None, **changes}
        tx.machines.put(dataclasses.replace(tx.machines.get("m1"), **told))
    vault.running.settings_push.look()


@pytest.mark.parametrize("state", [State.FAILED_OVER, State.PLANNED_FAILED_OVER, State.COMMITTED])
def test_a_source_that_does_not_say_that_the_old_copy_is_fenced_is_told_to_fence_it(vault, protected, state):
    source, target = protected
    changed(vault, state=state)
    with Dialler(source, FENCED) as dialler, Dialler(target, FENCED) as at_target:
        eventually(lambda: pauses(dialler) == [("m1", 7)])
        dialler.say(control.Status(sources=(source_status(fenced=True),)))
        eventually(lambda: fenced(vault))
        vault.running.settings_push.look()
        assert (pauses(dialler), pauses(at_target)) == ([("m1", 7)], [])


def test_the_old_copy_of_a_machine_that_a_job_has_is_left_to_that_job(vault, protected):
    """It may be about to start it: what arrives late is refused by its number, what comes amid is not."""
    source, _target = protected
    with Dialler(source, FENCED) as dialler:
        for changes in ({"state": State.PLANNED_FAILED_OVER, "job_id": "job"}, {"state": State.PROTECTED}):
            changed(vault, **changes)
        eventually(lambda: policies(dialler))
        assert pauses(dialler) == []


def test_a_fence_that_a_status_reports_before_its_order_does_leaves_no_open_order_behind(vault, protected):
    """An appliance says its machine's status first, always. After a hundred such fences it was told nothing
    any more: no other fence, no policy, no limit."""
    source, _target = protected
    changed(vault, state=State.FAILED_OVER)
    listeners = vault.running.settings_push._listeners  # noqa: SLF001 that it was noted shows nowhere else
    with Dialler(source, TAKEN) as dialler:
        eventually(lambda: pauses(dialler) == [("m1", 7)])
        asked = [each for each in dialler.told if each.kind == Kind.PAUSE_REPLICATION]
        dialler.say(control.Status(sources=(source_status(fenced=True),)))
        eventually(lambda: fenced(vault))
        for order in asked:
            dialler.report(order.order_id, sentence="ok")
        vault.running.settings_push.look()
        assert [key for key in listeners[source.id].asked if "pause" in key] == []


def status_heard(vault, *statuses):
    with vault.store.transaction() as tx:
        tx.statuses.put([(each, NOW) for each in statuses])


BEFORE = {"failed_over_at": NOW - timedelta(minutes=1)}
RUNS = {"runs": ("failover",)}


@pytest.mark.parametrize(
    ("record", "source", "replica", "is_told"),
    [
        ({**BEFORE}, {}, RUNS, True),
        ({**BEFORE}, {}, {"points": [point(1, committed=True)]}, True),
        ({**BEFORE}, {}, {}, False),
        ({"failed_over_at": NOW}, {}, {}, True),
        ({**BEFORE}, {"epoch": 3}, RUNS, False),
        ({**BEFORE, "epoch": 3}, {"epoch": 1}, {**RUNS, "epoch": 3}, True),
        ({"state": State.FAILOVER_FAILED, "start_ordered": True}, {}, {}, True),
        ({"state": State.FAILOVER_FAILED}, {}, {}, False),
    ],
    ids=["runs there", "stands on a committed point", "target knows of no failover",
         "target was silent since", "replicated in a later epoch", "source is of before", "may run there",
         "was never started there"],
)  # fmt: skip
def test_a_machine_that_has_come_home_since_is_not_fenced_there(
    vault, protected, record, source, replica, is_told
):
    """A vault that was restored from before the way home gave the order after any verb that was refused, and
    a machine in production did not start again."""
    at_source, _target = protected
    changed(vault, **{"state": State.FAILED_OVER, **record})
    status_heard(vault, source_status(**source), replica_status(**replica))
    assert ("m1" in told_to_fence(vault, at_source)) == is_told


def test_a_machine_on_which_another_vault_acted_since_is_not_fenced(vault, protected):
    """The order was refused, every ten seconds, for each machine of a restored vault."""
    source, _target = protected
    changed(vault, state=State.FAILED_OVER)
    status_heard(vault, source_status())
    for seen, told in ((7, {"m1"}), (8, set())):
        with vault.store.transaction() as tx:
            tx.statuses.put_numbers({"m1": (seen, 0)})
        assert told_to_fence(vault, source) == told


def told_to_fence(vault, source):
    with vault.store.reading() as tx:
        found = list(settings_of(tx, tx.appliances.find(source.id), "", Policies()))
    return {each.machine_id for each in found if each.kind is Kind.PAUSE_REPLICATION}


def test_the_source_learns_where_its_target_is_reached_now(vault, protected):
    """It dialled the former address for ever, while the vault itself asked at the new one and found
    nothing wrong."""
    source, target = protected
    moved = target.hello().model_copy(update={"data_addresses": ("rome-2.example:9445",)})

    def dialled(dialler):
        told = [order.payload for order in list(dialler.told) if order.kind == Kind.UPDATE_POLICY]
        return [(each["target_appliance_id"], tuple(each["target_addresses"])) for each in told]

    with Dialler(source, TAKEN) as at_source:
        with Dialler(target, TAKEN) as at_target:
            before = (target.id, target.hello().data_addresses)
            eventually(lambda: dialled(at_source)[-1:] == [before])
            eventually(lambda: dialled(at_target) == [("", ())])
        with Dialler(target, TAKEN, moved):
            eventually(lambda: dialled(at_source)[-1] == (target.id, ("rome-2.example:9445",)))


@pytest.mark.slow
def test_what_was_not_reported_is_told_again(vault, monkeypatch):
    from secondsite.vault.fleet import settings_push

    monkeypatch.setattr(settings_push, "LOOK_AGAIN_SECONDS", 0.2)
    identity = vault.enroll("a")
    problem = {"code": "internal", "message": "disk full", "do": ""}
    refusals = [{"problem": problem}, {"problem": problem}]
    answers = {Kind.SET_SITE: lambda order: refusals.pop() if refusals else {"sentence": "ok"}}
    with Dialler(identity, answers) as dialler:
        eventually(lambda: len(dialler.told) == 3)
        assert len({order.order_id for order in dialler.told}) == 3
        vault.running.settings_push.look()
        vault.running.settings_push.look()
        assert len(dialler.told) == 3


@pytest.mark.parametrize(
    "said", [{"facts": {"trusted": 7}}, {"facts": {"trusted": ["x"] * 101}}, {"facts": {"issuer": "x" * 300}}]
)
def test_an_answer_that_is_none_keeps_no_other_appliance_from_being_told(vault, said):
    """It ended the round at that appliance, with a traceback, for as long as it was connected."""
    odd, other = sorted((vault.enroll("a"), vault.enroll("a")), key=lambda each: each.id)
    with capture_logs() as logs, Dialler(odd, {Kind.SET_SITE: lambda order: said}) as hostile:
        eventually(lambda: [each for each in logs if each["event"] == "setting.refused"])
        with Dialler(other, TAKEN) as honest:
            eventually(lambda: limits(honest) == [None])
            listeners = vault.running.settings_push._listeners  # noqa: SLF001 that it was noted shows nowhere else
            eventually(lambda: other.id in listeners and len(listeners[other.id].known) == 1)
        vault.running.settings_push.look()
        assert len(hostile.told) <= 3
    assert not [each for each in logs if each["event"] == "settings.push-failed"]


def test_a_machine_that_is_not_there_is_told_of_once(vault, protected):
    source, _target = protected
    problem = {"code": "not-found", "message": "no such machine", "do": ""}
    answers = {**TAKEN, Kind.UPDATE_POLICY: lambda order: {"problem": problem}}
    with Dialler(source, answers) as dialler:
        eventually(lambda: policies(dialler))
        listeners = vault.running.settings_push._listeners  # noqa: SLF001 that it was noted shows nowhere else
        eventually(lambda: len(listeners[source.id].known) == 2)
        # a round between the connection and its signal tells all twice
        eventually(lambda: _tells_nothing_more(vault, dialler))


def test_of_many_machines_an_appliance_is_told_as_it_answers(vault):
    """It says each machine's status with its report; all at once would hold up what others wait for."""
    source, target = vault.enroll("a"), vault.enroll("b")
    ids = [f"m{number:03}" for number in range(MOST_UNANSWERED + 30)]
    with vault.store.transaction() as tx:
        for each in ids:
            tx.machines.add(
                machine(each, name=each, source_appliance_id=source.id, target_appliance_id=target.id)
            )
    with Dialler(source, {Kind.SET_SITE: lambda _order: {"sentence": "ok"}}) as dialler:
        eventually(lambda: len(policies(dialler)) == MOST_UNANSWERED)
        vault.running.settings_push.look()
        assert len(policies(dialler)) == MOST_UNANSWERED
        for order in [each for each in dialler.told if each.kind == Kind.UPDATE_POLICY]:
            dialler.report(order.order_id, sentence="ok")
        eventually(lambda: sorted(each for each, _ in policies(dialler)) == ids)


def test_a_machine_is_told_of_when_its_protection_has_begun_and_not_with_each_state(vault, protected):
    source, _target = protected
    [name] = (each.name for each in machines_of(vault))
    with Dialler(source, TAKEN) as dialler:
        eventually(lambda: policies(dialler))
        eventually(lambda: _tells_nothing_more(vault, dialler))
        told = len(policies(dialler))
        for state in (
            State.FAILING_OVER,
            State.FAILED_OVER,
            State.COMMITTING,
            State.COMMITTED,
            State.REPROTECTING,
        ):
            put_state(vault, name, state)
            vault.running.settings_push.look()
            assert len(policies(dialler)) == told
        put_state(vault, name, State.PROTECTED)
        vault.running.settings_push.look()
        eventually(lambda: len(policies(dialler)) == told + 1)


def machines_of(vault):
    with vault.store.reading() as tx:
        return tx.machines.list()


def put_state(vault, name, state):
    with vault.store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.find(name), state=state))


def _tells_nothing_more(vault, dialler):
    told = len(policies(dialler))
    vault.running.settings_push.look()
    return len(policies(dialler)) == told <= 2


def test_a_site_shows_its_schedule_and_what_holds_now(vault):
    vault.enroll("a")
    all_week = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "begins": "00:00", "ends": "24:00"}
    window = {**all_week, "bytes_per_second": MiB}
    shown = limit(vault, 8 * MiB, windows=[window], utc_offset_minutes=60)
    assert shown["bytes_per_second_now"] == MiB
    assert vault.rest.get("/api/sites").json()["items"] == [shown]
    assert shown["bandwidth"] == {"bytes_per_second": 8 * MiB, "windows": [window], "utc_offset_minutes": 60}


@pytest.mark.parametrize(
    "wrong",
    [
        {"bytes_per_second": 5},
        {"bytes_per_second": 10**30},
        {"utc_offset_minutes": 10**6},
        {"windows": [{"days": ["mon"], "begins": "9", "ends": "10:00", "bytes_per_second": None}]},
    ],
)
def test_a_schedule_that_is_none_is_refused(vault, wrong):
    vault.enroll("a")
    answer = vault.rest.put("/api/sites/a/bandwidth", json=wrong)
    assert answer.status_code == 422
    assert answer.json()["error"]["do"]
    assert vault.rest.get("/api/sites/a").json()["bandwidth"]["bytes_per_second"] is None


def test_the_others_learn_that_an_appliance_was_removed(vault):
    stays, goes = vault.enroll("a"), vault.enroll("b")
    with Dialler(stays, TAKEN) as dialler:
        eventually(lambda: enrolled(dialler) == sorted([stays.id, goes.id]))
        assert vault.rest.delete(f"/api/appliances/{goes.id}").status_code == 204
        eventually(lambda: enrolled(dialler) == [stays.id], 5)


def enrolled(dialler):
    told = [order.payload["enrolled"] for order in list(dialler.told) if order.kind == Kind.SET_SITE]
    return told[-1] if told else None


def test_a_look_at_many_machines_is_followed_by_a_rest_but_never_a_long_one():
    assert rest_seconds(0.001) == pytest.approx(0.02)
    assert rest_seconds(10) == LONGEST_REST_SECONDS


def test_many_machines_that_failed_over_cost_no_more_questions_to_the_database_than_few(store):
    asked = []
    for number in range(2, 62):
        with store.transaction() as tx:
            tx.machines.add(machine(f"m{number}", f"web{number}", state=State.FAILED_OVER))
            tx.statuses.put([(source_status(f"m{number}"), NOW)])
        if number in (9, 61):
            asked.append(_questions(store))
    assert asked[0] == asked[1]


def _questions(store):
    """How many for all settings of the appliance whose machines all lack their fence."""
    with store.reading() as tx:
        said = statements.noted(tx.session.get_bind())
    with store.reading() as tx:
        machines = {each.id for each in tx.machines.list()}
        appliance = tx.appliances.find("appliance-a")
        said.clear()
        found = list(settings_of(tx, appliance, "", Policies()))
        count = len(said)
    fences = {each.machine_id for each in found if each.kind is Kind.PAUSE_REPLICATION}
    assert fences == machines - {"m1"}  # it is at home
    return count
