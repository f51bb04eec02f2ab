"""The numbers of orders that appliances have seen, until they are written."""

from collections.abc import Collection

from ....wire.control import Status
from ... import ports
from .writing import ONE_AT_A_TIME


class NumbersSeen:
    """Belongs to one thread. Each appliance says each number once per connection."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[int, int]] = {}

    def __bool__(self) -> bool:
        return bool(self._seen)

    def note(self, appliance_id: str, status: Status) -> None:
        orders, drills = status.generations, status.drill_generations
        for machine_id in {*orders, *drills}:
            seen = orders.get(machine_id, 0), drills.get(machine_id, 0)
            before = self._seen.get((machine_id, appliance_id), (0, 0))
            self._seen[machine_id, appliance_id] = max(seen[0], before[0]), max(seen[1], before[1])

    @property
    def speakers(self) -> set[str]:
        """The appliances that said them."""
        return {appliance_id for _, appliance_id in self._seen}

    def write(self, tx: ports.Transaction, speakers: Collection[str]) -> None:
        """Those that these said. Only what an appliance of the machine says counts."""
        said = {key: seen for key, seen in self._seen.items() if key[1] in speakers}
        if not said:
            return
        tx.one_at_a_time(ONE_AT_A_TIME)
        places = {each.id: each for each in tx.machines.places(sorted({key[0] for key in said}))}
        highest: dict[str, tuple[int, int]] = {}
        for (machine_id, appliance_id), seen in said.items():
            place = places.get(machine_id)
            if place and appliance_id in (place.source_appliance_id, place.target_appliance_id):
                known = highest.get(machine_id, (0, 0))
                highest[machine_id] = max(seen[0], known[0]), max(seen[1], known[1])
        tx.statuses.put_numbers(highest)

    def wrote(self, speakers: Collection[str]) -> None:
        """Theirs are durable, or can never be."""
        self._seen = {key: seen for key, seen in self._seen.items() if key[1] not in speakers}
