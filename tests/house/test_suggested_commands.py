"""A command that a sentence suggests can be typed as it stands: names in it are quoted, since machines are called 'Web 01' and 'R&D'."""

import ast
import re
from pathlib import Path

import secondsite

SOURCE = Path(secondsite.__file__).parent
BEGINS = re.compile(
    r"(?:^|[\s'(\"])(?:\./)?(?:secondsite|secondsite-rescue|virsh|qemu-img) [a-z-]+(?: [^']*)?$"
)
PLAIN = re.compile(
    r"^(?:typed\.arguments\(.*\)|shlex\.(?:quote|join)\(.*\)|quoted|point|_options\(\w+\)|_typed\(job\)|.*\.isoformat\(\)|verb\.value\..*|'\|'\.join\(asks\.verdicts\)"
    r"|(?:\w+\.)*\w*(?:site|source|target|both\[\d\])|(?:job|self|handle|before|other)\.id(?:\[.*\])?|(?:\w+\.)?(?:job_id|evidence_id|full_id|appliance_id)(?:\[.*\])?"
    r"|(?:\w+\.)?(?:number|seconds|has_bytes|address|pool|short|seen)|[\w.]*[A-Z]{3,})$"
)
"""Numbers, instants, fingerprints, ids and names of sites, which have their patterns; words of our own; and what is quoted already."""
OF_MACHINES = re.compile(r"secondsite (?:machine|point|rpo|card|check|hook) [a-z -]+ $|virsh [a-z-]+ $")
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
        list(unquoted("f\"see 'secondsite machine show {typed.arguments(machine.name)}' of {machine.name}\""))
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
    assert found == {}, "name machines with typed.arguments, quote other words with shlex.quote"


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
