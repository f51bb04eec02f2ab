"""Whose a job is, and who sees it."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import RootModel

from secondsite.domain.access.roles import Grant, Role
from secondsite.jobs.storage import search
from secondsite.vault.facade.callers import Caller
from secondsite.vault.facade.nouns.evidence import Evidence
from secondsite.vault.facade.nouns.jobs import Jobs
from secondsite.vault.facade.shared import job_scopes
from secondsite.vault.steps.batch import BATCH
from secondsite.vault.store import EvidenceRecord, SiteRecord
from secondsite.vault.store.sql import rows
from tests.support.vault import NOW, machine
from tests.vault.support_operations import Verbs, folder_in_memory


def is_by(name: str) -> bool:
    caller: Any = SimpleNamespace(name=name, since=NOW)
    job: Any = SimpleNamespace(requested_by=name, created_at=NOW)
    return job_scopes._is_by(caller, job)  # noqa: SLF001


def test_what_a_schedule_started_is_no_tokens_that_an_earlier_release_let_have_its_name():
    assert is_by("anna")
    assert not is_by("schedule nightly")
    assert not is_by("schedule verification")


def of_site(verbs, site, name="ada"):
    """The parts for a token that is limited to the site."""
    caller = Caller(name, "t1", "", Grant((Role.READER,), site), since=verbs.clock.now() - timedelta(days=1))
    parts: Any = SimpleNamespace(
        store=verbs.store, catalogue=verbs.catalogue, caller=caller, sees=caller.grant.sees
    )
    return parts


def counting(monkeypatch, module, name):
    """What the function of the module returns from now on, in a list."""
    returned, plain = [], getattr(module, name)

    def call(*asked):
        returned.append(plain(*asked))
        return returned[-1]

    monkeypatch.setattr(module, name, call)
    return returned


def asked_for(verbs, kind, subject, by="tester", **arguments):
    with verbs.store.transaction() as tx:
        return verbs.engine.submit(
            tx.session, kind, subject=subject, arguments=RootModel(arguments), requested_by=by
        )


def in_batch(*machine_ids):
    return [{"machine_id": each, "arguments": {}} for each in machine_ids]


@pytest.fixture
def verbs():
    """With a machine of the sites a and b, and one of c and d."""
    with folder_in_memory() as folder:
        verbs = Verbs(folder)
        with verbs.store.transaction() as tx:
            for site in "cd":
                tx.sites.add(SiteRecord(site, NOW))
            tx.machines.add(machine("m1", "web01"))
            tx.machines.add(machine("m2", "db01", source_site="c", target_site="d", home_site="c"))
        yield verbs
        verbs.close()


def test_a_token_of_one_site_sees_the_jobs_of_its_machines_its_own_and_those_of_machines_that_are_gone(verbs):
    of_a, of_c = {"source_site": "a", "target_site": "b"}, {"source_site": "c", "target_site": "d"}
    everyones = {
        "mine": asked_for(verbs, "resynchronize", "m2"),
        "other": asked_for(verbs, "resynchronize", "m1"),
        "by me": asked_for(verbs, "resynchronize", "m1", by="ada"),
        "gone": asked_for(verbs, "enable_protection", "m8", **of_c),
        "gone elsewhere": asked_for(verbs, "enable_protection", "m9", **of_a),
        "moved": asked_for(verbs, "enable_protection", "m1", **of_c),
        "both": asked_for(verbs, BATCH, "", verb="commit", children=in_batch("m1", "m2")),
        "mine together": asked_for(verbs, BATCH, "", verb="commit", children=in_batch("m2")),
        "of nobody": asked_for(verbs, "resynchronize", None),
    }
    parts = of_site(verbs, "d")
    page = Jobs(parts).list()
    seen = {name for name, job_id in everyones.items() if job_id in {each.id for each in page.items}}
    assert seen == {"mine", "by me", "gone", "mine together"}
    with verbs.store.reading() as tx:
        decided = [each.id for each in search.find(tx.session) if job_scopes.sees(parts, tx, each)]
    assert sorted(decided) == sorted(each.id for each in page.items)


def test_a_token_of_one_site_lists_its_jobs_without_reading_weeks_of_jobs_of_others(verbs, monkeypatch):
    mine = asked_for(verbs, "resynchronize", "m2")
    for _ in range(300):
        asked_for(verbs, "resynchronize", "m1")
    read = counting(monkeypatch, search, "job_view")
    assert [each.id for each in Jobs(of_site(verbs, "c")).list().items] == [mine]
    assert len(read) == 1


def test_a_token_of_one_site_lists_its_evidence_without_reading_that_of_others(verbs, monkeypatch):
    sites = [(("a", "b"),)] * 300 + [(("c", "d"),), (("a", "b"), ("c", "d")), ((),), ()]
    with verbs.store.transaction() as tx:
        for number, each in enumerate(sites):
            tx.evidence.add(
                EvidenceRecord(
                    f"e{number}", "j", "commit", "web01", "succeeded", "x", NOW, each, "0", number, "{}"
                )
            )
    read = counting(monkeypatch, rows, "many")
    assert [each.id for each in Evidence(of_site(verbs, "c")).list().items] == ["e300"]
    assert [len(found) for found in read] == [2, 0]
