"""Points are booted by schedule, one after another, within what the site gives, and give way to people."""

from datetime import timedelta

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.points import Grade
from secondsite.jobs.storage import search
from secondsite.vault.steps.points import boot_point
from secondsite.vault.store import BootedRecord, MachineChecksRecord
from secondsite.wire.common.machine_checks import MachineCheck
from secondsite.wire.control.orders import Kind

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MiB = 1 << 20


def test_all_machines_have_their_turn_once_and_again_a_turn_later(booting):
    for _ in range(6):
        booting.look()
        booting.clock.pass_by(30)
    assert sorted(booting.booted()) == ["app01", "db01", "web01"]
    booting.clock.pass_by(7 * 86400)
    booting.seal()
    booting.look()
    assert len(booting.booted()) == 4
    assert {booting.verbs.machine(name).state for name in ("web01", "db01")} == {State.PROTECTED}


def test_the_machine_that_was_looked_at_longest_ago_is_first_and_its_newest_point(booting):
    now = booting.clock.now()
    booting.set("web01", booted=BootedRecord("p", "j", "said", looked_at=now - 30 * DAY))
    booting.set("db01", drilled_at=now - 40 * DAY)
    booting.set("app01", drilled_at=now - 2 * DAY)
    booting.seal()
    for _ in range(4):
        booting.look()
    assert booting.booted() == ["db01", "web01"]
    assert booting.verbs.appliances.booted[0].point_id == booting.newest("db01").id


def test_a_newest_point_that_is_proved_already_needs_nothing(booting):
    booting.seal(proof=Grade.BOOTED)
    booting.look()
    assert booting.booted() == []


@pytest.mark.parametrize(
    ("hours", "starts"), [(("12:00", "13:00"), True), (("23:00", "11:00"), False), (("11:00", "02:00"), True)]
)
def test_only_at_its_hours(booting, hours, starts):
    booting.give(every_days=7, begins=hours[0], ends=hours[1])
    assert booting.clock.now().hour == 12
    booting.look()
    assert bool(booting.booted()) is starts


def test_a_site_that_gave_nothing_starts_nothing(booting):
    booting.give()
    booting.look()
    assert booting.jobs() == []


def test_so_many_at_once_as_the_site_gives_and_no_more(booting):
    booting.give(every_days=7, at_once=2)
    booting.verbs.appliances.unheard.add(Kind.BOOT_POINT)
    for _ in range(4):
        booting.look()
    assert len(booting.booted()) == 2
    booting.verbs.appliances.mend()
    booting.clock.pass_by(60)
    booting.look()
    booting.look()
    assert len(booting.booted()) == 3


def test_so_much_memory_as_the_site_gives_and_no_more(booting):
    booting.give(every_days=7, at_once=3, memory_bytes=300 * MiB)
    booting.verbs.appliances.unheard.add(Kind.BOOT_POINT)
    for _ in range(4):
        booting.look()
    assert len(booting.booted()) == 2  # each has 128 MiB
    assert len(booting.jobs()) == 2  # and nobody stands in line for the schedule


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER, Verb.TEST_FAILOVER])
def test_nothing_is_started_while_a_machine_is_started_there_that_people_need(booting, verb):
    booting.verbs.appliances.unheard.add(Kind.START_REPLICA)
    booting.verbs.submit(verb, "app01")
    booting.verbs.engine.run_until_idle()
    booting.look()
    assert booting.jobs() == []
    asked = booting.ask("web01")
    booting.verbs.engine.run_until_idle()
    assert booting.booted() == []
    assert "app01" in booting.verbs.tree(asked).tasks[0].sentence
    booting.verbs.appliances.mend()
    booting.verbs.rest()
    assert booting.booted() == ["web01"]


def test_people_who_ask_wait_for_their_turn_in_order(booting):
    booting.verbs.appliances.unheard.add(Kind.BOOT_POINT)
    first, second = booting.ask("web01"), booting.ask("db01")
    booting.verbs.engine.run_until_idle()
    assert booting.booted() == ["web01"]
    booting.verbs.appliances.mend()
    booting.verbs.settle(second, within_seconds=600)
    assert booting.booted() == ["web01", "db01"]
    assert booting.verbs.tree(first).job.state == "succeeded"


def test_a_vault_that_is_restarted_in_between_goes_on_and_asks_once(booting):
    booting.verbs.appliances.unheard.add(Kind.BOOT_POINT)
    job = booting.ask("web01")
    booting.verbs.engine.run_until_idle()
    booting.verbs.close()
    booting.verbs.open()
    booting.begin()
    booting.look()
    booting.verbs.appliances.mend()
    booting.verbs.settle(job, within_seconds=600)
    assert booting.booted().count("web01") == 1


def test_one_that_could_not_be_looked_at_is_tried_again_soon_and_the_others_do_not_wait_for_it(booting):
    booting.verbs.appliances.fail(Kind.BOOT_POINT, machine_id=booting.verbs.machine("app01").id)
    for _ in range(6):
        booting.look()
        booting.clock.pass_by(30)
    assert sorted(booting.jobs())[0] == ("app01", "failed")
    assert sorted(booting.booted()) == ["db01", "web01"]
    assert len([name for name, _ in booting.jobs() if name == "app01"]) == 1
    booting.verbs.appliances.mend()
    booting.clock.pass_by(15 * 60)
    booting.seal()
    booting.look()
    assert "app01" in booting.booted()


def test_a_machine_that_is_of_no_use_is_told_and_not_tried_again_until_its_turn(booting):
    check = MachineCheck(name="page", kind="console", text="open")
    booting.verbs.appliances.failing_checks.add("page")
    with booting.verbs.store.transaction() as tx:
        tx.checks.put(MachineChecksRecord(booting.verbs.machine().id, (check,)))
    for _ in range(6):
        booting.look()
        booting.clock.pass_by(30)
    assert ("web01", "partially_succeeded") in booting.jobs()
    booted = booting.verbs.machine().booted
    assert (booted.verdict, booted.tried_at) == ("failed", None)
    assert booting.booted().count("web01") == 1


def test_a_later_verb_keeps_an_older_order_from_starting_anything(booting):
    job = booting.ask("web01")
    booting.verbs.run(Verb.FAILOVER, "web01")
    assert booting.verbs.tree(job).job.state in ("failed", "succeeded")
    order = booting.verbs.appliances.booted
    assert not order or booting.verbs.machine().state is State.FAILED_OVER


def test_two_vaults_that_look_start_one(booting):
    other = booting.begin()
    booting.verbs.appliances.unheard.add(Kind.BOOT_POINT)
    second = booting.begin()
    booting.verbs.appliances.speak()
    other.look()
    second.look()
    booting.verbs.engine.run_until_idle()
    assert len(booting.jobs()) == 1


def test_checks_that_need_a_network_are_left_out_without_one_and_asked_in_one(booting):
    checks = [MachineCheck(name="page", kind="http"), MachineCheck(name="agent", kind="agent")]
    with booting.verbs.store.transaction() as tx:
        tx.checks.put(MachineChecksRecord(booting.verbs.machine().id, tuple(checks)))
    for network in ("none", "isolated"):
        booting.verbs.settle(booting.ask("web01", network), within_seconds=600)
    without, isolated = booting.verbs.appliances.booted
    assert (without.network, [each.name for each in without.checks], without.left_out) == (
        "none",
        ["agent"],
        ("page",),
    )
    assert isolated.network.startswith("ss-boot-")
    assert (len(isolated.checks), isolated.left_out) == (2, ())


def test_however_many_wait_those_that_came_first_are_counted_and_are_next(booting, monkeypatch):
    monkeypatch.setattr(search, "PORTION", 2)
    booting.give(at_once=2)
    asked = [booting.ask(name) for _ in range(3) for name in ("web01", "db01", "app01")]
    with booting.verbs.store.reading() as tx:
        assert [job_id for job_id, _ in boot_point.at_work(tx, "b")] == asked
        assert list(boot_point.at_work(tx, "a")) == []
    booting.verbs.appliances.silent.add(Kind.BOOT_POINT)
    booting.verbs.engine.run_until_idle()
    assert [job_id for job_id in asked if has_begun(booting.verbs.tree(job_id))] == asked[:2]


def has_begun(tree):
    return any(task.key == "boot" and task.started_at is not None for task in tree.tasks)
