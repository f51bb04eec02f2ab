"""Delivers orders to appliances and gets their reports: over a connection of this process, or through the
vault process that has it."""

import time
from collections.abc import Callable, Mapping

from ....wire.control import Order, Progress, Report
from .link import Link
from .other_processes import Desk, OtherProcesses
from .outstanding_orders import OutstandingOrders, ReportRecipient
from .signal_delivery import SignalDelivery


class OrderDelivery:
    """The delivery of orders. Thread-safe. `links` are the present connections, by appliance id; its owner
    changes them."""

    def __init__(
        self,
        links: Mapping[str, Link],
        tell: SignalDelivery,
        others: OtherProcesses | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._links = links
        self._tell = tell
        self._others = others
        self._outstanding = OutstandingOrders(clock)

    def serve(self) -> Desk:
        """The functions that serve the other processes."""
        return Desk(
            held_here=lambda: sorted(self._links),
            give=self._give,
            reported=self.reported,
            progressed=self.progressed,
        )

    def report(self, appliance_id: str, order_id: str) -> Report | None:
        """The report of an order that was asked for before: a step that gives several orders asks for all of
        them each time it runs."""
        return self._outstanding.report(appliance_id, order_id)

    def ask(self, appliance_id: str, order: Order) -> Report | None:
        report = self._give(appliance_id, order)
        if report is None and self._others is not None and self.is_elsewhere(appliance_id):
            self._others.ask(appliance_id, order)
        return report

    def awaited(self, order_id: str, seconds: float) -> Report | None:
        return self._outstanding.awaited(order_id, seconds)

    def forget(self, order_id: str) -> None:
        self._outstanding.forget(order_id)
        if self._others is not None:
            self._others.forget(order_id)

    def drop_forgotten(self) -> None:
        """Drop orders that nobody asks for any more."""
        self._outstanding.drop_forgotten()

    def progress(self, order_id: str) -> tuple[float, str] | None:
        return self._outstanding.progress(order_id)

    def is_elsewhere(self, appliance_id: str) -> bool:
        here = appliance_id in self._links
        return not here and self._others is not None and self._others.hold(appliance_id)

    def wake(self, appliance_id: str) -> None:
        """The appliance's connection began or ended: its steps ask again, and orders that other processes
        wait for are given again."""
        for order_id in self._outstanding.of(appliance_id):
            self._tell(f"order/{order_id}")
        if self._others is not None:
            for order in self._others.given_for(appliance_id):
                self._give(appliance_id, order)

    def progressed(self, appliance_id: str, progress: Progress) -> None:
        if not self._outstanding.progressed(appliance_id, progress):
            return
        if self._others is not None:
            self._others.progressed(progress)
        self._tell(f"order/{progress.order_id}")

    def unanswered(self, appliance_id: str, order_id: str) -> str | None:
        """The kind of this order, if this appliance was asked for it and has not answered."""
        return self._outstanding.unanswered(appliance_id, order_id)

    def reported(self, appliance_id: str, report: Report, said: str | None = None) -> None:
        """Take a report. `said`: the text that it was read from."""
        arrived = self._outstanding.arrived(appliance_id, report, said)
        if arrived is ReportRecipient.UNASKED:
            return
        if self._others is not None:
            self._others.reported(report)
        if arrived is not ReportRecipient.AWAITED:
            self._tell(f"order/{report.order_id}")

    def _give(self, appliance_id: str, order: Order) -> Report | None:
        report = self._outstanding.asked(appliance_id, order.order_id, order.kind)
        link = self._links.get(appliance_id)
        if report is None and link is not None and self._outstanding.hand_over(order.order_id, link):
            link.send(order)
        return report
