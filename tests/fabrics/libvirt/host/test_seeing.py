"""A real guest's agent answers once it has booted; consoles are read only from plain files."""

import os
from xml.etree import ElementTree

import pytest

import guestkit
from rig.eventually import eventually
from secondsite.fabrics.libvirt import seeing
from tests.fabrics.libvirt.support_guests import GuestMachine


@pytest.mark.guest
def test_the_agent_of_a_guest_answers_once_it_has_booted_and_its_console_is_read(host):
    machine, seeing = GuestMachine(host, kind=guestkit.Kind.AGENT), host.fabric.seeing
    sights = seeing.sights(machine.id)
    assert (sights.agent, sights.console, sights.screen) == (True, True, False)
    assert seeing.agent_answers(machine.id) is False
    machine.boot()
    eventually(lambda: seeing.agent_answers(machine.id), within_seconds=30)
    assert b"ready" in seeing.console(machine.id, 100_000).lower()
    assert seeing.screen(machine.id) is None


@pytest.fixture
def log(tmp_path):
    return tmp_path / "web01.log"


@pytest.fixture
def definition(log):
    return ElementTree.fromstring(
        "<domain><devices><serial type='pty'/><serial type='file'><source "
        f"path='{log}'/></serial></devices></domain>"
    )


def test_a_console_is_read_from_its_mark_on_and_from_its_begin_once_it_was_emptied(log, definition, tmp_path):
    note = tmp_path / "begin"
    log.write_bytes(b"earlier ")
    seeing.mark(definition, note)
    assert seeing.tail(definition, note, 100) == b""
    log.write_bytes(b"earlier now")
    assert seeing.tail(definition, note, 100) == b"now"
    assert seeing.tail(definition, note, 2) == b"ow"
    log.write_bytes(b"new")
    assert seeing.tail(definition, note, 100) == b"new"


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/etc/passwd"), os.mkdir])
def test_a_console_that_is_no_plain_file_is_not_read(log, definition, tmp_path, make):
    make(log)
    assert seeing.tail(definition, tmp_path / "begin", 100) == b""


def test_a_machine_without_a_console_forgets_the_mark_of_an_earlier_one(tmp_path):
    note = tmp_path / "begin"
    note.write_text("7")
    seeing.mark(ElementTree.fromstring("<domain><devices/></domain>"), note)
    assert not note.exists()
