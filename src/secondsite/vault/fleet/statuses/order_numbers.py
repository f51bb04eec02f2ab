"""The numbers of orders that appliances have seen: which of them are believed, until they are written."""

from collections.abc import Collection, Mapping
from datetime import datetime

from ....domain import counters
from ....wire.control import Status
from ...health import disbelief
from ...store import MachinePlace, Transaction
from .writer import ONE_AT_A_TIME

Seen = tuple[int, int]
"""The highest number of orders, and of orders for drills."""
Key = tuple[str, str]
"""A machine's id, and that of the appliance that reports the number."""


class OrderNumbers:
    """The numbers that appliances have seen. Belongs to one thread. Each appliance reports each number once
    per connection.

    This vault knows the numbers that it gave. An appliance that has seen a higher one has it from before the
    vault was restored, or from another vault: that is believed of each appliance once, within bounds.
    Otherwise an appliance that reports one more again and again would overtake each job of the machine (ADR
    146).
    """

    def __init__(self) -> None:
        self._seen: dict[Key, Seen] = {}
        self._ahead: set[Key] = set()
        """Those who reported a higher number than was given, and were believed."""
        self._rising: set[Key] = set()
        """Those who are to be noted as ahead once that is durable."""

    def __bool__(self) -> bool:
        return bool(self._seen)

    def note(self, appliance_id: str, status: Status) -> None:
        orders, drills = status.generations, status.drill_generations
        for machine_id in {*orders, *drills}:
            seen = orders.get(machine_id, 0), drills.get(machine_id, 0)
            self._seen[machine_id, appliance_id] = _highest(
                seen, self._seen.get((machine_id, appliance_id), (0, 0))
            )

    @property
    def speakers(self) -> set[str]:
        """The appliances that reported them."""
        return {appliance_id for _, appliance_id in self._seen}

    def write(self, tx: Transaction, speakers: Collection[str], now: datetime) -> None:
        """Write the numbers of these appliances. Only believed ones count, and only of appliances of the
        machine."""
        said = {key: seen for key, seen in self._seen.items() if key[1] in speakers}
        if not said:
            return
        tx.one_at_a_time(ONE_AT_A_TIME)
        ids = sorted({key[0] for key in said})
        places = {each.id: each for each in tx.machines.places(ids)}
        ahead = sorted(
            {key[0] for key, seen in said.items() if key[0] in places and _is_ahead(seen, places[key[0]])}
        )
        known = _known(tx, ahead) if ahead else {}
        self._rising.clear()
        highest: dict[str, Seen] = {}
        for key, seen in said.items():
            machine_id, appliance_id = key
            place = places.get(machine_id)
            if place and appliance_id in (place.source_appliance_id, place.target_appliance_id):
                given = place.generation, place.drill_generation
                counted = self._counted(tx, key, seen, given, known.get(machine_id, (0, 0)), now)
                highest[machine_id] = _highest(counted, highest.get(machine_id, (0, 0)))
        tx.statuses.put_numbers(highest)

    def wrote(self, speakers: Collection[str]) -> None:
        """The numbers of these appliances are durable, or can never be."""
        self._ahead |= {key for key in self._rising if key[1] in speakers}
        self._seen = {key: seen for key, seen in self._seen.items() if key[1] not in speakers}

    def forget_all_but(self, machine_ids: Collection[str]) -> None:
        """Forget machines that are no longer under protection."""
        self._ahead = {key for key in self._ahead if key[0] in machine_ids}

    def _counted(
        self, tx: Transaction, key: Key, seen: Seen, given: Seen, known: Seen, now: datetime
    ) -> Seen:
        """The part of it that is believed."""
        there = _highest(given, known)
        ahead = [number for number, least in zip(seen, there, strict=True) if number > least]
        if not ahead:
            return seen
        bounds = (given[0] + counters.MOST_VERBS_UNSEEN, given[1] + counters.MOST_VERBS_UNSEEN)
        if key not in self._ahead and seen == _lowest(seen, bounds):
            self._rising.add(key)
            return seen
        what = (
            f"reports an order of generation {max(ahead)} for machine {key[0]}, for which this vault gave "
            f"{max(given)}"
        )
        disbelief.note(tx, key[1], what, now)
        return _lowest(seen, there)


def _is_ahead(seen: Seen, place: MachinePlace) -> bool:
    """Whether the number is higher than was given."""
    return seen[0] > place.generation or seen[1] > place.drill_generation


def _known(tx: Transaction, ids: list[str]) -> Mapping[str, Seen]:
    """The numbers that were reported, and believed, before."""
    orders, drills = tx.statuses.generations(ids), tx.statuses.generations(ids, of_drills=True)
    return {each: (orders.get(each, 0), drills.get(each, 0)) for each in ids}


def _highest(one: Seen, other: Seen) -> Seen:
    return max(one[0], other[0]), max(one[1], other[1])


def _lowest(one: Seen, other: Seen) -> Seen:
    return min(one[0], other[0]), min(one[1], other[1])
