"""An appliance that is connected and answers nothing hides only what is its own."""

import time

import pytest

from secondsite.wire.control.orders import Kind
from tests.support.vault import Dialler


def test_a_sites_networks_are_shown_without_those_of_the_one_that_is_silent_and_it_is_named(vault):
    honest, silent = vault.enroll("a", "one"), vault.enroll("a", "two")
    facts = {"machines": [], "networks": [{"name": "lan", "kind": "bridge"}]}
    with (
        Dialler(honest, {Kind.DISCOVER: lambda order: {"sentence": "ok", "facts": facts}}),
        Dialler(silent, {}),
    ):
        began = time.monotonic()
        (shown,) = vault.rest.get("/api/networks", params={"site": "a"}).json()
        assert time.monotonic() - began < 15
    assert [each["name"] for each in shown["networks"]] == ["lan"]
    assert "'two' of site a did not answer" in shown["problem"]["message"]


def test_one_that_answers_with_a_problem_hides_nothing_of_the_others(vault):
    honest, odd = vault.enroll("a", "one"), vault.enroll("a", "two")
    facts = {"machines": [], "networks": [{"name": "lan", "kind": "bridge"}]}
    problem = {"code": "not-found", "message": "No.", "do": "Nothing."}
    answers = {Kind.DISCOVER: lambda order: {"sentence": "", "problem": problem}}
    with (
        Dialler(honest, {Kind.DISCOVER: lambda order: {"sentence": "ok", "facts": facts}}),
        Dialler(odd, answers),
    ):
        (shown,) = vault.rest.get("/api/networks", params={"site": "a"}).json()
    assert [each["name"] for each in shown["networks"]] == ["lan"]


@pytest.mark.parametrize("code", ["internal", "store-unavailable", "unauthenticated", "not-found"])
@pytest.mark.parametrize("path", ["/api/networks", "/api/discovery"])
def test_a_site_whose_only_appliance_answers_with_a_problem_hides_no_other_site(vault, path, code):
    """Whoever asked for all sites got that problem, and was told that the database is away, or that the
    token does not count."""
    honest, odd = vault.enroll("a"), vault.enroll("b")
    facts = {"machines": [], "networks": [{"name": "lan", "kind": "bridge"}]}
    problem = {"code": code, "message": "No.", "do": "Nothing."}
    with (
        Dialler(honest, {Kind.DISCOVER: lambda order: {"sentence": "ok", "facts": facts}}),
        Dialler(odd, {Kind.DISCOVER: lambda order: {"sentence": "", "problem": problem}}),
    ):
        answer = vault.rest.get(path)
        assert answer.status_code == 200, answer.text
        a, b = answer.json()
        assert (a["problem"], b["problem"]["message"][-3:]) == (None, "No.")
        assert vault.rest.get(path, params={"site": "b"}).status_code != 401


def test_a_machine_that_the_silent_one_may_have_is_not_said_to_be_nowhere(vault):
    """On a busy host one answered late, and its machine could not be protected: the site had none, it was
    said."""
    honest, silent = vault.enroll("a", "one"), vault.enroll("a", "two")
    vault.enroll("b")
    facts: dict[str, list[str]] = {"machines": [], "networks": []}
    wanted = {"machines": ["db01"], "source_site": "a", "target_site": "b"}
    answers = {Kind.DISCOVER: lambda order: {"sentence": "ok", "facts": facts}}
    with Dialler(honest, answers):
        with Dialler(silent, {}):
            answer = vault.rest.post("/api/machines/enable-protection", json=wanted)
            assert answer.status_code == 202, answer.text
        answer = vault.rest.post("/api/machines/enable-protection", json={**wanted, "machines": ["db02"]})
    assert answer.status_code == 404, answer.text
    assert "as far as its appliances are connected; two is not" in answer.json()["error"]["message"]
