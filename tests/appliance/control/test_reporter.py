"""What an appliance says of its machines: all at first, then what changed, in messages of a bounded size."""

import types
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from secondsite.appliance.control.reporter import (
    ALL_EVERY_SECONDS,
    PORTION,
    RESTED_SECONDS,
    STATUS_WEIGHS,
    WHOLE_EVERY_SECONDS,
    Reporter,
)
from secondsite.appliance.control.status_parts import MOST_IN_A_MESSAGE
from secondsite.wire.common.hosts import HostCapacity
from secondsite.wire.common.stores import StoreSpace
from tests.support.vault import point, replica_status, source_status


class Site:
    """Machines by id, as `Replication` and as `ReplicaHost`."""

    def spaces(self):
        return [StoreSpace(name="default", free_bytes=1, size_bytes=2)]

    old_copies = arrivals = types.SimpleNamespace(statuses=lambda: ())
    policy = types.SimpleNamespace(rpo_threshold_seconds=60)

    def __init__(self, *statuses):
        self.has = {each.machine_id: each for each in statuses}

    def find(self, machine_id):
        status = self.has.get(machine_id)
        return status and types.SimpleNamespace(
            machine_id=machine_id,
            status=lambda: self._status(machine_id),
            setup=types.SimpleNamespace(policy=self.policy),
        )

    def sources(self):
        return [self.find(machine_id) for machine_id in self.has]

    all = sources

    def misplaced(self):
        return []

    def _status(self, machine_id):
        if isinstance(self.has[machine_id], Exception):
            raise self.has[machine_id]
        return self.has[machine_id]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def reporter(sources: Any, replicas: Any, clock, changes=True):
    generations: Any = types.SimpleNamespace(all=lambda _series: {})
    return Reporter(sources, replicas, generations, changes, clock)


def until_all_is_told(speaks):
    """What is said, portion by portion."""
    portions = [speaks.next()]
    while speaks.is_behind:
        portions.append(speaks.next())
    return portions


def said(statuses):
    """The fields that name machines, and those machines."""
    found: dict[str, list[str]] = {}
    for status in statuses:
        for field in ("sources", "replicas", "source_figures", "replica_figures"):
            found.setdefault(field, []).extend(each.machine_id for each in getattr(status, field))
        for field in ("sources_gone", "replicas_gone"):
            found.setdefault(field, []).extend(getattr(status, field))
        found.setdefault("changes", []).extend(each.status.machine_id for each in status.replica_changes)
    return {field: machines for field, machines in found.items() if machines}


def test_of_an_idle_machine_only_its_figures_are_said(clock):
    sources, replicas = Site(source_status()), Site(replica_status(points=[point(1)]))
    speaks = reporter(sources, replicas, clock)
    assert said(speaks.next()) == {"sources": ["m1"], "replicas": ["m1"]}
    assert not speaks.next()
    sources.has["m1"] = source_status(last_seq=2)
    replicas.has["m1"] = replica_status(points=[point(1)], processed_seq=2)
    assert said(speaks.next()) == {"source_figures": ["m1"], "replica_figures": ["m1"]}


def resting(seconds, **changes):
    at = datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=seconds)
    return source_status(sent_at=at), replica_status(processed_at=at, **changes)


def speaks_of_a_resting_machine(clock, threshold_seconds=60):
    """Its reporter, which has told it, and what makes it rest until so many seconds later."""
    sources, replicas = Site(), Site()
    sources.policy = replicas.policy = types.SimpleNamespace(rpo_threshold_seconds=threshold_seconds)

    def rests(seconds, **changes):
        sources.has["m1"], replicas.has["m1"] = resting(seconds, **changes)

    rests(0)
    speaks = reporter(sources, replicas, clock)
    speaks.next()
    return speaks, rests


def test_that_a_machine_rested_on_is_told_every_two_seconds(clock):
    speaks, rests = speaks_of_a_resting_machine(clock)
    clock.now += RESTED_SECONDS - 0.1
    rests(1)
    assert not speaks.next()
    clock.now += 0.1
    rests(2)
    (status,) = speaks.next()
    assert (status.source_figures[0].sent_at, status.replica_figures[0].processed_at) == (
        resting(2)[0].sent_at,
    ) * 2
    rests(3)
    assert not speaks.next()


def test_whatever_else_changed_of_a_resting_machine_is_told_at_once(clock):
    speaks, rests = speaks_of_a_resting_machine(clock)
    rests(1, processed_seq=7)
    assert said(speaks.next()) == {"replica_figures": ["m1"]}
    rests(2, processed_seq=7, accepting=False)
    assert said(speaks.next()) == {"changes": ["m1"]}


def test_before_a_report_it_is_told_until_when_a_machine_rested(clock):
    speaks, rests = speaks_of_a_resting_machine(clock)
    rests(1)
    assert said(speaks.of_machine("m1")) == {"source_figures": ["m1"], "replica_figures": ["m1"]}


def test_where_a_policy_wants_a_short_rpo_rest_is_told_sooner(clock):
    speaks, rests = speaks_of_a_resting_machine(clock, threshold_seconds=5)
    clock.now += 0.5
    rests(1)
    assert said(speaks.next()) == {"source_figures": ["m1"], "replica_figures": ["m1"]}


def test_of_a_replica_only_the_points_that_came_or_went_are_said(clock):
    replicas = Site(replica_status(points=[point(1), point(2)]))
    speaks = reporter(Site(), replicas, clock)
    speaks.next()
    replicas.has["m1"] = replica_status(points=[point(2), point(3)])
    (status,) = speaks.next()
    (change,) = status.replica_changes
    assert ([each.id for each in change.came], change.gone, change.status.points) == (["p3"], ("p1",), ())


def test_a_vault_that_takes_no_changes_is_told_all_every_few_seconds(clock):
    replicas = Site(replica_status(points=[point(1)]), replica_status("m2"))
    speaks = reporter(Site(), replicas, clock, changes=False)
    speaks.next()
    replicas.has["m1"] = replica_status(points=[point(2)])
    assert said(speaks.next()) == {"replicas": ["m1"]}
    clock.now += ALL_EVERY_SECONDS
    assert said(speaks.next()) == {"replicas": ["m1", "m2"]}


def test_each_machine_is_told_whole_now_and_then_but_not_all_at_once(clock):
    speaks = reporter(Site(*(source_status(f"m{number}") for number in range(300))), Site(), clock)
    until_all_is_told(speaks)
    clock.now += WHOLE_EVERY_SECONDS
    told = [said(speaks.next()).get("sources", []) for _ in range(100)]
    assert max(map(len, told)) <= 4
    assert sorted(each for some in told for each in some) == sorted(f"m{number}" for number in range(300))


def test_messages_are_bounded_and_say_everything(clock):
    many = [replica_status(f"m{n}", points=[point(seq) for seq in range(1000)]) for n in range(9)]
    statuses = reporter(Site(), Site(*many), clock, changes=False).next()
    assert len(statuses) > 2
    assert all(
        sum(1 + len(each.points) for each in status.replicas) <= MOST_IN_A_MESSAGE for status in statuses
    )
    assert [each for status in statuses for each in status.replicas] == many


def test_many_machines_are_told_in_portions_and_each_once(clock):
    """Or whoever waits for a vault that was just started would wait until it has heard all of them."""
    sources = [source_status(f"m{number}") for number in range(200)]
    replicas = [replica_status(f"m{n}", points=[point(seq) for seq in range(20)]) for n in range(100)]
    portions = until_all_is_told(reporter(Site(*sources), Site(*replicas), clock))
    assert all(
        sum(STATUS_WEIGHS * len(status.sources) for status in portion)
        + sum(STATUS_WEIGHS + len(each.points) for status in portion for each in status.replicas)
        <= PORTION + STATUS_WEIGHS + 21
        for portion in portions
    )
    assert [each for portion in portions for status in portion for each in status.sources] == sources
    assert [each for portion in portions for status in portion for each in status.replicas] == replicas


def test_of_very_many_machines_a_portion_is_a_hundredth(clock):
    speaks = reporter(Site(*(source_status(f"m{number}") for number in range(10_000))), Site(), clock)
    assert len(until_all_is_told(speaks)) == 100


def test_between_the_portions_a_machine_is_told_with_its_report_and_not_once_more(clock):
    speaks = reporter(Site(*(source_status(f"m{number}") for number in range(300))), Site(), clock)
    speaks.next()
    assert speaks.is_behind
    assert said(speaks.of_machine("m299")) == {"sources": ["m299"]}
    rest = until_all_is_told(speaks)
    assert "m299" not in [each for portion in rest for each in said(portion)["sources"]]


def test_between_the_portions_what_was_told_is_looked_at_now_and_then(clock):
    sources = Site(*(source_status(f"m{number}") for number in range(300)))
    speaks = reporter(sources, Site(), clock)
    speaks.next()
    sources.has["m0"] = source_status("m0", last_seq=2)
    assert "source_figures" not in said(speaks.next())
    clock.now += ALL_EVERY_SECONDS
    found = said(speaks.next())
    assert (found["source_figures"], speaks.is_behind) == (["m0"], True)


def test_between_the_portions_it_is_said_at_once_what_is_there_no_more(clock):
    sources = Site(*(source_status(f"m{number}") for number in range(300)))
    speaks = reporter(sources, Site(), clock)
    speaks.next()
    del sources.has["m0"]
    assert said(speaks.next())["sources_gone"] == ["m0"]


def test_a_machine_that_cannot_be_described_holds_up_no_portion(clock):
    sources = Site(*(source_status(f"m{number}") for number in range(300)))
    speaks = reporter(sources, Site(), clock)
    sources.has["m100"] = ValueError("no disk is left")
    told = [each for portion in until_all_is_told(speaks) for each in said(portion)["sources"]]
    assert (len(told), "m100" in told) == (299, False)


def test_what_is_there_no_more_or_cannot_be_described_is_said_to_be_gone(clock):
    sources = Site(source_status("m1"), source_status("m2"))
    speaks = reporter(sources, Site(), clock)
    speaks.next()
    del sources.has["m1"]
    sources.has["m2"] = OSError("its disk")
    assert said(speaks.next()) == {"sources_gone": ["m1", "m2"]}
    sources.has["m2"] = source_status("m2")
    assert said(speaks.next()) == {"sources": ["m2"]}


def test_what_is_asked_for_again_is_told_whole(clock):
    speaks = reporter(Site(source_status("m1"), source_status("m2")), Site(), clock)
    speaks.next()
    speaks.start_over(("m2",))
    assert said(speaks.next()) == {"sources": ["m2"]}
    speaks.start_over()
    assert said(speaks.next()) == {"sources": ["m1", "m2"]}


def test_before_a_report_only_its_machine_is_told_and_only_if_something_changed(clock):
    sources = Site(source_status("m1"), source_status("m2"))
    speaks = reporter(sources, Site(), clock)
    speaks.next()
    sources.has |= {"m1": source_status("m1", running=False), "m2": source_status("m2", running=False)}
    assert said(speaks.of_machine("m1")) == {"sources": ["m1"]}
    assert said(speaks.of_machine("m1")) == {}
    assert said(speaks.next()) == {"sources": ["m2"]}


def test_that_a_machine_is_gone_is_said_again_if_the_message_could_not_be_made(clock):
    sources: Any = Site(source_status(), source_status("m2"))
    generations: Any = types.SimpleNamespace(all=lambda _series: {})
    replicas: Any = Site()
    speaks = Reporter(sources, replicas, generations, True, clock)
    speaks.next()
    del sources.has["m1"]
    generations.all = lambda _series: 1 // 0
    with pytest.raises(ZeroDivisionError):
        speaks.next()
    generations.all = lambda _series: {}
    assert said(speaks.next()) == {"sources_gone": ["m1"], "sources": ["m2"]}
    sources.has["m1"] = source_status()
    assert said(speaks.next()) == {"sources": ["m1"]}
    speaks.start_over()
    assert sorted(said(speaks.next())) == ["sources"]


def test_what_the_host_has_is_sent_when_it_is_not_as_it_was_sent_last(clock):
    generations: Any = types.SimpleNamespace(all=lambda _series: {})
    has: list[Any] = [None]
    sources, replicas = cast(Any, Site()), cast(Any, Site())
    speaks = Reporter(sources, replicas, generations, True, clock, capacity=lambda: has[0])

    def next_said():
        clock.now += ALL_EVERY_SECONDS
        return speaks.next()[0].capacity

    assert next_said() is None
    has[0] = HostCapacity(vcpus=1, memory_bytes=2, free_bytes=1)
    assert [next_said(), next_said()] == [has[0], None]
    has[0] = HostCapacity(vcpus=1, memory_bytes=2, free_bytes=2)
    assert [next_said(), next_said()] == [has[0], None]
    speaks.start_over()
    assert next_said() == has[0]
