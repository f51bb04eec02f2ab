"""An agent of an earlier release is told, with the command; a copy of a machine that is off is no double."""

from datetime import UTC, datetime
from typing import Any

import pytest

from secondsite import __version__
from secondsite.fabrics.agent.inventory import AgentInventory
from secondsite.fabrics.agent.link import AgentAway, Double, KnownAgent

ID = "11111111-2222-3333-4444-555555555555"
AT = datetime(2026, 11, 30, tzinfo=UTC)


class Link:
    """The agents of an appliance, as far as they are asked here."""

    def __init__(self):
        self.version, self.connected, self.rescue, self.doubled = __version__, True, False, False

    def find(self, _):
        hello = {"version": self.version}
        return KnownAgent(ID, "db 01", AT, self.connected, AT, hello, self.rescue, revoked=False)

    def doubles(self):
        return [Double(ID, "db01", "192.0.2.1", "db01", "192.0.2.2", AT)] if self.doubled else []

    def ask(self, *_, **__):
        raise AgentAway("it does not answer")


@pytest.fixture
def link() -> Any:
    return Link()


@pytest.fixture
def told(link, records):
    inventory = AgentInventory(link, records, lambda *_: records)
    return lambda: {each.code: each.what for each in inventory.concerns(ID)}


def test_an_agent_of_an_earlier_release_is_told_with_the_command(link, told):
    link.version = "0.0.9"
    assert told()["agent-outdated"] == (
        f"The agent in db 01 is of version 0.0.9, this appliance of {__version__}. At its host: secondsite "
        "appliance agents upgrade 'db 01'"
    )


@pytest.mark.parametrize("version", [__version__, "99.0.0", "unknown", ""])
def test_one_of_this_release_or_a_later_one_or_of_none_is_not(link, told, version):
    link.version = version
    assert "agent-outdated" not in told()


def test_a_rescue_system_is_not_told(link, told):
    link.version, link.rescue = "0.0.9", True
    assert "agent-outdated" not in told()


def test_a_double_is_told_but_not_while_the_machine_was_switched_off_from_here(link, told, records):
    link.doubled = True
    assert "machine-doubled" in told()
    link.connected = False
    assert "machine-doubled" in told()
    records.change(ID, is_off=True)
    assert told() == {}
    link.connected = True
    assert "machine-doubled" in told()
