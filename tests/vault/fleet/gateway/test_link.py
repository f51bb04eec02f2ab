"""One appliance's connection: what it says is not read faster than it is heard."""

import asyncio
from typing import Any

import pytest

from secondsite.vault.fleet.gateway import link as links
from secondsite.vault.fleet.gateway.link import EACH_BYTES, Link, Room


class Endless:
    """A connection on which more is said than is heard; `lost`: before that was read."""

    def __init__(self, said, lost=False):
        self._said, self._lost = said, lost

    async def __aiter__(self):
        for number in range(1000):
            self._said.append(number)
            yield "x" * 100

    async def wait_closed(self):
        if not self._lost:
            await asyncio.Event().wait()


def endless(said: list[int], lost: bool = False) -> Any:
    return Endless(said, lost)


async def turns(count):
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("room", [3, 10])
def test_what_waits_to_be_heard_is_bounded(monkeypatch, room):
    monkeypatch.setattr(links, "MOST_UNHEARD_BYTES", room * (100 + EACH_BYTES))
    said: list[int] = []

    async def flood():
        link = Link(endless(said), "a", Room())
        running = asyncio.create_task(link.run(lambda link, text: link.room.took(len(text))))
        await turns(100)
        assert len(said) == room + 1
        link.room.heard(100)
        await turns(100)
        assert len(said) == room + 2
        while not running.done():
            link.room.heard(100)
            await turns(3)
        assert len(said) == 1000

    asyncio.run(flood())


def test_another_connection_of_the_same_appliance_has_no_more_room(monkeypatch):
    """One that was ended and made anew again and again filled the vault's memory."""
    monkeypatch.setattr(links, "MOST_UNHEARD_BYTES", 3 * (100 + EACH_BYTES))
    said: list[int] = []

    async def again_and_again():
        room = Room()
        for _ in range(5):
            link = Link(endless(said), "a", room)
            running = asyncio.create_task(link.run(lambda link, text: link.room.took(len(text))))
            await turns(100)
            running.cancel()
        assert len(said) == 4

    asyncio.run(again_and_again())


def test_others_have_their_turn_between_any_two_messages_that_are_there():
    """A flood of small ones kept everybody else from dialling: nothing else came while there was one more."""
    said: list[int] = []
    seen: list[int] = []

    async def look():
        while len(said) < 1000:
            seen.append(len(said))
            await asyncio.sleep(0)

    async def flood():
        looking = asyncio.create_task(look())
        await Link(endless(said), "a", Room()).run(lambda link, text: None)
        await looking

    asyncio.run(flood())
    assert len(set(seen)) > 900


def test_whoever_has_taken_too_much_of_the_processor_is_not_read_for_a_while(monkeypatch):
    said: list[int] = []
    rested: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds):
        rested.append(seconds)
        await sleep(0)

    async def flood():
        room = Room()
        monkeypatch.setattr(asyncio, "sleep", noted)
        await Link(endless(said), "a", room).run(lambda link, text: room.attention.spend(0.1))

    asyncio.run(flood())
    assert len(said) == 1000
    rests = [each for each in rested if each]
    assert 900 < len(rests) < 975
    assert min(rests[-900:]) > 5.0


def test_nobody_waits_to_hear_more_of_one_that_has_gone(monkeypatch):
    """It kept a vault from ending; what is there already is heard."""
    monkeypatch.setattr(links, "MOST_UNHEARD_BYTES", 3 * (100 + EACH_BYTES))
    said: list[int] = []

    async def flood():
        link = Link(endless(said, lost=True), "a", Room())
        await asyncio.wait_for(link.run(lambda link, text: link.room.took(len(text))), 10)

    asyncio.run(flood())
    assert len(said) == 1000
