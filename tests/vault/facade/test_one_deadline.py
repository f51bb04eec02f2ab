"""Whoever asks the vault gets its answer while listening, however many appliances are silent."""

import time
from typing import Any

import pytest

from secondsite.client import connection
from secondsite.vault.facade import parts
from secondsite.vault.facade.nouns.preflight import appliance_checks
from secondsite.wire.control.orders import Kind
from tests.support.vault import Dialler, protected

__all__ = ["protected"]
CHECK = "/api/machines/web01/preflight"


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(parts, "ANSWER_SECONDS", 3.0)


def test_two_silent_appliances_are_told_of_before_the_client_stops_listening(
    vault, protected, two_sites, hurried
):
    """Each was waited for as long as the client listens, and the client said that the vault is gone."""
    source, target = two_sites
    with Dialler(source), Dialler(target):
        began = time.monotonic()
        found = vault.rest.get(CHECK)
        took = time.monotonic() - began
    assert found.status_code == 200, found.text
    said = [each["what"] for each in found.json()["obstacles"]]
    assert took < 5
    assert any("did not answer 'check_target' in time" in each for each in said)
    assert any("'one' of site a was not asked" in each for each in said)


def test_what_the_vault_asks_by_itself_has_no_such_deadline(vault, hurried):
    assert vault.running.parts().seconds_left() > 1e9


def test_a_machine_whose_check_was_cut_short_counts_as_not_asked(vault, protected, two_sites, hurried):
    source, target = two_sites
    nothing: dict[str, Any] = {"facts": {"machines": [], "networks": []}}
    with (
        Dialler(source, {Kind.DISCOVER: lambda order: nothing}),
        Dialler(target, {Kind.DISCOVER: lambda order: nothing}),
    ):
        found = vault.rest.get("/api/validation", params={"now": True}).json()
    assert (found["machines"], found["not_asked"]) == (0, 1), found
    assert not any("was not asked" in each["what"] for each in found["flaws"])


def test_the_vault_has_answered_before_its_client_stops_listening():
    assert 2 * appliance_checks.SECONDS + 1 < parts.ANSWER_SECONDS
    assert parts.ANSWER_SECONDS + 10 < connection.READ_SECONDS
