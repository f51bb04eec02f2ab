"""The page that says which test starts a guest with each option names all options that there are, and
tests that there are."""

import re
from collections.abc import Iterator

import pytest

from secondsite.domain.drills import networks
from secondsite.domain.points import RecoveryPointChoice
from secondsite.wire.common.cards import CardSettings
from secondsite.wire.rest import verbs
from tests.docs.support_requirements import ROOT

PAGE = ROOT / "docs" / "design" / "options-on-guests.md"
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
OF_A_DRILL = set(verbs.TestFailoverOptions.model_fields) - set(verbs.PointOptions.model_fields)
OTHERWISE = {"choice", "network", "clean_up", "keep_if_failed", "stay_open", "target_appliance"}
"""Options of a test failover that are values of others, or say at which host it begins or how it ends."""
WANTED = {
    "Recovery points": {*RecoveryPointChoice, "at"},
    "The network of a test failover": {*networks.MADE, networks.NO_NETWORK, *(OF_A_DRILL - OTHERWISE)},
    "What is set for a card": set(CardSettings.model_fields) - {"mac"},
}


def rows() -> Iterator[tuple[str, str, str]]:
    """Section, option and what stands beside it."""
    section = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] not in ("option", "when", "---"):
            yield section, cells[0], cells[1]


@pytest.mark.parametrize("section", WANTED)
def test_every_option_of_the_code_has_a_row(section):
    said = {
        word
        for where, option, _ in rows()
        if where == section
        for word in re.findall(r"^`(\w[\w-]*)`", option)
    }
    assert said == set(map(str, WANTED[section]))


def test_every_row_names_a_test_that_is_there_and_starts_a_guest_unless_it_says_that_none_does():
    assert [fault for _, option, beside in rows() for fault in faults(option, beside)] == []


def faults(option: str, beside: str) -> Iterator[str]:
    found = NAMED.findall(beside)
    if not found:
        yield f"{option}: no test"
    for file, name in found:
        path = ROOT / "tests" / file
        text = path.read_text() if path.is_file() else ""
        if f"def {name}(" not in text:
            yield f"{option}: {file} has no {name}"
        elif "mark.guest" not in text and not beside.startswith("none") and "libvirtd" not in option + file:
            yield f"{option}: {file} starts no guest"
