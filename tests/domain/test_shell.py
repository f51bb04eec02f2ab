"""Commands that are suggested can be typed, whatever the machine is called."""

import shlex

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from secondsite.cli import output
from secondsite.cli.app import app
from secondsite.domain import shell

NAMES = ["web01", "Web 01", "R&D", "-x", "--all", "-web 01"]


def understood(verb, words):
    command = get_command(app)
    for name in ("machine", verb):
        assert isinstance(command, TyperGroup)
        command = command.commands[name]
    return command.make_context(verb, shlex.split(words)).params


@pytest.mark.parametrize("name", NAMES)
def test_a_machine_of_any_name_is_named(name):
    assert understood("show", shell.arguments(name))["machine"] == name


@pytest.mark.parametrize("name", NAMES)
def test_options_stay_options_and_other_words_stay_behind_the_name(name):
    asked = understood("failover", shell.arguments(name, "db01", options=" --point p1 --yes"))
    assert (asked["machines"], asked["point"], asked["yes"]) == ([name, "db01"], "p1", True)


def test_a_name_that_looks_like_an_option_is_behind_two_hyphens_and_others_stand_as_before():
    assert shell.arguments("web01", options="--point p1") == "web01 --point p1"
    assert shell.arguments("-x", options="--point p1") == "--point p1 -- -x"


def test_advice_of_the_catalogue_can_be_typed_for_such_a_machine():
    advice = "Type 'secondsite point hold MACHINE POINT --reason WHY', or 'secondsite point list MACHINE'."
    assert output.about("-x", advice) == (
        "Type 'secondsite point hold --reason WHY -- -x POINT', or 'secondsite point list -- -x'."
    )
    assert output.about("web01", advice) == advice.replace("MACHINE", "web01")
