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
    r"^(?:shlex\.(?:quote|join)\(.*\)|quoted|point|_options\(\w+\)|_typed\(job\)|.*\.isoformat\(\)|verb\.value\..*|'\|'\.join\(asks\.verdicts\)"
    r"|(?:\w+\.)*\w*(?:site|source|target|both\[\d\])|(?:job|self|handle|before|other)\.id(?:\[.*\])?|(?:\w+\.)?(?:job_id|evidence_id|full_id|appliance_id)(?:\[.*\])?"
    r"|(?:\w+\.)?(?:number|seconds|has_bytes|address|pool|short|seen)|[\w.]*[A-Z]{3,})$"
)
"""Numbers, instants, fingerprints, ids and names of sites, which have their patterns; words of our own; and what is quoted already."""


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
            if BEGINS.search(before) and not PLAIN.search(said):
                yield said
            before += "NAME"


def test_the_test_sees_a_name_that_is_not_quoted():
    assert list(unquoted("f\"see 'secondsite machine show {machine.name}'\"")) == ["machine.name"]
    assert (
        list(unquoted("f\"see 'secondsite machine show {shlex.quote(machine.name)}' of {machine.name}\""))
        == []
    )
    assert list(unquoted("f\"'virsh start {domain.name()}'\"")) == ["domain.name()"]
    assert list(unquoted("f\"'secondsite machine failover web01 --point {point.id}'\"")) == ["point.id"]
    assert list(unquoted("f\"'qemu-img info {disk.path}'\"")) == ["disk.path"]


def test_names_in_suggested_commands_are_quoted():
    found = {
        str(path.relative_to(SOURCE)): names
        for path in sorted(SOURCE.rglob("*.py"))
        if (names := list(unquoted(path.read_text())))
    }
    assert found == {}, "quote them with shlex.quote"
