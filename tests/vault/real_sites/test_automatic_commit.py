"""A plan commits by itself over two real appliances, whose guests answer or do not."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from rig.appliances import Site
from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.plans.plan import PlanGroup, PlanMachine, RecoveryPlan
from secondsite.vault.interfaces import Authority
from secondsite.vault.store import MachineChecksRecord, PlanRecord
from secondsite.vault.watch.automatic_commits import AutomaticCommits
from secondsite.wire.common.machine_checks import MachineCheck
from tests.vault.real_sites.support_real_sites import opened
from tests.vault.support_operations import folder_in_memory

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
NAMES = ("db", "web")
AGENT = MachineCheck(name="agent", kind="agent", deadline_seconds=2)
HELD_SECONDS = 300


@pytest.fixture
def verbs(monkeypatch):
    """A plan of two machines whose guests answer, which was failed over."""
    plain = Site.make_machine
    answering = {"shows": "login: ", "guest_agent": True}
    monkeypatch.setattr(Site, "make_machine", lambda *of, **traits: plain(*of, **{**answering, **traits}))
    with folder_in_memory() as folder, opened(Path(folder), NAMES) as verbs:
        verbs.run(Verb.ENABLE_PROTECTION, *NAMES)
        yield verbs


@pytest.fixture
def plan(verbs):
    found = [verbs.machine(name) for name in NAMES]
    members = tuple(PlanMachine(each.id, each.name, each.source_site, each.target_site) for each in found)
    plan = RecoveryPlan("shop", (PlanGroup(members),), commit_after_held_seconds=HELD_SECONDS)
    with verbs.store.transaction() as tx:
        tx.plans.put(PlanRecord("shop", plan, verbs.clock.now(), verbs.clock.now()))
        for each in found:
            tx.checks.put(MachineChecksRecord(each.id, (AGENT,)))
    return plan


@pytest.fixture
def commits(verbs):
    ends_at = verbs.clock.now() + timedelta(days=7000)
    authority = SimpleNamespace(appliance_lifetime=timedelta(days=90), ends_at=ends_at)
    return AutomaticCommits(verbs.deps, verbs.operations, verbs.facts, cast(Authority, authority))


def passes(verbs, commits, seconds):
    for _ in range(0, seconds, 30):
        verbs.clock.pass_by(30)
        verbs.hear()
        commits.look()
        verbs.engine.run_until_idle()


def held(verbs):
    with verbs.store.reading() as tx:
        return tx.held_checks.find("shop")


def test_a_guest_that_went_off_keeps_it_open_and_one_that_answers_again_lets_it_commit(verbs, plan, commits):
    assert verbs.run_plan(Verb.PLANNED_FAILOVER, plan).job.state == "succeeded"
    passes(verbs, commits, HELD_SECONDS - 120)
    assert held(verbs).held.seconds > 0
    ((_, fabric_id),) = verbs.copies("web")
    there = verbs.site("b").fabric.power
    there.stop(fabric_id)
    passes(verbs, commits, 2 * HELD_SECONDS)
    assert "web: " in held(verbs).held.problem
    assert verbs.state("web") is State.PLANNED_FAILED_OVER
    there.start(fabric_id)
    passes(verbs, commits, HELD_SECONDS + 240)
    verbs.rest()
    assert held(verbs).job_id is not None
    assert [verbs.state(name) for name in NAMES] == [State.COMMITTED, State.COMMITTED]
    assert verbs.tree(held(verbs).job_id).job.state == "succeeded"
