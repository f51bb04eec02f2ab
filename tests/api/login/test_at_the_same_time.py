"""A log-in and a change of its person at the same moment, on PostgreSQL, where writers are not alone."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, text

from rig.eventually import eventually
from secondsite.vault.facade.nouns.login import logins
from secondsite.vault.store.access.login_requests import LoginRequests
from tests.support.login.browsers import OWN_PAGE, PASSWORD
from tests.support.postgres import postgres, postgres_url
from tests.support.vault import VaultInProcess

__all__ = ["postgres", "postgres_url"]
WITHIN_SECONDS = 60
WAITS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)

pytestmark = pytest.mark.postgresql


@pytest.fixture
def vault(tmp_path, postgres_url):
    vault = VaultInProcess(tmp_path / "vault", postgres_url)
    yield vault
    vault.close()


class Held:
    """Holds each act between what it reads and what it writes."""

    def __init__(self):
        self.reached, self.go = threading.Event(), threading.Event()

    def begin(self, begin_with):
        def begin(*given, **named):
            self.reached.set()
            assert self.go.wait(WITHIN_SECONDS)
            return begin_with(*given, **named)

        return begin


@pytest.fixture
def held(monkeypatch):
    held = Held()

    def hold(noun=logins.LogIns, act="begin_with"):
        monkeypatch.setattr(noun, act, held.begin(getattr(noun, act)))
        return held

    yield hold
    held.go.set()


@pytest.fixture
def between(postgres_url, held):
    """Carries out a log-in, and `change` after the log-in has read its person and before it writes."""
    engine = create_engine(postgres_url)

    def between(log_in, change, *where):
        hold = held(*where)
        with ThreadPoolExecutor(2) as pool, engine.connect() as asking:
            entering = pool.submit(log_in)
            assert hold.reached.wait(WITHIN_SECONDS)
            changing = pool.submit(change)

            def is_done_or_waits():
                asking.rollback()
                return changing.done() or asking.execute(WAITS).scalar()

            try:
                eventually(is_done_or_waits)
            finally:
                hold.go.set()
            return entering.result(WITHIN_SECONDS), changing.result(WITHIN_SECONDS)

    yield between
    engine.dispose()


CHANGES = {
    "disabled": ("PUT", "/people/anna/disabled", None),
    "roles": ("PUT", "/people/anna", {"roles": ["reader"]}),
    "password": ("POST", "/people/anna/reset-password", None),
}


@pytest.mark.parametrize("how", sorted(CHANGES))
def test_no_log_in_undoes_what_was_changed_of_its_person(ask, person, browser, between, how):
    person("anna", "contributor")
    method, path, body = CHANGES[how]
    late = browser()
    between(
        lambda: late.answer("POST", "/session", json={"name": "anna", "password": PASSWORD}),
        lambda: ask(method, path, json=body),
    )
    shown = ask("GET", "/people/anna")
    assert (shown["disabled_at"] is not None) is (how == "disabled")
    assert shown["roles"] == (["reader"] if how == "roles" else ["contributor"])
    assert shown["has_password"] is (how != "password")
    assert late.answer("GET", "/session", OWN_PAGE).status_code == 401


def test_no_command_line_that_is_let_in_undoes_that_its_person_was_disabled(ask, person, browser, between):
    anna, terminal = person("anna", "contributor"), browser()
    asked = terminal("POST", "/logins", 201, {}, json={})
    anna("POST", f"/logins/{asked['code']}/approve")
    between(
        lambda: terminal.answer("POST", "/logins/poll", {}, json={"secret": asked["secret"]}),
        lambda: ask("PUT", "/people/anna/disabled"),
    )
    assert ask("GET", "/people/anna")["disabled_at"] is not None


def test_a_command_line_is_let_in_or_refused_and_not_both(vault, person, browser, between):
    anna, terminal = person("anna", "contributor"), browser()
    asked = terminal("POST", "/logins", 201, {}, json={})
    answered = between(
        lambda: anna.answer("POST", f"/logins/{asked['code']}/approve"),
        lambda: vault.rest.post(f"/api/logins/{asked['code']}/refuse"),
        LoginRequests,
        "put",
    )
    assert [each.status_code for each in answered] == [200, 404]
    terminal("POST", "/logins/poll", 200, {}, json={"secret": asked["secret"]})
