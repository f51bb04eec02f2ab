"""A machine that rescue stops by libvirt may go off by itself at any moment."""

import pytest

from secondsite.rescue.problems import Problem
from secondsite.rescue.running.virsh import Virsh

UUID = "74a1fee6-c81b-4b94-a7bf-80a9d2308cdb"
GOES_OFF = """#!/bin/sh
case "$*" in
    *list*) echo {uuid} ;;
    *domstate*) cat {state} ;;
    *destroy*) echo "{after}" > {state}; echo "error: domain is not running" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def libvirt(tmp_path, monkeypatch):
    """A virsh that refuses to cut the power, after which the machine is in the state that is given."""

    def placed(after):
        state, command = tmp_path / "state", tmp_path / "virsh"
        state.write_text("running")
        command.write_text(GOES_OFF.format(uuid=UUID, state=state, after=after))
        command.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        return Virsh("qemu:///system")

    return placed


def test_one_that_goes_off_just_before_its_power_is_cut_shut_down(libvirt):
    assert libvirt("shut off").stop(UUID, 0) == "it shut down"


def test_one_whose_power_cannot_be_cut_is_told_with_how_to_look(libvirt):
    with pytest.raises(Problem, match="domain is not running") as refused:
        libvirt("running").stop(UUID, 0)
    assert "virsh --connect qemu:///system list --all" in refused.value.do
