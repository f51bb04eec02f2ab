"""A cancel that failed because what answers for its machine was away."""

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from secondsite.vault.watch.cancels_again import CancelsAgain
from secondsite.wire.control.checks import ObstacleShape
from secondsite.wire.control.orders import Kind, PowerFact
from tests.vault.support_operations import Verbs, findings_of, folder_in_memory

AWAY = errors.MachineAway("The agent of web01 does not answer.")


@pytest.fixture
def verbs():
    with folder_in_memory() as folder:
        verbs = Verbs(folder)
        verbs.protect()
        yield verbs
        verbs.close()


@pytest.fixture
def again(verbs):
    return CancelsAgain(verbs.deps, verbs.engine.retry)


def failed(verbs, problem=AWAY):
    """A planned failover that failed, and its cancel."""
    verbs.appliances.fail(Kind.RUN_CYCLE, problem=problem)
    verbs.appliances.fail(Kind.RESTART, problem=problem)
    verbs.run(Verb.PLANNED_FAILOVER)
    assert verbs.state() is State.CANCEL_FAILED
    return verbs.jobs(Verb.CANCEL_FAILOVER)[0].id


def look(verbs, again):
    again.look()
    verbs.rest()
    return verbs.state()


def test_it_goes_on_by_itself_once_the_machine_is_back(verbs, again):
    job = failed(verbs)
    verbs.appliances.fail(Kind.POWER, problem=AWAY)
    assert look(verbs, again) is State.CANCEL_FAILED
    assert "goes on by itself" in findings_of(verbs)["cancel-failed"].what
    verbs.appliances.mend()
    assert look(verbs, again) is State.PROTECTED
    assert [each.id for each in verbs.jobs(Verb.CANCEL_FAILOVER)] == [job]
    assert verbs.appliances.running(verbs.machine().id) == [verbs.machine().source_appliance_id]


def test_a_machine_that_nobody_can_start_from_there_is_not_back(verbs, again, monkeypatch):
    failed(verbs)
    verbs.appliances.mend()
    off = (ObstacleShape(what="It is off.", do="Switch it on."),)
    with monkeypatch.context() as patch:
        patch.setattr(verbs.appliances, "_power", lambda *_: PowerFact(power="off", obstacles=off))
        assert look(verbs, again) is State.CANCEL_FAILED
    assert look(verbs, again) is State.PROTECTED


def test_one_that_a_person_has_to_look_at_waits_for_that_person(verbs, again):
    failed(verbs, errors.FabricError("The hypervisor refuses."))
    verbs.appliances.mend()
    assert look(verbs, again) is State.CANCEL_FAILED
    assert "by itself" not in findings_of(verbs)["cancel-failed"].what


def test_a_cancel_by_hand_goes_on_as_well(verbs, again):
    failed(verbs, errors.FabricError("The hypervisor refuses."))
    verbs.appliances.fail(Kind.RESTART, problem=AWAY)
    verbs.run(Verb.CANCEL_FAILOVER)
    assert verbs.state() is State.CANCEL_FAILED
    verbs.appliances.mend()
    assert look(verbs, again) is State.PROTECTED


def test_the_orders_of_a_cancel_wait_for_the_machine(verbs):
    failed(verbs)
    verbs.appliances.mend()
    asked = verbs.appliances.ask
    waits = []

    def ask(appliance_id, order_id, kind, machine_id, payload, deadline_seconds, **more):
        if kind is Kind.POWER:
            waits.append((payload.patient, deadline_seconds >= 300))
        return asked(appliance_id, order_id, kind, machine_id, payload, deadline_seconds, **more)

    verbs.appliances.ask = ask
    verbs.run(Verb.CANCEL_FAILOVER)
    assert waits
    assert set(waits) == {(True, True)}
