"""The clock of a running vault's host jumps by days, and comes back: nothing is gone, and nobody is locked
out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from secondsite.domain.lifecycle import DrillState
from secondsite.domain.rpo_samples import Rpo, block_of
from secondsite.entry import vault_wiring
from secondsite.vault.store import AnswerRecord, DrillRecord, PictureRecord
from tests.support.vault import Dialler, VaultInProcess, protected, request_for, two_sites

NAMES = {"machines": ["web01"], "choice": "latest_processed"}
DAY = timedelta(days=1)


__all__ = ["protected", "two_sites"]


class Clock:
    set = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.set


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(vault_wiring, "utc_now", clock)
    return clock


@pytest.fixture
def vault(clock, tmp_path):
    vault = VaultInProcess(tmp_path / "vault")
    yield vault
    vault.close()


@pytest.fixture
def ask(vault):
    """A call with a token: method, path, wanted status; gives the answer's JSON."""

    def ask(method, path, wanted=200, **how):
        answer = vault.rest.request(method, f"/api{path}", **how)
        assert answer.status_code == wanted, answer.text
        return answer.json() if answer.content else None

    return ask


def looks(vault):
    """Whatever the vault does by itself because time has passed, at once."""
    running = vault.running
    running._housekeeping.look()  # noqa: SLF001 the tasks of its watch, out of their turn
    running._keep_record()  # noqa: SLF001
    running._tell_where()  # noqa: SLF001
    running.rpo_series._forgot_at = None  # noqa: SLF001
    running.rpo_series.look()
    running.notices._forgot_at = float("-inf")  # noqa: SLF001
    running.notices._find([])  # noqa: SLF001
    running._evidence.look()  # noqa: SLF001


def held(vault):
    """What there is, by kind."""
    with vault.store.reading() as tx:
        return {
            "audit": tx.audit.ends().anchor.number,
            "jobs": len(vault.rest.get("/api/jobs").json()["items"]),
            "approvals": [each.stage for each in tx.approvals.list((), 100)],
            "drill": tx.machines.get("m1").drill_state,
            "pictures": tx.pictures.find("p1") is not None,
            "rpo": len(tx.rpo.list("m1", datetime(2020, 1, 1, tzinfo=UTC))),
            "answers": tx.answers.find("", "k") is not None,
            "tokens": len(tx.tokens.list()),
        }


@pytest.fixture
def furnished(vault, ask, protected, clock):
    """One of each that is once deleted for its age."""
    ask("PUT", "/audit/settings", json={"kept_days": 30})
    for number, person in enumerate(("chief", "deputy")):
        token = {"name": person, "roles": ["access_administrator"], "valid_seconds": None}
        ask("POST", "/tokens", 201, json=token, headers={"x-number": str(number)})
    ask("POST", "/machines/failover", 202, json=NAMES)
    ask("PUT", "/approvals/settings", json={"verbs": ["create_site"]})
    ask("POST", "/sites", 409, json={"name": "third"})
    vault.facade.sites.create("fourth")
    vault.facade.groups.list()
    now = clock()
    with vault.store.transaction() as tx:
        tx.answers.add(AnswerRecord("", "k", "sha", None, now))
        tx.pictures.put(PictureRecord("p1", now, b"x"))
        tx.rpo.fill(block_of(now)[0], {"m1": {0: Rpo(1.0, 1.0, 1.0)}})
        drill = DrillRecord("p", "f", "web01-test", None, False, now, "j0")
        machine = replace(tx.machines.get("m1"), drill=drill, drill_state=DrillState.RUNNING)
        tx.machines.put(machine)
    return vault


@pytest.mark.parametrize("days", [10, 400, -10])
def test_a_clock_that_jumped_deletes_nothing_for_its_age(furnished, clock, days):
    looks(furnished)
    before = held(furnished)
    for jump in (days * DAY, timedelta()):
        clock.set = jump
        looks(furnished)
        assert held(furnished) == before
    assert furnished.rest.get("/api/audit/verify").json()["intact"]


@pytest.mark.parametrize("days", [10, 400, -10])
def test_what_is_written_while_it_is_wrong_stays_when_it_is_right(furnished, clock, days):
    clock.set = days * DAY
    looks(furnished)
    furnished.rest.put("/api/audit/settings", json={"kept_days": 31})
    before = held(furnished)
    clock.set = timedelta()
    looks(furnished)
    assert held(furnished) == before


@pytest.mark.parametrize("days", [10, -10])
def test_a_request_with_an_idempotency_key_is_carried_out_once_whatever_the_clock_shows(vault, clock, days):
    key = {"Idempotency-Key": "k1"}
    made = vault.rest.post("/api/sites", json={"name": "s"}, headers=key)
    for jump in (days * DAY, timedelta()):
        clock.set = jump
        looks(vault)
        assert vault.rest.post("/api/sites", json={"name": "s"}, headers=key).json() == made.json()


def test_a_token_counts_by_the_calendar_and_is_there_again_when_the_clock_is_right(vault, ask, clock):
    token = ask("POST", "/tokens", 201, json={"name": "x", "roles": ["reader"], "valid_seconds": 5 * 86400})[
        "token"
    ]
    shown = {"Authorization": f"Bearer {token}"}
    for jump, status in ((timedelta(), 200), (10 * DAY, 401), (-10 * DAY, 200), (timedelta(), 200)):
        clock.set = jump
        looks(vault)
        assert vault.rest.get("/api/sites", headers=shown).status_code == status


def test_a_request_that_waits_for_a_second_person_waits_on_when_the_clock_is_right(furnished, ask, clock):
    clock.set = 10 * DAY
    looks(furnished)
    assert ask("GET", "/approvals/1")["stage"] == "expired"
    clock.set = timedelta()
    looks(furnished)
    assert ask("GET", "/approvals/1")["stage"] == "asked"


@pytest.mark.parametrize("days", [10, 400, -10])
def test_a_vault_that_starts_with_a_wrong_clock_is_reached_when_it_is_right(vault, clock, days):
    """Its certificate is replaced within a minute."""
    tls = vault.running.server_tls
    clock.set = days * DAY
    tls.look()
    clock.set = timedelta()
    tls.look()
    identity = vault.enroll("a")
    assert identity.context().get_ca_certs()
    with Dialler(identity) as dialler:
        assert dialler.identity is identity


def test_a_registration_key_counts_by_the_calendar(vault, ask, clock):
    ask("POST", "/sites", 201, json={"name": "a"})
    key = ask("POST", "/sites/a/registration-key", 201)["key"]
    asked = {"key": key, "name": "x", "csr_pem": request_for("x")[1]}
    clock.set = 10 * DAY
    assert "expired" in ask("POST", "/enroll", 403, json=asked)["error"]["message"]
    clock.set = timedelta()
    ask("POST", "/enroll", json=asked)
