"""A replica that another host of the site has than the vault knows of is found, and taken note of."""

from types import SimpleNamespace

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.vault import operations
from secondsite.vault.watch import stray_replicas
from secondsite.vault.watch.stray_replicas import StrayReplicas
from secondsite.wire.control import Status
from secondsite.wire.control.orders import Kind
from tests.support.vault import replica_status
from tests.vault.support_appliances import B
from tests.vault.support_intake import Intake
from tests.vault.support_operations import OTHER_B
from tests.vault.support_shared_stores import at, shared_stores


@pytest.fixture
def verbs(monkeypatch):
    for seconds in ("SEEN_SECONDS", "LISTENS_SECONDS"):
        monkeypatch.setattr(stray_replicas, seconds, 0.0)
    with shared_stores() as verbs:
        yield verbs


@pytest.fixture
def found(verbs):
    facts = Intake(verbs.store, lambda _signal: None, verbs.clock.now)
    move = operations.operations(verbs.deps)[Verb.MOVE_REPLICA]
    watch = StrayReplicas(verbs.deps, move, facts)
    return SimpleNamespace(facts=facts, look=watch.look)


def says(verbs, found, who, *, epoch=1):
    status = replica_status(machine_id=verbs.machine("m00").id, epoch=epoch)
    found.facts.status(who, Status(replicas=(status,)))


def test_a_replica_that_only_another_host_reports_is_known_to_be_there(verbs, found):
    says(verbs, found, OTHER_B)
    found.look()
    verbs.engine.run_until_idle()
    assert at(verbs, "m00") == OTHER_B
    assert verbs.appliances.given[-1][1] is Kind.UPDATE_POLICY, "its source knows"


@pytest.mark.parametrize("case", ["reported by its own", "of another epoch", "its own is away", "gone again"])
def test_what_may_be_old_moves_nothing(verbs, found, case):
    if case == "reported by its own":
        says(verbs, found, B)
    if case == "its own is away":
        verbs.appliances.away.add(B)
    says(verbs, found, OTHER_B, epoch=2 if case == "of another epoch" else 1)
    if case == "gone again":
        found.facts.status(OTHER_B, Status(replicas_gone=(verbs.machine("m00").id,)))
    found.look()
    verbs.engine.run_until_idle()
    assert at(verbs, "m00") == B
