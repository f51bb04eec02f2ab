"""The keys of steps are durable: jobs in the databases of users are found again by them. Titles may be
reworded."""

import re
from types import SimpleNamespace
from typing import cast

import pytest

from secondsite.vault import operations
from secondsite.vault.plan_runs import run, unsynchronized_failback
from secondsite.vault.steps.deps import Deps

KEYS = {
    "enable_protection": [
        "check",
        "create_replica",
        "import_seed",
        "enable_replication",
        "initial_replication",
    ],
    "disable_protection": ["stop_replication", "remove_replica"],
    "test_failover": ["check", "create_network", "choose", "start", "prove", "complete"],
    "cleanup_test_failover": ["remove_machine", "remove_network", "complete"],
    "failover": ["check", "shut_down", "stop_replication", "failover", "start", "prove", "names"],
    "planned_failover": [
        "check",
        "pre_copy",
        "shut_down",
        "final_cycle",
        "failover",
        "start",
        "prove",
        "names",
    ],
    "change_recovery_point": ["check", "shut_down", "start", "prove", "names"],
    "commit": ["check", "commit", "remove_left", "consolidate", "reverse_replication"],
    "cancel_failover": ["check", "remove_failed_over", "resume_replication", "start", "names"],
    "reprotect": ["check", "withdraw", "create_replica", "reverse_replication", "synchronize", "leave"],
    "resynchronize": ["start", "resynchronize"],
    "include_disk": ["check", "extend_replica", "enable_replication", "initial_replication"],
    "exclude_disk": ["check", "leave_out", "release"],
    "update_names": ["names"],
    "settle": ["check", "settle"],
    "move_replica": ["check", "move", "start", "source"],
    "several_machines": ["machines"],
    "end_replication_later": ["stop_replication"],
    "finish_later": ["finish"],
    "drain_host": ["check", "outcome"],
    "follow_migration": ["hand_over", "tell_target", "take_over"],
    "verify_point": ["verify"],
    "boot_point": ["turn", "boot"],
    "restore_copy": ["restore"],
    "fetch_files": ["fetch"],
    "start_anyway": ["start"],
}
"""Append to a list, never change what is in it: a job that is half-way would end as 'definition-changed'."""


@pytest.fixture(scope="module")
def definitions():
    nothing = SimpleNamespace()
    return {each.name: each for each in operations.definitions(cast(Deps, nothing))}


def test_the_keys_of_all_steps_are_those_that_databases_hold(definitions):
    assert {name: keys(each, {}) for name, each in definitions.items()} == KEYS


def test_a_protection_that_ends_now_begins_with_a_check_that_older_jobs_do_not_have(definitions):
    disabling = definitions["disable_protection"]
    assert keys(disabling, {"checked": True}) == ["check", *KEYS["disable_protection"]]


def keys(definition, arguments):
    return [step.key for step in definition.made_for(arguments).steps]


def test_in_a_plan_a_planned_failover_waits_twice_for_its_turn(definitions):
    turn = {"shut_down": "g1/shut_down", "start": "g1/machines", "looks_seconds": 2}
    waits = ["turn_to_shut_down", "turn_to_start"]
    found = keys(definitions["planned_failover"], {"turn": turn})
    assert [found[found.index(each) + 1] for each in waits] == ["shut_down", "start"]
    assert [each for each in found if each not in waits] == KEYS["planned_failover"]


def test_a_failback_that_synchronizes_has_its_steps_by_when_it_does():
    nothing = cast(Deps, SimpleNamespace())
    asked = {"machine_id": "m1", "name": "web01", "epoch": 1, "asked_at": 3}
    found = {
        sync: keys(unsynchronized_failback.definition(nothing, {}), {**asked, "data_sync": sync})
        for sync in ("before", "during")
    }
    assert found == {
        "before": ["check", "synchronize", "complete", "move"],
        "during": ["check", "shut_down", "synchronize", "move"],
    }


def test_a_run_of_a_plan_that_synchronizes_has_its_steps_by_when_it_does():
    nothing = cast(Deps, SimpleNamespace())
    child = {"verb": "planned_failover", "machine_id": "m1", "name": "web01", "arguments": {}}
    asked = {
        "plan": "shop", "verb": "planned_failover", "direction": "home",
        "groups": [{"number": 2, "children": [child]}],
    }  # fmt: skip

    def of(layout, sync):
        known = {"data_sync": sync, "committed": ["m1"], "epochs": {"m1": 2}}
        return keys(run.definition(nothing, {}), {**asked, "layout": layout, "synchronization": known})

    moved = ["copy", "g2/shut_down", "g2/machines", "outcome"]
    assert of(2, "before") == ["check", "synchronize", "complete", "choose", *moved]
    assert of(1, "during") == ["check", "g2/machines", "outcome"]


def test_a_drill_that_cleans_up_by_itself_goes_on_after_its_proof(definitions):
    own = ["check", "create_network", "choose", "start", "prove"]
    found = keys(definitions["test_failover"], {"clean_up": True})
    assert found == own + KEYS["cleanup_test_failover"]


def test_a_key_is_a_plain_word_and_a_title_is_a_sentence_for_people(definitions):
    for name, each in definitions.items():
        for step in each.made_for({}).steps:
            assert re.fullmatch(r"[a-z]+(_[a-z]+)*", step.key), f"{name}: {step.key}"
            assert step.title[0].isupper(), f"{name}: {step.key} is shown as '{step.title}'"
