"""Which orders are too old to be carried out. The highest generation seen here of each machine is durable.

Every verb on a machine raises its generation, and its orders carry it. So an order of a job that a later one has overtaken
is refused, whatever its vault believes: it may have been retried late, or come from a restored database.
"""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from ...domain import errors
from ...domain.amounts import span
from ...ground.units import DAY
from ...wire.control import Order
from ..shared import State

KEY = "generation/"
OLDEST_SECONDS = 7 * DAY
"""How long after its deadline an order is still carried out: its vault may have been down, and goes on with it."""


class Generations:
    """Thread-safe."""

    def __init__(self, state: State, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._state = state
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._vault_time: tuple[datetime, float] | None = None
        self._seen = {key.removeprefix(KEY): int(value) for key, value in state.facts(KEY).items()}

    def vault_says(self, now: datetime) -> None:
        """What the vault's clock says: the age of its orders is measured by that clock alone."""
        self._vault_time = (now, self._monotonic())

    def all(self) -> Mapping[str, int]:
        """By machine."""
        with self._lock:
            return dict(self._seen)

    def refuse_overtaken(self, order: Order) -> None:
        """Raises StaleOrder for a number lower than the highest seen for the machine."""
        seen = self._seen.get(order.machine_id or "", 0)
        if order.generation is not None and order.generation < seen:
            raise errors.StaleOrder(
                f"The order '{order.kind}' is of generation {order.generation}; a later verb gave this machine orders of "
                f"generation {seen}. It was not carried out."
            )

    def refuse_ancient(self, order: Order) -> None:
        """Raises StaleOrder for an order that was given long ago."""
        if order.given_at is None or self._vault_time is None:
            return
        said, at = self._vault_time
        age = said + timedelta(seconds=self._monotonic() - at) - order.given_at
        if age.total_seconds() > OLDEST_SECONDS + order.deadline_seconds:
            raise errors.StaleOrder(
                f"The order '{order.kind}' was given {span(round(age.total_seconds()))} ago, at "
                f"{order.given_at:%Y-%m-%d %H:%M:%S} UTC. It was not carried out."
            )

    def admit(self, order: Order) -> None:
        """Keep the order's number, durably; raises StaleOrder."""
        if order.generation is None or order.machine_id is None:
            return
        with self._lock:
            self.refuse_overtaken(order)
            if order.generation > self._seen.get(order.machine_id, 0):
                self._state.put_fact(KEY + order.machine_id, str(order.generation))
                self._seen[order.machine_id] = order.generation
