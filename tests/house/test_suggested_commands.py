"""A command that a sentence suggests can be typed as it stands: names in it are quoted, since machines are
called 'Web 01' and 'R&D'."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import typer.main

import secondsite
from secondsite.cli.app import app
from secondsite.entry import commands

pytestmark = pytest.mark.always

COMMANDS = commands.__name__
"""Importing it registers those of the vault and the appliance."""
SOURCE = Path(secondsite.__file__).parent
BEGINS = re.compile(
    r"(?:^|[\s'(\"])(?:\./)?(?:secondsite|secondsite-rescue|virsh|qemu-img) [a-z-]+(?: [^']*)?$"
)
PLAIN = re.compile(
    r"^(?:shell\.arguments\(.*\)|shlex\.(?:quote|join)\(.*\)|quoted|point|_options\(\w+\)|_typed\(job\)|.*\.isoformat\(\)|verb\.value\..*|'\|'\.join\(asks\.verdicts\)"
    r"|(?:\w+\.)*\w*(?:site|source|target|both\[\d\])|(?:job|self|handle|before|other)\.id(?:\[.*\])?|(?:\w+\.)?(?:job_id|evidence_id|full_id|appliance_id)(?:\[.*\])?"
    r"|(?:\w+\.)?(?:number|seconds|has_bytes|address|pool|short|seen)|[\w.]*[A-Z]{3,})$"
)
"""Numbers, instants, fingerprints, ids and names of sites, which have their patterns; words of our own;
and what is quoted already."""
OF_MACHINES = re.compile(r"secondsite (?:machine|point|rpo|card|check|hook) [a-z -]+ $|virsh [a-z-]+ $")
SUGGESTED = re.compile(r"(?:^|['`(]|: )(?:sudo )?secondsite ([a-z][^'`\n]*)")
WORD = re.compile(r"[a-z][a-z-]*[.,;:]?")
OPTION = re.compile(r"(?<= )--[a-z][a-z-]*")
BEHIND_AN_OPTION = re.compile(r" --?[a-z-]+ $")


def unquoted(text):
    """The names that stand unquoted in suggested commands of the f-strings of a module."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.JoinedStr):
            yield from _in(node)


def _in(joined):
    before = ""
    for part in joined.values:
        if isinstance(part, ast.Constant):
            before += str(part.value)
        elif isinstance(part, ast.FormattedValue):
            said = ast.unparse(part.value)
            if BEGINS.search(before) and not _can_be_typed(before, said):
                yield said
            before += "NAME"


def _can_be_typed(before, said):
    """A machine may be called '-x', too."""
    names_it = OF_MACHINES.search(before) and not BEHIND_AN_OPTION.search(before)
    return PLAIN.search(said) and not (names_it and said.startswith("shlex."))


def test_the_test_sees_a_name_that_is_not_quoted():
    assert list(unquoted("f\"see 'secondsite machine show {machine.name}'\"")) == ["machine.name"]
    assert (
        list(unquoted("f\"see 'secondsite machine show {shell.arguments(machine.name)}' of {machine.name}\""))
        == []
    )
    assert list(unquoted("f\"'virsh start {shlex.quote(name)}'\"")) == ["shlex.quote(name)"]
    assert list(unquoted("f\"'virsh -c {shlex.quote(uri)} list'\"")) == []
    assert list(unquoted("f\"'virsh start {domain.name()}'\"")) == ["domain.name()"]
    assert list(unquoted("f\"'secondsite machine failover web01 --point {point.id}'\"")) == ["point.id"]
    assert list(unquoted("f\"'qemu-img info {disk.path}'\"")) == ["disk.path"]


def test_names_in_suggested_commands_are_quoted():
    found = {
        str(path.relative_to(SOURCE)): names
        for path in sorted(SOURCE.rglob("*.py"))
        if (names := list(unquoted(path.read_text())))
    }
    assert found == {}, "name machines with shell.arguments, quote other words with shlex.quote"


def test_no_sentence_leads_to_a_file_that_an_installed_host_has_not():
    """The folder docs/ is not installed: a message says itself what to do."""
    found = {
        str(path.relative_to(SOURCE))
        for path in sorted(SOURCE.rglob("*.py"))
        for text in _sentences(ast.parse(path.read_text()))
        if "docs/" in text
    }
    assert found == set()


def _sentences(tree):
    """Strings that stand for themselves explain the code, and are shown to nobody."""
    explaining = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explaining:
            yield node.value


def unknown(text):
    """The suggested commands of a module that the command line does not have, or that have no such option."""
    for said in _texts(ast.parse(text)):
        for command in SUGGESTED.findall(said):
            if not _is_known(command):
                yield command


def _texts(tree):
    """Strings that may be shown, with NAME for what is filled in; what a module is about is not."""
    about = {id(tree.body[0].value)} if tree.body and isinstance(tree.body[0], ast.Expr) else set()
    inside = about | {
        id(part) for each in ast.walk(tree) if isinstance(each, ast.JoinedStr) for part in ast.walk(each)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(each.value) if isinstance(each, ast.Constant) else "NAME" for each in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


@cache
def _root():
    return typer.main.get_command(app)


def _is_known(command):
    found, words = _root(), command.split()
    while words and hasattr(found, "commands") and WORD.fullmatch(words[0]):
        found = found.commands.get(words.pop(0).rstrip(".,;:"))
        if found is None:
            return False
    if hasattr(found, "commands"):
        return True
    there = {name for each in found.params for name in (*each.opts, *each.secondary_opts)} | {"--help"}
    return there.issuperset(OPTION.findall(" " + " ".join(words)))


def test_the_test_sees_a_command_that_there_is_not():
    assert list(unknown("say('then \\'secondsite enable-protection --encrypt ...\\'')")) == [
        "enable-protection --encrypt ..."
    ]
    assert list(unknown("f\"'secondsite machine {verb} web01' or 'secondsite machine show {name}'\"")) == []
    assert list(unknown("say('see: secondsite job show-all')")) == ["job show-all"]
    assert list(unknown("f\"'secondsite job show {name} --nosuch'\"")) == ["job show NAME --nosuch"]


def test_every_suggested_command_is_one_that_there_is():
    found = {
        str(path.relative_to(SOURCE)): names
        for path in sorted(SOURCE.rglob("*.py"))
        if (names := list(unknown(path.read_text())))
    }
    assert found == {}
