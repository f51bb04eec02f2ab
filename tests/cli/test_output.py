"""What others wrote does not steer the terminal: guests, owners and other sites choose many of the words
that are shown."""

import json

import pytest

from secondsite.cli import follow, output
from secondsite.domain import errors
from secondsite.wire import rest

HOSTILE = "web\x1b[2J\x1b]0;x\x07\x9b31m\u202e01\r\n"


def steers(text):
    return [each for each in text if each in "\x1b\x07\x9b\u202e\r"]


@pytest.mark.parametrize(
    "shown",
    [
        lambda: output.say(HOSTILE),
        lambda: output.show_facts([("name", HOSTILE)]),
        lambda: output.show_table([HOSTILE], [("NAME", str)], "none"),
        lambda: output.show_error(errors.NotFound(HOSTILE, do=HOSTILE), as_json=False),
        lambda: output.show_error(errors.NotFound(HOSTILE, do=HOSTILE), as_json=True),
        lambda: output.show_json({"name": HOSTILE}),
        lambda: output.show_json(task()),
        lambda: output.console.print(follow.ended_line("", task())),
    ],
)
def test_no_way_of_showing_it_lets_a_terminals_sequence_through(capsys, shown):
    shown()
    told = capsys.readouterr()
    assert steers(told.out + told.err) == []
    assert "web" in told.out + told.err


def task():
    return rest.Task(name="Check", position=0, attempt=1, state="succeeded", sentence=HOSTILE)


def test_json_says_the_very_words(capsys):
    output.show_json({"name": HOSTILE})
    assert json.loads(capsys.readouterr().out) == {"name": HOSTILE}
