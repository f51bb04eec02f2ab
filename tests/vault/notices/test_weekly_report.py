"""The weekly report is told by mail: once a week, over restarts, jumps of the clock and servers that fail."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from rig.eventually import eventually
from secondsite.domain.notices import weekly
from secondsite.entry import vault_wiring
from tests.support.vault import VaultInProcess, machine, two_sites

__all__ = ["two_sites"]

pytestmark = pytest.mark.slow
ONLY = {"findings": None, "jobs": "none", "approvals": False}
WEEK, HOUR = timedelta(days=7), timedelta(hours=1)


class Clock:
    ahead = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.ahead

    def when(self):
        """A weekly time that was an hour ago."""
        at = self() - HOUR
        return f"{weekly.DAYS[at.weekday()]} {at:%H:%M}"


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(vault_wiring, "utc_now", clock)
    return clock


@pytest.fixture
def vault(often, clock, tmp_path):
    vault = VaultInProcess(tmp_path / "vault", notices_settle_seconds=0)
    yield vault
    vault.close()


def look(vault):
    vault.running._report()  # noqa: SLF001 what the vault does each minute, out of its turn


def waiting(vault):
    with vault.store.reading() as tx:
        return sum(each.notices for each in tx.notices.unsent().values())


def later(clock, vault, by):
    """Time passes, for the vault's lived time as well: it has run all the while."""
    clock.ahead += by
    vault.running.facts.listens_since = clock() - HOUR


@pytest.fixture
def ready(vault, clock, tell, mail_server, two_sites):
    """A target that is told weekly, whose first turn has not come, and its server."""
    server = mail_server()
    source, target = two_sites
    with vault.store.transaction() as tx:
        sides = {"source_appliance_id": source.id, "target_appliance_id": target.id}
        tx.machines.add(machine(name="<b>web</b>\r\nBcc: x", created_at=clock(), **sides))
    tell("ops", wanted={**ONLY, "weekly_report": clock.when()}, **server.target())
    later(clock, vault, timedelta())
    look(vault)
    return server


def test_the_first_report_comes_with_the_first_turn_and_is_numbers_and_words(vault, clock, ready):
    later(clock, vault, WEEK)
    look(vault)
    look(vault)
    eventually(lambda: ready.mails, within_seconds=20)
    look(vault)
    (mail,) = ready.mails
    assert mail["subject"].startswith("[secondsite vault] weekly report: 1 of 1 machine protected")
    assert mail["bcc"] is None
    text = mail.get_content()
    assert "WEEKLY REPORT" in text
    assert "Site a: 1 of 1 machine protected, of which not all may be known" in text
    assert "secondsite report --html FILE" in text
    assert not mail.is_multipart()


def test_each_week_has_one_report_whatever_restarts_and_clocks_do(vault, clock, ready, tmp_path):
    later(clock, vault, WEEK)
    look(vault)
    eventually(lambda: len(ready.mails) == 1, within_seconds=20)
    vault.running.stop()
    vault.running = vault_wiring.RunningVault(vault.home, vault.running.settings)
    vault.running.start()
    later(clock, vault, timedelta())
    look(vault)
    for jump in (-3 * WEEK, 3 * WEEK):
        later(clock, vault, jump)
        look(vault)
    eventually(lambda: waiting(vault) == 0, within_seconds=20)
    assert len(ready.mails) == 1
    later(clock, vault, WEEK)
    look(vault)
    eventually(lambda: len(ready.mails) == 2, within_seconds=20)


def test_a_report_that_could_not_be_sent_is_told_and_sent_again(vault, clock, tell, web_server, going):
    server = web_server()
    server.statuses = [500, 500]
    tell("pager", wanted={**ONLY, "weekly_report": clock.when()}, **server.target())
    later(clock, vault, timedelta())
    look(vault)
    later(clock, vault, WEEK)
    look(vault)
    eventually(lambda: going("pager")["sent_at"], within_seconds=30)
    first, _, last = (json.loads(each.body) for each in server.posts)
    assert (first["id"], first["groups"]) == (last["id"], last["groups"])
    [group] = last["groups"]
    assert (group["kind"], group["code"], len(server.posts)) == ("report", "weekly-report", 3)


def test_two_vault_processes_tell_it_once(vault, clock, ready):
    later(clock, vault, WEEK)
    other = vault.facade.reports
    turns: list[int] = []
    make = type(other).make

    def overtaken(self):
        made = make(self)
        if not turns:
            turns.append(1)
            other.tell()
        return made

    type(other).make = overtaken
    try:
        look(vault)
    finally:
        type(other).make = make
    eventually(lambda: waiting(vault) == 0, within_seconds=20)
    assert len(ready.mails) == 1


@pytest.mark.parametrize("when", ["monday", "someday 07:00", "monday 25:00"])
def test_what_is_no_time_is_refused(vault, mail_server, when):
    settings = {"name": "ops", "wanted": {"weekly_report": when}, **mail_server().target()}
    answer = vault.rest.post("/api/notices/targets", json=settings)
    assert answer.status_code == 422
    assert "--weekly-report 'monday 07:00'" in answer.json()["error"]["do"]
