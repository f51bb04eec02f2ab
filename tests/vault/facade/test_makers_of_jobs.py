"""Whose a job is."""

from types import SimpleNamespace
from typing import Any

from secondsite.vault.facade.shared import job_scopes
from tests.support.vault import NOW


def is_by(name: str) -> bool:
    caller: Any = SimpleNamespace(name=name, since=NOW)
    job: Any = SimpleNamespace(requested_by=name, created_at=NOW)
    return job_scopes._is_by(caller, job)  # noqa: SLF001


def test_what_a_schedule_started_is_no_tokens_that_an_earlier_release_let_have_its_name():
    assert is_by("anna")
    assert not is_by("schedule nightly")
    assert not is_by("schedule verification")
