"""The RPO series: sampled, kept a week, shown."""

import contextlib
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from secondsite.domain import errors, rpo_samples
from secondsite.domain.lifecycle import State
from secondsite.domain.policies import ReplicationPolicy
from secondsite.vault.store import SiteRecord, Store, migrate
from secondsite.vault.watch.rpo_series import RpoSeries, RpoUnwritten
from tests.support.vault import NOW, machine, point, replica_status, source_status


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def store(database, database_url):
    migrate(database_url)
    store = Store(database)
    with store.transaction() as tx:
        for site in ("a", "b"):
            tx.sites.add(SiteRecord(site, NOW))
        tx.policies.put(ReplicationPolicy("default"))
        tx.machines.add(machine())
    return store


def test_a_slot_is_filled_once_and_a_machine_that_goes_takes_its_series_along(store):
    begins_at, slot = rpo_samples.block_of(NOW)
    for seconds in (1.0, 2.0):
        with store.transaction() as tx:
            tx.rpo.fill(begins_at, {"m1": {slot: rpo_samples.Rpo(seconds, None, 0.5)}})
            tx.rpo.fill(begins_at, {"m1": {slot + 1: rpo_samples.Rpo(None, None, None)}})
    with store.reading() as tx:
        (block,) = tx.rpo.list("m1", NOW - timedelta(hours=1))
        assert block.begins_at == begins_at
        assert block.slots == {
            slot: rpo_samples.Rpo(1.0, None, 0.5),
            slot + 1: rpo_samples.Rpo(None, None, None),
        }
    with store.transaction() as tx:
        tx.machines.remove("m1")
        assert tx.rpo.list("m1", NOW - timedelta(hours=1)) == []


def test_blocks_are_listed_since_a_moment_and_forgotten_before_another(store):
    begins_at, _ = rpo_samples.block_of(NOW)
    with store.transaction() as tx:
        for back in range(5):
            tx.rpo.fill(begins_at - back * rpo_samples.BLOCK, {"m1": {0: rpo_samples.Rpo(back, 0, 0)}})
        assert [block.slots[0].rpo_seconds for block in tx.rpo.list("m1", begins_at - rpo_samples.BLOCK)] == [
            1,
            0,
        ]
        tx.rpo.forget(begins_at - 2 * rpo_samples.BLOCK)
        assert len(tx.rpo.list("m1", begins_at - timedelta(days=1))) == 3


@pytest.fixture
def series(vault):
    """A vault with a machine, whose rounds the test makes itself; gives (one round, the clock)."""
    now = datetime.now(UTC)
    vault.running.rpo_series.stop()
    source, target = vault.enroll("a"), vault.enroll("b")
    with vault.store.transaction() as tx:
        tx.machines.add(machine(source_appliance_id=source.id, target_appliance_id=target.id))
        tx.statuses.put_source(source_status(sent_at=now - timedelta(seconds=5)), now)
        replica = replica_status(
            points=[point(1, 60, now), point(2, 30, now)], processed_at=now - timedelta(seconds=8)
        )
        tx.statuses.put_replica(replica, now)
    clock = Clock()
    clock.now = now
    running = vault.running
    return RpoSeries(vault.store, running.control, running.facts, running.rpo_unwritten, clock, clock), clock


def test_a_machine_is_sampled_and_shown_with_sent_and_processed_apart(vault, series):
    rounds, clock = series
    for _ in range(3):
        rounds.look()
        clock.now += timedelta(seconds=10)
    shown = vault.rest.get("/api/machines/web01/rpo").json()
    assert [each["seconds"] for each in shown] == [30, 40, 50]
    assert [each["sent_seconds"] for each in shown] == [5, 15, 25]
    assert [each["processed_seconds"] for each in shown] == [8, 18, 28]
    since = (datetime.fromisoformat(shown[0]["at"]) + timedelta(seconds=5)).isoformat()
    assert len(vault.rest.get("/api/machines/web01/rpo", params={"since": since}).json()) == 2
    assert vault.rest.get("/api/machines/none/rpo").status_code == 404


def test_the_series_and_the_machine_say_the_same(vault, series):
    rounds, _clock = series
    rounds.look()
    (sample,) = vault.rest.get("/api/machines/web01/rpo").json()
    shown = vault.rest.get("/api/machines/web01").json()
    for age in ("seconds", "sent_seconds", "processed_seconds"):
        assert 0 <= shown["rpo"][age] - sample[age] < 5


def test_a_machine_that_does_not_replicate_is_not_sampled(vault, series):
    import dataclasses

    rounds, _clock = series
    with vault.store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.get("m1"), state=State.COMMITTED))
    rounds.look()
    assert vault.rest.get("/api/machines/web01/rpo").json() == []


def test_the_first_slot_after_a_start_goes_by_until_appliances_have_spoken(series):
    sampler, _clock = series
    assert sampler.pause_seconds() > rpo_samples.SLOT_SECONDS
    assert sampler.pause_seconds() <= rpo_samples.SLOT_SECONDS


def test_a_week_is_kept(vault, series):
    rounds, clock = series
    rounds.look()
    vault.running.rpo_unwritten.write()
    clock.now += rpo_samples.KEPT + rpo_samples.BLOCK
    rounds.look()
    vault.running.rpo_unwritten.write()
    with vault.store.reading() as tx:
        assert len(tx.rpo.list("m1", NOW - timedelta(days=30))) == 1


def test_what_is_older_than_a_week_is_dropped_once_an_hour(vault, series):
    rounds, clock = series
    old, _ = rpo_samples.block_of(clock.now - rpo_samples.KEPT - 2 * rpo_samples.BLOCK)
    rounds.look()
    with vault.store.transaction() as tx:
        tx.rpo.fill(old, {"m1": {0: rpo_samples.Rpo(1.0, 1.0, 1.0)}})
    left = []
    for _ in range(2):
        clock.now += timedelta(minutes=30)
        rounds.look()
        with vault.store.reading() as tx:
            left.append([block.begins_at for block in tx.rpo.list("m1", old)])
    assert left == [[old], []]


def test_samples_are_shown_before_they_are_written_and_written_when_the_vault_stops(vault, series):
    rounds, clock = series
    rounds.look()
    vault.running.rpo_unwritten.write()
    clock.now += timedelta(seconds=10)
    rounds.look()
    assert len(vault.rest.get("/api/machines/web01/rpo").json()) == 2
    assert written(vault) == 1
    vault.running.stop()
    assert written(vault) == 2


def written(vault):
    with vault.store.reading() as tx:
        return sum(len(block.slots) for block in tx.rpo.list("m1", NOW - timedelta(days=30)))


def test_what_no_database_took_is_written_later_and_a_machine_that_is_gone_keeps_no_other_from_it(
    store, monkeypatch
):
    unwritten = RpoUnwritten(refusing_once(store, monkeypatch))
    begins_at, slot = rpo_samples.block_of(NOW)
    unwritten.fill(
        begins_at, slot, {"m1": rpo_samples.Rpo(1.0, None, None), "gone": rpo_samples.Rpo(2.0, None, None)}
    )
    with pytest.raises(errors.StoreUnavailable):
        unwritten.write()
    unwritten.write()
    with store.reading() as tx:
        assert [block.slots for block in tx.rpo.list("m1", NOW)] == [{slot: rpo_samples.Rpo(1.0, None, None)}]
        assert tx.rpo.list("gone", NOW) == []


def refusing_once(store, monkeypatch):
    """Its first transaction finds no database."""
    true = store.transaction

    def refuse():
        monkeypatch.setattr(store, "transaction", true)
        raise errors.StoreUnavailable("The database does not answer.")

    monkeypatch.setattr(store, "transaction", refuse)
    return store


def test_since_may_be_any_time_of_these_centuries(vault, series):
    for since in ("1970-01-01T00:00:00", "2199-12-31T23:59:59+00:00", "2026-11-20T12:00:00-14:00"):
        assert vault.rest.get("/api/machines/web01/rpo", params={"since": since}).status_code == 200
    for since in ("0001-01-01T00:00:00", "9999-12-31T23:59:59+00:00", "soon"):
        assert vault.rest.get("/api/machines/web01/rpo", params={"since": since}).status_code == 422


def test_samples_that_are_not_written_yet_take_little(store):
    unwritten = RpoUnwritten(store)
    names = [f"id{number}" for number in range(500)]
    tracemalloc.start()
    for turn in range(18):
        begins_at, slot = rpo_samples.block_of(NOW + timedelta(seconds=10 * turn))
        unwritten.fill(
            begins_at, slot, {each: rpo_samples.Rpo(turn + 0.1, turn + 0.2, None) for each in names}
        )
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held / len(names) < 1000
    with store.reading() as tx:
        blocks = unwritten.list(tx, "id7", NOW)
    assert [each.rpo_seconds for block in blocks for each in block.slots.values()] == [
        turn + 0.1 for turn in range(18)
    ]


def test_a_slot_is_filled_once_and_what_came_while_it_was_written_stays(store, monkeypatch):
    unwritten = RpoUnwritten(store)
    begins_at, slot = rpo_samples.block_of(NOW)
    for seconds in (1.0, 2.0):
        unwritten.fill(begins_at, slot, {"m1": rpo_samples.Rpo(seconds, None, None)})
    true = store.transaction

    @contextlib.contextmanager
    def meanwhile():
        with true() as tx:
            yield tx
        unwritten.fill(begins_at, slot + 1, {"m1": rpo_samples.Rpo(3.0, None, None)})

    monkeypatch.setattr(store, "transaction", meanwhile)
    unwritten.write()
    monkeypatch.setattr(store, "transaction", true)
    unwritten.write()
    with store.reading() as tx:
        (block,) = tx.rpo.list("m1", begins_at)
    assert [each.rpo_seconds for each in block.slots.values()] == [1.0, 3.0]
