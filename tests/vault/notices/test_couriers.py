"""What waits goes to its target: once, in its time, and not for ever. On SQLite and on PostgreSQL."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest

from rig.eventually import eventually
from secondsite.domain import health
from secondsite.domain.health import Severity
from secondsite.domain.notices.happenings import Happening, Kind
from secondsite.domain.notices.targets import NoticeTarget, QuietHours, Webhook
from secondsite.vault.notices.couriers import CLAIMED_SECONDS, GIVEN_UP_AFTER, Couriers
from secondsite.vault.store import Notice, NoticeMessage, NoticeTargetRecord, Store, migrate
from secondsite.vault.store import notice_targets as in_the_store
from tests.support.vault import NOW

KEY = "a key of the two sides"


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(database, database_url):
    migrate(database_url)
    return Store(database)


@pytest.fixture
def target(store, web_server):
    """A function that makes one; its server is `made.server`."""

    def make(**changes):
        server = web_server()
        settings = NoticeTarget(webhook=Webhook(server.url), **{"pace_seconds": 60, **changes})
        with store.transaction() as tx:
            tx.notice_targets.put(NoticeTargetRecord("t1", "hook", settings, KEY, NOW, NOW))
        return server

    return make


@pytest.fixture
def couriers(store, clock):
    """One process's, by its name."""
    return lambda owner="one", lived=clock: Couriers(store, "vault", owner, clock, lived, lambda: None)


def notice(number, severity=Severity.CRITICAL, made_at=NOW):
    happened = Happening(
        Kind.FINDING, "cancel-failed", severity, f"web{number}", "It failed.", NOW, "why", "what"
    )
    return Notice(f"n{number}", happened, made_at)


def add(store, *notices):
    with store.transaction() as tx:
        tx.notices.add("t1", notices)


def delivery(store):
    with store.reading() as tx:
        return tx.notice_targets.deliveries().get("t1"), tx.notices.unsent().get("t1")


def carried(courier):
    courier.deliver("t1")
    eventually(lambda: not courier.under_way, within_seconds=20)


def ids(server):
    return [
        one["id"]
        for post in server.posts
        for group in json.loads(post.body)["groups"]
        for one in group["notices"]
    ]


def test_several_processes_send_each_notice_once(store, target, couriers):
    server = target()
    processes = [couriers(f"process {number}") for number in range(4)]
    for number in range(20):
        add(store, notice(number))
        for each in processes:
            each.deliver("t1")
    eventually(lambda: not any(each.under_way for each in processes), within_seconds=30)
    carried(processes[0])
    assert sorted(ids(server)) == sorted(f"n{number}" for number in range(20))


def test_a_target_that_a_process_died_with_is_somebody_elses_when_its_claim_is_over(
    store, target, couriers, monkeypatch
):

    server = target()
    with store.transaction() as tx:
        assert tx.notice_targets.claim("t1", "dead", CLAIMED_SECONDS)
    add(store, notice(1))
    carried(couriers())
    assert server.posts == []
    later = datetime.now(UTC) + timedelta(seconds=CLAIMED_SECONDS + 1)
    monkeypatch.setattr(in_the_store, "database_now", lambda _session: later)
    carried(couriers())
    assert ids(server) == ["n1"]


def test_what_is_refused_is_tried_again_after_growing_pauses_as_the_same_message(
    store, target, couriers, clock
):
    server = target()
    server.statuses = [503, 404, 500]
    add(store, notice(1))
    courier, pauses = couriers(), []
    for _ in range(3):
        carried(courier)
        going, _ = delivery(store)
        pauses.append((going.next_at - clock.now).total_seconds())
        clock.now = going.next_at
    add(store, notice(2))
    carried(courier)
    assert pauses == [15.0, 30.0, 60.0]
    messages = [json.loads(each.body)["id"] for each in server.posts]
    assert len(set(messages)) == 1
    assert ids(server) == ["n1"] * 4
    going, unsent = delivery(store)
    assert (going.failures, going.said, unsent.notices) == (0, "204 No Content", 1)
    carried(courier)
    assert ids(server)[-1] == "n2"


def test_a_clock_that_was_ahead_gives_nothing_up(store, target, couriers, clock):
    target().statuses = [500]
    add(store, notice(1))
    clock.now += timedelta(days=10)
    carried(couriers(lived=lambda: NOW))
    going, unsent = delivery(store)
    assert (going.given_up, unsent.notices) == (0, 1)


def test_after_a_day_it_is_given_up_and_the_next_message_says_so(store, target, couriers, clock):
    server = target()
    server.statuses = [500, 500]
    add(store, notice(1), notice(2, made_at=NOW + timedelta(hours=2)))
    courier = couriers()
    carried(courier)
    clock.now += GIVEN_UP_AFTER + timedelta(seconds=1)
    carried(courier)
    going, unsent = delivery(store)
    assert (going.given_up, unsent.notices) == (1, 1)
    carried(courier)
    last = json.loads(server.posts[-1].body)
    assert last["given_up"] == 1
    assert [one["id"] for group in last["groups"] for one in group["notices"]] == ["n2"]
    assert delivery(store)[0].given_up == 0


def test_in_quiet_hours_only_what_is_critical_goes_and_the_rest_together_afterwards(
    store, target, couriers, clock
):
    server = target(quiet=QuietHours("22:00", "07:00", "Europe/Berlin"))
    clock.now = datetime(2026, 7, 1, 20, 30, tzinfo=UTC)  # 22:30 there, in summer
    courier = couriers()
    add(store, notice(1, Severity.WARNING), notice(2), notice(3, Severity.WARNING))
    carried(courier)
    carried(courier)
    assert ids(server) == ["n2"]
    clock.now = datetime(2026, 7, 2, 5, 0, tzinfo=UTC)
    carried(courier)
    assert ids(server) == ["n2", "n1", "n3"]
    assert len(server.posts) == 2


def test_that_a_plan_commits_by_itself_is_told_in_quiet_hours_too(store, target, couriers, clock):
    """After them it had committed."""
    server = target(quiet=QuietHours("22:00", "07:00", "Europe/Berlin"))
    clock.now = datetime(2026, 7, 1, 20, 30, tzinfo=UTC)
    come = notice(1, Severity.WARNING)
    told = dataclasses.replace(come.happening, code=health.COMMITS_ITSELF)
    gone = dataclasses.replace(told, kind=Kind.GONE)
    add(store, dataclasses.replace(come, happening=told))
    add(store, dataclasses.replace(notice(2, Severity.WARNING), happening=gone))
    carried(couriers())
    assert ids(server) == ["n1"]


def test_what_a_machine_is_called_makes_no_line_in_a_message(store, target, couriers):
    server = target()
    strange = notice(1)
    happened = dataclasses.replace(strange.happening, about="web\r\nBcc: all@example.org")
    add(store, dataclasses.replace(strange, happening=happened))
    carried(couriers())
    (group,) = json.loads(server.posts[0].body)["groups"]
    assert group["notices"][0]["about"] == "web\r\nBcc: all@example.org"
    from secondsite.vault.notices import messages

    made = messages.message(
        NoticeMessage("m", [dataclasses.replace(strange, happening=happened)]),
        messages.About("vault", NOW),
    )
    assert made.subject == "[secondsite vault] CRITICAL web Bcc: all@example.org: cancel-failed"
    assert "\nBcc" not in made.text.replace("\r", "\n")


def test_what_is_critical_does_not_wait_in_quiet_hours_behind_a_warning_that_was_refused_before(
    store, target, couriers, clock
):
    server, courier = target(quiet=QuietHours("22:00", "07:00"), pace_seconds=0), couriers()
    clock.now = NOW.replace(hour=21, minute=59)
    server.statuses = [503]
    add(store, notice(1, Severity.WARNING, clock.now))
    carried(courier)
    clock.now += timedelta(minutes=6)
    add(store, notice(2, Severity.CRITICAL, clock.now))
    carried(courier)
    assert ids(server) == ["n1", "n2"]
    carried(courier)
    assert ids(server) == ["n1", "n2"]
    clock.now += timedelta(hours=10)
    carried(courier)
    assert ids(server) == ["n1", "n2", "n1"]
