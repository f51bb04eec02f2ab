"""The page of an owner's acts: its tests exist, it has every act of the walk, and its table of states is
the code's."""

import re
from pathlib import Path

from secondsite.fabrics.libvirt.host.states import STATES

ROOT = Path(__file__).parents[2]
WALK = ROOT / "chaos" / "owners" / "owner.py"
PAGE = ROOT / "docs" / "guide" / "owners.md"
HEAD = "| libvirt says | power |\n| --- | --- |\n"
OF_THE_WALK = {
    "define anew": "define it anew", "undefine and define": "`undefine` before", "pause": "virsh suspend",
    "managed save": "managed save",
    "save to a file": "virsh save", "snapshot": "external snapshot", "power cut": "power cut",
    "reset": "reset", "limits": "limits",
    "autostart": "autostart", "nothing": "",
}  # fmt: skip


def states():
    rows = dict.fromkeys((row.what, str(row.power)) for row in STATES.values())
    return "".join(f"| {what} | `{power}` |\n" for what, power in rows)


def test_the_tests_that_it_names_exist():
    named = set(re.findall(r"`((?:tests|src)/[^`]+)`", PAGE.read_text()))
    assert len(named) > 8
    assert [each for each in named if not (ROOT / each).is_file()] == []


def test_each_act_has_a_row_that_names_a_test():
    acts = PAGE.read_text().split("## Acts")[1].split("Not tried yet")[0]
    rows = [line for line in acts.splitlines() if line.startswith("| ")][2:]
    assert len(rows) >= 15
    assert [row for row in rows if "`tests/" not in row and "`src/" not in row] == []
    of_the_walk = re.findall(r'^            "([a-z ]+)": ', WALK.read_text(), re.MULTILINE)
    assert {*of_the_walk} == OF_THE_WALK.keys()
    assert [act for act, words in OF_THE_WALK.items() if not any(words in row for row in rows)] == []


def test_its_states_are_those_of_the_code():
    assert PAGE.read_text().split(HEAD)[1] == states(), "write what this test says"
