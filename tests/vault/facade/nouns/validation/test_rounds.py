"""The vault checks its configuration twice a day by itself, and not while somebody starts machines that
people need."""

from dataclasses import replace
from datetime import timedelta

import pytest

from secondsite.domain.lifecycle import State
from secondsite.vault.facade.nouns.validation.validating import EVERY, Validations
from tests.support.vault import protected, two_sites, vault

__all__ = ["protected", "two_sites", "vault"]
pytestmark = pytest.mark.slow


def checked(vault):
    with vault.store.reading() as tx:
        last = tx.validations.last()
    return last and last.checked_at


def set_state(vault, state):
    with vault.store.transaction() as tx:
        found = tx.machines.find("web01")
        assert found is not None
        tx.machines.put(replace(found, state=state))


def test_twice_a_day_and_of_what_is_away_it_says_that_it_was_not_asked(vault, protected):
    parts = vault.facade.parts
    Validations(parts).look()
    first = checked(vault)
    Validations(parts).look()
    assert checked(vault) == first
    later = replace(parts, now=lambda: first + EVERY + timedelta(seconds=1))
    set_state(vault, State.FAILING_OVER)
    Validations(later).look()
    assert checked(vault) == first
    set_state(vault, State.PROTECTED)
    Validations(later).look()
    assert checked(vault) > first
    answer = vault.rest.get("/api/validation").json()
    assert (answer["machines"], answer["not_asked"]) == (0, 1)
    about = [each["about"] for each in answer["flaws"] if each["kind"] == "appliance-away"]
    assert about == ["appliance one of a", "appliance two of b"]


def test_a_token_of_one_site_sees_what_concerns_it(vault, protected):
    vault.rest.get("/api/validation", params={"now": True})
    asked = {"name": "b-only", "roles": ["reader"], "site": "b"}
    secret = vault.rest.post("/api/tokens", json=asked).json()["token"]
    headers = {"Authorization": f"Bearer {secret}"}
    flaws = vault.rest.get("/api/validation", headers=headers).json()["flaws"]
    assert {each["about"] for each in flaws if each["kind"] == "appliance-away"} == {"appliance two of b"}
