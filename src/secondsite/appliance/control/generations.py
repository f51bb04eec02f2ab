"""Which orders are too old to be carried out. The highest generation seen here of each machine is durable.

Every verb on a machine raises its generation, and its orders carry it. So an order of a job that a later one
has overtaken is refused, whatever its vault believes: it may have been retried late, or come from a restored
database. Drills, which go on beside the other verbs, have numbers of their own.
"""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from ...domain import errors
from ...domain.amounts import span
from ...ground.units import DAY
from ...wire.control import Order
from ...wire.control.orders import Kind
from ..shared import State, order_numbers

KEY, DRILL_KEY, VAULT_KEY = order_numbers.KEY, order_numbers.DRILL_KEY, order_numbers.VAULT_KEY
OLDEST_SECONDS = 7 * DAY
"""How long after its deadline an order is still carried out: its vault may have been down, and continues its
jobs."""
STARTS = frozenset({Kind.RESTART.value, Kind.START_REPLICA.value})
"""Kinds of orders that have no number once the machine's protection has ended. The vault does not wait for
them after their deadline, and the machine may have been protected anew by then."""


class Generations:
    """The highest generation seen for each machine, durably; refuses orders with a lower one. Thread-safe."""

    def __init__(self, state: State, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._state = state
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._vault_time: tuple[datetime, float] | None = None
        self.vault_number = int(state.fact(VAULT_KEY) or 0)
        """The highest number that a vault has sent: by it the vault notices that its database was
        restored."""
        kept = {**state.facts(KEY), **state.facts(DRILL_KEY)}
        self._seen = {key: int(value) for key, value in kept.items()}

    def vault_says(self, now: datetime) -> None:
        """Note the time that the vault's clock shows: the age of its orders is measured by that clock
        alone."""
        self._vault_time = (now, self._monotonic())

    def vault_is_at(self, number: int) -> None:
        """Keep the vault's number, durably: before any order that it gave at that number is carried out."""
        with self._lock:
            if number > self.vault_number:
                self._state.put_fact(VAULT_KEY, str(number))
                self.vault_number = number

    def all(self, prefix: str = KEY) -> Mapping[str, int]:
        """The highest generation by machine id; with DRILL_KEY the highest of its drills."""
        with self._lock:
            seen = self._seen.items()
            return {key.removeprefix(prefix): number for key, number in seen if key.startswith(prefix)}

    def refuse_overtaken(self, order: Order) -> None:
        """Raises StaleOrder for a number lower than the highest seen for the machine."""
        numbered = _numbered(order)
        if numbered is None:
            return
        key, number = numbered
        seen = self._seen.get(key, 0)
        if number < seen:
            raise errors.StaleOrder(
                f"The order '{order.kind}' is of generation {number}; a later verb gave this machine orders "
                f"of generation {seen}. It was not carried out."
            )

    def refuse_ancient(self, order: Order) -> None:
        """Raises StaleOrder for an order that was given long ago."""
        if order.given_at is None or self._vault_time is None:
            return
        said, at = self._vault_time
        age = said + timedelta(seconds=self._monotonic() - at) - order.given_at
        oldest = 0.0 if _numbered(order) is None and order.kind in STARTS else OLDEST_SECONDS
        if age.total_seconds() > oldest + order.deadline_seconds:
            raise errors.StaleOrder(
                f"The order '{order.kind}' was given {span(round(age.total_seconds()))} ago, at "
                f"{order.given_at:%Y-%m-%d %H:%M:%S} UTC. It was not carried out."
            )

    def admit(self, order: Order) -> None:
        """Keep the order's number, durably; raises StaleOrder."""
        numbered = _numbered(order)
        if numbered is None:
            return
        key, number = numbered
        with self._lock:
            self.refuse_overtaken(order)
            if number > self._seen.get(key, 0):
                self._state.put_fact(key, str(number))
                self._seen[key] = number


def _numbered(order: Order) -> tuple[str, int] | None:
    """The series that the order's number belongs to, and the number; None for an order without one."""
    if order.machine_id is None:
        return None
    if order.generation is not None:
        return KEY + order.machine_id, order.generation
    if order.drill_generation is not None:
        return DRILL_KEY + order.machine_id, order.drill_generation
    return None
