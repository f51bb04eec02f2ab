"""What happens is told as it happens, to those who were away for a moment too."""

import asyncio
import contextlib
import json
import threading
import time
from functools import partial

import httpx2
import pytest

from rig.eventually import eventually
from secondsite.api.following import Hub, streams
from secondsite.api.following import changes as told_of
from secondsite.api.following.boxes import EachOnce, StreamEvent
from secondsite.domain import errors
from secondsite.ground.job_states import JobState
from secondsite.vault.facade.nouns.events import Change
from secondsite.vault.facade.nouns.jobs import FollowedJob
from secondsite.wire import control
from secondsite.wire.control.orders import Kind
from secondsite.wire.rest import Event, EventKind
from tests.api.support_stream import served, stream
from tests.support import statements
from tests.support.vault import Dialler, source_status

pytestmark = pytest.mark.slow

AT_ONCE_SECONDS = told_of.LOOK_AGAIN_SECONDS / 2
"""Sooner than a follower would see a change by itself."""


@pytest.fixture
def follow(vault):
    """A stream of events; gives a context manager."""
    with served(vault.app) as url:
        yield lambda path, **how: stream(url, vault.made.token, path, **how)


@pytest.fixture
def verified(ask, protected):
    """The id of a job that waits for an appliance which is away."""
    return ask("POST", "/machines/web01/points/p1/verify", 202)["job_id"]


@pytest.fixture
def target(vault, two_sites):
    """The target's appliance, which takes orders and answers none by itself."""
    with Dialler(two_sites[1]) as dialler:
        yield dialler


def test_each_change_of_a_job_is_told_at_once_and_the_stream_ends_with_it(follow, target, verified):
    with follow(f"/jobs/{verified}/events", seconds=AT_ONCE_SECONDS) as events:
        first = next(events)
        assert (first.data["id"], first.data["state"] in ("queued", "running", "waiting")) == (verified, True)
        eventually(lambda: [order for order in target.orders if order.kind == Kind.VERIFY_POINT])
        (order,) = target.orders
        target.say(control.Progress(order_id=order.order_id, fraction=0.5, sentence="half of it"))
        half = next(each for each in events if "half of it" in each.data["sentence"])
        assert half.data["tasks"][0]["progress"] == 0.5
        target.report(order.order_id, sentence="whole")
        *_, last = events
    assert (last.data["state"], last.data["sentence"]) == ("succeeded", "whole")


@pytest.mark.slow
def test_a_follower_who_comes_back_is_not_told_again_what_it_saw(follow, target, verified):
    with follow(f"/jobs/{verified}/events") as events:
        for last in events:
            if last.data["state"] == "waiting":
                break
    with (
        follow(f"/jobs/{verified}/events", last=last.id, seconds=1) as events,
        pytest.raises(httpx2.ReadTimeout),
    ):
        next(events)
    with follow(f"/jobs/{verified}/events", last="another") as events:
        assert but_for_states(next(events).data) == but_for_states(last.data)


def but_for_states(job):
    """A job that waits looks again for its appliance every few seconds, and runs for a moment."""
    assert job["state"] in ("waiting", "running")
    return {**job, "state": "", "tasks": [{**task, "state": ""} for task in job["tasks"]]}


def test_an_ended_job_is_told_to_whoever_asks(ask, follow, target, verified):
    eventually(lambda: target.orders)
    target.report(target.orders[0].order_id, sentence="whole")
    with follow(f"/jobs/{verified}/events") as events:
        *_, last = events
    with follow(f"/jobs/{verified}/events", last=last.id) as events:
        assert [each.data["state"] for each in events] == ["succeeded"]


@pytest.mark.slow
def test_a_stream_that_says_nothing_shows_that_it_lives(monkeypatch, follow, verified):
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.2)
    with follow(f"/jobs/{verified}/events") as events:
        quiet = [each for each, _ in zip(events, range(12), strict=False) if each.data is None]
    assert quiet


def test_a_stream_tells_nothing_more_and_ends_once_its_token_is_deleted(vault, ask, protected, monkeypatch):
    robot = ask("POST", "/tokens", 201, json={"name": "robot", "roles": ["contributor"]})["token"]
    with served(vault.app) as url, stream(url, robot, "/events", seconds=AT_ONCE_SECONDS) as events:
        ask("POST", "/machines/web01/points/p1/verify", 202)
        assert next(events).name in ("job", "machine")
        ask("DELETE", "/tokens/robot", 204)
        job = ask("POST", "/machines/web01/points/p2/verify", 202)["job_id"]
        assert job not in {event.id for event in events}


@pytest.mark.parametrize("path", ["/events", "/jobs/{job}/events"])
def test_a_quiet_stream_ends_soon_after_its_token(vault, ask, verified, monkeypatch, path):
    monkeypatch.setattr(told_of, "LOOK_AGAIN_SECONDS", 0.2)
    robot = ask("POST", "/tokens", 201, json={"name": "robot", "roles": ["contributor"]})["token"]
    with served(vault.app) as url, stream(url, robot, path.format(job=verified), seconds=5) as events:
        ask("DELETE", "/tokens/robot", 204)
        list(events)


def test_what_is_not_there_is_refused_before_the_stream_begins(ask, protected):
    assert ask("GET", "/jobs/nothing/events", 404)["error"]["code"] == "not-found"
    assert ask("GET", "/events", 404, params={"machine": "nothing"})["error"]["code"] == "not-found"
    ask("GET", "/events", 422, params={"kind": "weather"})


def test_the_vaults_events_tell_of_jobs_and_of_machines(ask, vault, follow, two_sites, protected):
    with Dialler(two_sites[0]) as source, follow("/events", seconds=AT_ONCE_SECONDS) as events:
        status = source_status(sync_mode="copy", sync_fraction=0.25)
        source.say(control.Status(sources=(status,)))
        told = next(each for each in events if each.name == "machine")
        assert told.data["machine"]["replication"]["synchronization"]["fraction"] == 0.25
        job_id = ask("POST", "/machines/web01/failover", 202)["job_id"]
        job = next(each for each in events if each.name == "job").data
        assert (job["id"], job["job"]["verb"], job["job"]["tasks"]) == (job_id, "failover", [])
        machine = next(each for each in events if each.name == "machine").data["machine"]
        assert (machine["name"], machine["state"], machine["job_id"]) == ("web01", "failing_over", job_id)


def test_events_are_filtered_by_kind_and_machine(ask, follow, two_sites, protected):
    with (
        Dialler(two_sites[0]) as source,
        follow("/events", kind="job") as jobs,
        follow("/events", kind="machine", machine="web01") as machines,
    ):
        source.say(control.Status(sources=(source_status(sync_mode="copy", sync_fraction=0.25),)))
        assert next(machines).data["id"] == "m1"
        ask("POST", "/machines/web01/failover", 202)
        assert next(jobs).data["kind"] == "job"
        assert next(machines).data["kind"] == "machine"


@pytest.mark.slow
def test_who_was_away_for_a_moment_hears_what_was_missed(ask, follow, protected):
    with follow("/events") as events:
        ask("POST", "/machines/web01/points/p1/verify", 202)
        seen = next(each for each in events if each.name == "job")
    missed = ask("POST", "/machines/web01/points/p2/verify", 202)["job_id"]
    with follow("/events", last=seen.id, seconds=AT_ONCE_SECONDS) as events:
        assert missed in {next(events).data["id"] for _ in range(4)}


@pytest.mark.slow
@pytest.mark.parametrize("mark", ["nonsense", "0123456789ab-1", "-", "0123456789ab-99999999999999999999999"])
def test_who_was_away_too_long_is_told_to_read_everything_anew(vault, follow, protected, mark):
    with follow("/events", last=mark) as events:
        assert next(events).name == "reset"


def test_a_mark_of_this_vault_that_was_never_given_means_a_reset(vault):
    missed = vault.facade.events.missed(vault.facade.events.mark(10**6))
    assert [change.kind for _, change in missed] == [EventKind.RESET]


def test_what_changes_often_costs_a_slow_follower_no_more_than_once():
    async def told():
        follower = told_of.Follower()
        changes = [Change(EventKind.JOB, f"j{number % 3}") for number in range(30_000)]

        def tell():
            for number, change in enumerate(changes):
                follower.tell(number, change)

        teller = threading.Thread(target=tell)
        teller.start()
        await asyncio.to_thread(teller.join)
        found = await follower.changes()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(follower.changes(), 0.1)
        return found

    found = asyncio.run(told())
    assert [change.id for _, change in found] == ["j0", "j1", "j2"]
    assert [number for number, _ in found] == [29_997, 29_998, 29_999]


@pytest.mark.slow
def test_a_follower_who_left_is_told_no_more(ask, vault, follow, verified):
    followers = vault.facade.events._followers  # noqa: SLF001 that none is left shows nowhere else
    with follow("/events"), follow(f"/jobs/{verified}/events"):
        eventually(lambda: len(followers) == 2)
    eventually(lambda: not followers)


@pytest.mark.slow
def test_many_followers_hold_no_thread(vault, follow, verified):
    with contextlib.ExitStack() as open_streams:
        for _ in range(40):
            next(open_streams.enter_context(follow(f"/jobs/{verified}/events")))
        began = time.monotonic()
        with follow(f"/jobs/{verified}/events") as events:
            next(events)
        assert time.monotonic() - began < 5


def test_what_several_follow_is_read_once_and_told_to_each(vault, ask, follow, protected, monkeypatch):
    read, reads = streams.read, []

    def noted(vault, changes):
        reads.append(changes)
        return read(vault, changes)

    monkeypatch.setattr(streams, "read", noted)
    with contextlib.ExitStack() as opened:
        all_streams = [opened.enter_context(follow("/events", seconds=AT_ONCE_SECONDS)) for _ in range(4)]
        eventually(lambda: len(vault.facade.events._followers) == 1)  # noqa: SLF001 that they share one shows nowhere else
        job = ask("POST", "/machines/web01/points/p1/verify", 202)["job_id"]
        for events in all_streams:
            assert next(each for each in events if each.data and each.data["id"] == job).name == "job"
    told = [number for changes in reads for number, change in changes if change.id == job]
    assert len(told) == len(set(told))


def test_who_follows_a_job_that_is_followed_is_shown_it_at_once(follow, verified):
    with follow(f"/jobs/{verified}/events") as events:
        for first in events:
            if first.data["state"] == "waiting":
                break
        with follow(f"/jobs/{verified}/events", seconds=AT_ONCE_SECONDS) as others:
            assert next(others).data == first.data


def test_who_reads_nothing_holds_each_thing_once_as_it_was_last():
    async def held():
        box = EachOnce()
        for number in range(30_000):
            box.put([StreamEvent(number, Event(kind=EventKind.JOB, id=f"j{number % 3}"), f"text {number}")])
        box.put([StreamEvent(5, Event(kind=EventKind.JOB, id="j1"), "what was missed comes late")])
        return box.take()

    found = asyncio.run(held())
    assert [(told.number, told.text) for told in found] == [
        (29_997, "text 29997"), (29_998, "text 29998"), (29_999, "text 29999")
    ]  # fmt: skip


def test_the_last_word_about_a_job_is_not_lost_to_whoever_begins_to_follow_meanwhile(
    vault, verified, monkeypatch
):
    """Who joins reads for himself; the source may be faster, and tell nothing more."""
    now = vault.facade.jobs.followed(verified).job
    ended = now.model_copy(update={"state": JobState.SUCCEEDED})
    of = {state: streams.Edition(state, state, FollowedJob(job, (job,), frozenset({job.id}))) for state, job in (("old", now), ("last", ended))}  # fmt: skip  # noqa: E501
    told = threading.Event()

    def slowly(*_):
        assert told.wait(10)
        return of["old"]

    async def at_once(_vault, _job, _follower, tell):
        tell(of["last"])
        told.set()

    monkeypatch.setattr(streams, "_job_now", slowly)
    monkeypatch.setattr(streams, "_read_job", at_once)

    async def seen():
        return [
            each.raw_data async for each in streams.job(vault.facade, Hub(), lambda: True, verified, None)
        ]

    assert asyncio.run(asyncio.wait_for(seen(), 10)) == ["last"]


def test_who_comes_back_is_told_nothing_older_than_what_he_was_told_of_what_he_missed(vault, monkeypatch):
    """The source may read for long, and tell then what was so before he came."""
    facts = {"now": "old"}
    reads, came_back = threading.Event(), threading.Event()

    def slowly(_vault, changes):
        found = [(number, Event(kind=each.kind, id=f"{each.id} {facts['now']}")) for number, each in changes]
        if not reads.is_set():
            reads.set()
            assert came_back.wait(10)
        return found

    async def seen(follow):
        return (await anext(follow)).raw_data

    async def told():
        hub, mark = Hub(), vault.facade.events.mark(vault.facade.events._number)  # noqa: SLF001 what whoever left had seen last
        follow = partial(streams.events, vault.facade, hub, lambda: True, None, frozenset())
        first = asyncio.create_task(seen(follow(None)))
        await asyncio.to_thread(eventually, lambda: vault.facade.events._followers)  # noqa: SLF001 that it listens shows nowhere else
        vault.facade.events._job("j1")  # noqa: SLF001 as the engine tells it
        assert await asyncio.to_thread(reads.wait, 10)
        facts["now"] = "new"
        vault.facade.events._job("j1")  # noqa: SLF001
        again = follow(mark)
        found = [await seen(again)]
        came_back.set()
        found.append(await first)
        facts["now"] = "newest"
        vault.facade.events._job("j1")  # noqa: SLF001
        found.append(await seen(again))
        return [json.loads(each)["id"] for each in found]

    monkeypatch.setattr(streams, "read", slowly)
    assert asyncio.run(asyncio.wait_for(told(), 20)) == ["j1 new", "j1 old", "j1 newest"]


def test_a_stream_whose_source_fails_ends_and_the_next_one_begins_anew(vault, follow, verified, monkeypatch):
    followed = vault.facade.jobs.followed
    failures = [errors.StoreUnavailable("The database is away")]

    def unavailable(_self, job):
        if failures:
            raise failures.pop()
        return followed(job)

    monkeypatch.setattr(type(vault.facade.jobs), "followed", unavailable)
    with (
        pytest.raises((httpx2.RemoteProtocolError, StopIteration)),
        follow(f"/jobs/{verified}/events") as events,
    ):
        next(events)
    with follow(f"/jobs/{verified}/events") as events:
        assert next(events).data["id"] == verified


def test_a_stream_tells_only_what_is_in_its_tokens_scope(vault, ask, protected, monkeypatch):
    monkeypatch.setattr(told_of, "LOOK_AGAIN_SECONDS", 0.2)
    ask("POST", "/sites", 201, json={"name": "c"})
    body = {"roles": ["reader"]}
    inside, outside = (
        ask("POST", "/tokens", 201, json={"name": site, "site": site, **body})["token"] for site in ("a", "c")
    )
    with (
        served(vault.app) as url,
        stream(url, inside, "/events") as seen,
        stream(url, outside, "/events") as others,
    ):
        ask("POST", "/machines/web01/points/p1/verify", 202)
        assert next(each for each in seen if each.data).name in ("job", "machine")
        ask("DELETE", "/tokens/c", 204)
        assert [each for each in others if each.data] == []


@pytest.mark.parametrize("how", ["expires", "is replaced"])
def test_a_stream_ends_when_its_token_expires_or_is_replaced(vault, ask, monkeypatch, how):
    monkeypatch.setattr(told_of, "LOOK_AGAIN_SECONDS", 0.2)
    life = 2.0 if how == "expires" else None
    robot = ask("POST", "/tokens", 201, json={"name": "robot", "roles": ["reader"], "valid_seconds": life})[
        "token"
    ]
    with served(vault.app) as url, stream(url, robot, "/events", seconds=10) as events:
        if how == "is replaced":
            ask("POST", "/tokens/robot/rotate")
        list(events)


def test_many_changes_are_read_at_once_and_a_machine_is_told_of_once(vault, ask, protected):
    started = [
        ask("POST", f"/machines/web01/points/{each}/verify", 202)["job_id"] for each in ("p1", "p2", "p1")
    ]
    asked = []
    engine = vault.running._database  # noqa: SLF001 what is asked of it shows nowhere else
    statements.listen(engine, lambda said: asked.append((threading.get_ident(), said)))
    changes = [(number, Change(EventKind.JOB, each)) for number, each in enumerate([*started, "gone"])]
    told = streams.read(vault.facade, changes)
    assert [(number, each.kind, each.id) for number, each in told] == [
        (0, "job", started[0]), (1, "job", started[1]), (2, "job", started[2]), (2, "machine", "m1"),
        (3, "job", "gone")
    ]  # fmt: skip
    assert [each.job and each.job.id for _, each in told] == [*started, None, None]
    mine = [said for thread, said in asked if thread == threading.get_ident()]
    assert len([each for each in mine if "FROM jobs" in each]) == 1
    assert len([each for each in mine if "FROM machines" in each]) <= 2
    machine = told[3][1].machine
    assert machine is not None
    assert machine.name == "web01"


def test_who_is_cut_off_between_two_events_of_one_change_hears_the_second_one():
    """A job and its machine have one number: who had seen the job went on behind both."""
    job, machine = Event(kind=EventKind.JOB, id="j1"), Event(kind=EventKind.MACHINE, id="m1")
    told = [StreamEvent(5, job, ""), StreamEvent(5, machine, ""), StreamEvent(7, job, "")]
    gone_on = [(number, each.event) for number, each in streams.going_on_from(told)]
    assert gone_on == [(4, job), (5, machine), (7, job)]
    assert list(streams.going_on_from([])) == []
