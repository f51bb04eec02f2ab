"""Takes orders, as `appliance.control.OrderDesk` does, and answers them at once; those of some kinds after
a time, so many beside each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from bench.pair.answers import Site, answer
from secondsite.appliance.control.generations import Generations
from secondsite.appliance.shared import State
from secondsite.wire.common.base import Problem
from secondsite.wire.control import Order, Progress, Report
from secondsite.wire.control.orders import Kind

Send = Callable[[Report | Progress], None]


class ScriptedDesk:
    """`seconds`: how long orders take; those that are not named take none. An order that comes again is
    done again."""

    def __init__(
        self, site: Site, seconds: Mapping[Kind, float], at_once: int,
        sleep: Callable[[float], None] = time.sleep
    ) -> None:  # fmt: skip
        self.generations = Generations(cast(State, FactsInMemory()))
        self._site = site
        self._seconds = {kind.value: each for kind, each in seconds.items() if each}
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="order")
        self._sleep = sleep
        self._running: set[str] = set()
        self._lock = threading.Lock()
        self._send: Send | None = None

    def connected(self, send: Send | None) -> None:
        self._send = send

    def take(self, order: Order) -> None:
        self.generations.vault_is_at(order.vault_number)
        with self._lock:
            if order.order_id in self._running:
                return
            self._running.add(order.order_id)
        if order.kind in self._seconds:
            self._pool.submit(self._after, self._seconds[order.kind], order)
        else:
            self._carry_out(order)

    def _after(self, seconds: float, order: Order) -> None:
        self._sleep(seconds)
        self._carry_out(order)

    def _carry_out(self, order: Order) -> None:
        report = self._report(order)
        with self._lock:
            self._running.discard(order.order_id)
        if self._send is not None:
            self._send(report)

    def _report(self, order: Order) -> Report:
        try:
            self.generations.admit(order)
            sentence, facts = answer(self._site, order)
        except Exception as error:
            return Report(order_id=order.order_id, machine_id=order.machine_id, problem=Problem.of(error))
        body = facts.model_dump(mode="json")
        return Report(order_id=order.order_id, machine_id=order.machine_id, sentence=sentence, facts=body)


class FactsInMemory:
    """What `Generations` asks of an appliance's state, without a disk."""

    def __init__(self) -> None:
        self._facts: dict[str, str] = {}

    def fact(self, key: str) -> str | None:
        return self._facts.get(key)

    def facts(self, prefix: str) -> dict[str, str]:
        return {key: value for key, value in self._facts.items() if key.startswith(prefix)}

    def put_fact(self, key: str, value: str) -> None:
        self._facts[key] = value
