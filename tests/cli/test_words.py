"""One word per thing: what makes and removes records, what became of former words, and codes as people
read them."""

import pytest

from secondsite.cli import app, output
from secondsite.cli.former_words import FORMER
from secondsite.cli.nouns import machine, point
from secondsite.domain import errors
from secondsite.domain.health import Health
from secondsite.domain.lifecycle import State
from secondsite.wire import rest
from tests.support.entry import typed
from tests.support.entry.typed import command


@pytest.mark.parametrize(("noun", "word"), FORMER)
def test_a_former_word_is_refused_with_the_one_of_now(noun, word, capsys):
    assert app.run([noun, word, "something"]) == 2
    now = FORMER[noun, word]
    assert f"secondsite {now}" in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert command(*now.split()) is not None
    assert command(noun, word) is None


def test_records_are_created_and_deleted_and_members_are_added_and_removed():
    nouns = typed.nouns()
    words = {noun: set(group.commands) for noun, group in nouns.items()}
    assert {noun for noun, have in words.items() if "create" in have} == {
        "site", "group", "plan", "policy", "token", "mapping", "pool", "person", "provider",
    }  # fmt: skip
    assert all("delete" in have for have in words.values() if "create" in have)
    assert {noun for noun, have in words.items() if have & {"add", "remove"}} == {"group"}


def test_an_error_says_verbs_as_they_are_typed_and_states_in_words_and_leaves_names_alone(capsys):
    possible = ["change_recovery_point", "commit"]
    where = "planned_failed_over (test failover cleanup_failed)"
    error = errors.NotPossibleNow.verb("planned_failover", "the_failed_over-box", where, possible)
    output.show_error(error, as_json=False)
    assert capsys.readouterr().err.splitlines() == [
        "error (not-possible-now): planned-failover is not possible for machine 'the_failed_over-box' in "
        "state planned failed over (test failover cleanup failed).",
        "  do: Possible now: change-recovery-point, commit.",
    ]


def in_state(state):
    return rest.Machine(
        id="m1", name="web01", state=state, health=Health.HEALTHY, allowed_operations=(), source_site="a",
        active_site="b"
    )  # fmt: skip


@pytest.mark.parametrize("state", State)
def test_a_machine_shows_its_state_in_words(state):
    shown = dict(machine._facts(in_state(state)))  # noqa: SLF001 what is shown of it
    assert shown["state"] == state.replace("_", " ")


def test_of_a_committed_machine_it_is_said_why_no_point_can_be_chosen():
    committed, over = (point._why_none(in_state(each)) for each in (State.COMMITTED, State.FAILED_OVER))  # noqa: SLF001
    later = "nothing is replicated until it is protected again."
    assert committed == f"No recovery point can be chosen: web01 is committed, and {later}"
    assert over == f"No recovery point can be chosen: web01 is failed over, and {later}"
