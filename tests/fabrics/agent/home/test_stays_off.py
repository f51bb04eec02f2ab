"""A machine that only its own agent keeps off must hear that its last changes arrived."""

from types import SimpleNamespace
from typing import Any

import pytest

from secondsite.appliance.orders import source_cycles
from secondsite.domain.errors import FabricError


def last_cycle(hosts, deaf):
    """What an order sees after the last cycle; its machine does not hear the first `deaf` times."""
    heard: list[str] = []

    def acknowledge(fabric_id, base):
        heard.append(base)
        if len(heard) <= deaf:
            raise FabricError("It is away.")

    fabric = SimpleNamespace(
        properties=SimpleNamespace(hosts=hosts), tracking=SimpleNamespace(acknowledge=acknowledge)
    )
    setup = SimpleNamespace(fabric_id="f", machine_name="server")
    source = SimpleNamespace(setup=setup, progress=SimpleNamespace(base="last"), tidy=False, machine_id="m")
    context: Any = SimpleNamespace(fabric=fabric)
    source_cycles.must_stay_off(context, source)  # type: ignore[arg-type]
    return heard


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(source_cycles, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(source_cycles, "HEARD_SECONDS", 0.2)


def test_it_is_told_again_until_it_has_heard():
    assert last_cycle(hosts=False, deaf=2) == ["last"] * 3


def test_a_move_does_not_go_on_while_it_might_work_on():
    with pytest.raises(FabricError, match="server does not hear that its last changes arrived"):
        last_cycle(hosts=False, deaf=1000)


def test_where_the_platform_keeps_it_off_nothing_waits():
    assert last_cycle(hosts=True, deaf=1000) == []
