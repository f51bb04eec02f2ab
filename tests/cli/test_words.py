"""One word per thing: what makes and removes records, and what became of former words."""

import pytest

from secondsite.cli import app
from secondsite.cli.former_words import FORMER
from tests.cli import support_cli
from tests.cli.support_cli import command


@pytest.mark.parametrize(("noun", "word"), FORMER)
def test_a_former_word_is_refused_with_the_one_of_now(noun, word, capsys):
    assert app.run([noun, word, "something"]) == 2
    now = FORMER[noun, word]
    assert f"secondsite {now}" in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert command(*now.split()) is not None
    assert command(noun, word) is None


def test_records_are_created_and_deleted_and_members_are_added_and_removed():
    nouns = support_cli.nouns()
    words = {noun: set(group.commands) for noun, group in nouns.items()}
    assert {noun for noun, have in words.items() if "create" in have} == {
        "site", "group", "plan", "policy", "token", "mapping", "pool",
    }  # fmt: skip
    assert all("delete" in have for have in words.values() if "create" in have)
    assert {noun for noun, have in words.items() if have & {"add", "remove"}} == {"group"}
