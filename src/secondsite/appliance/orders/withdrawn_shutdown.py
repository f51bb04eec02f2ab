"""Watches a guest that was asked to shut down for a move which was then given up.

The request cannot be taken back: a guest that needed longer than it was waited for may go off when its
restart has found it running, and nobody would start it. So the request is on record before the guest is
asked. A restart that finds the machine running has it watched from then on; if it goes off, it is started
again, unless a later verb has given it an order since, or it was fenced.
"""

import contextlib
import time
from datetime import UTC, datetime

import structlog

from ...domain import errors
from ...fabrics.interface import PowerState
from ...ground import seams
from ...ground.periodic import Periodic
from ...wire.common.base import Shape
from ..shared import WENT_OFF_LATE, State, order_numbers
from ..source import Source
from ..target import HostedReplica
from .context import ApplianceParts, Context

PREFIX = "asked-off/"
LOOK_SECONDS = 2.0
AGAIN_SECONDS = 20.0
"""Wait in seconds before a machine that did not start is tried again."""
LOCK_SECONDS = 5.0
WATCHED_SECONDS = 1800.0
"""How long a guest may take to shut down when it installs updates. After a restart of the appliance the time
is counted anew."""

log = structlog.get_logger(__name__)


class ShutdownRequest(Shape):
    """`taken_back`: the number of the order that found it running; None if the request was not taken back.
    `started_again_at`: when the guest, which went off after that, was started again."""

    fabric_id: str
    asked_at: datetime
    taken_back: int | None = None
    started_again_at: datetime | None = None


def asks(context: Context, fabric_id: str) -> None:
    """Record that the guest is about to be asked to shut down; durable when this returns."""
    if context.order.machine_id is not None:
        _put(
            context.state,
            context.machine_id,
            ShutdownRequest(fabric_id=fabric_id, asked_at=datetime.now(UTC)),
        )


def is_off(context: Context) -> None:
    """Forget the request: the machine is off."""
    if context.order.machine_id is not None:
        context.state.remove_fact(PREFIX + context.machine_id)


def take_back(context: Context, found: PowerState) -> bool:
    """Take the request back for a machine that a restart found in this state; returns whether it is watched
    from now on."""
    said = context.state.fact(PREFIX + context.machine_id)
    if said is None:
        return False
    number, runs = context.order.generation, found.is_on
    if not runs or number is None:
        is_off(context)
        return False
    asked = ShutdownRequest.model_validate_json(said)
    _put(context.state, context.machine_id, asked.model_copy(update={"taken_back": number}))
    return True


class WithdrawnShutdowns(Periodic):
    """Watches the machines whose shutdown was taken back."""

    def __init__(self, parts: ApplianceParts) -> None:
        super().__init__("taken-back", lambda error: log.error("taken-back.failed", exc_info=error))
        self._parts = parts
        self._until: dict[tuple[str, datetime], float] = {}
        self._not_before: dict[str, float] = {}

    def pause_seconds(self) -> float:
        return LOOK_SECONDS

    def look(self) -> None:
        watched = {
            key.removeprefix(PREFIX): ShutdownRequest.model_validate_json(said)
            for key, said in self._parts.state.facts(PREFIX).items()
        }
        known = {(machine_id, asked.asked_at) for machine_id, asked in watched.items()}
        self._until = {key: until for key, until in self._until.items() if key in known}
        for machine_id, asked in watched.items():
            if asked.taken_back is not None:
                try:
                    self._look_at(machine_id, asked)
                except errors.SecondsiteError as error:
                    log.warning("machine.not-started-again", machine=machine_id, problem=error.message)

    def _look_at(self, machine_id: str, asked: ShutdownRequest) -> None:
        if self._is_over(machine_id, asked):
            self._forget(machine_id)
        elif asked.started_again_at is not None:
            self._tell(machine_id, asked, f"It was started again at {asked.started_again_at:%H:%M:%S} UTC.")
        elif self._power(asked) is PowerState.OFF and time.monotonic() >= self._not_before.get(
            machine_id, 0.0
        ):
            self._start_again(machine_id, asked)

    def _is_over(self, machine_id: str, asked: ShutdownRequest) -> bool:
        """Whether the watch is over: its time has passed, or another verb or owner has the machine."""
        until = self._until.setdefault((machine_id, asked.asked_at), time.monotonic() + WATCHED_SECONDS)
        seen, _of_drills = order_numbers.seen(self._parts.state, machine_id)
        fenced = self._parts.replication.fences.find(machine_id) is not None
        return fenced or time.monotonic() > until or seen > (asked.taken_back or 0)

    def _start_again(self, machine_id: str, asked: ShutdownRequest) -> None:
        with self._alone(machine_id):
            # an order may have been faster
            if self._is_over(machine_id, asked) or self._power(asked) is not PowerState.OFF:
                return
            found = self._parts.fabric.inventory.get(asked.fabric_id)
            if found is None or found.tag != machine_id:  # its owner's, or another protection's
                self._forget(machine_id)
                return
            self._started(machine_id, asked)
            now = datetime.now(UTC)
            _put(self._parts.state, machine_id, asked.model_copy(update={"started_again_at": now}))
        log.warning("machine.started-again", machine=machine_id, asked_at=asked.asked_at.isoformat())

    def _started(self, machine_id: str, asked: ShutdownRequest) -> None:
        self._not_before[machine_id] = time.monotonic() + AGAIN_SECONDS
        try:
            self._parts.fabric.power.start(asked.fabric_id)
        except errors.SecondsiteError as error:
            self._tell(
                machine_id, asked, f"It could not be started again: {error.message} {error.do}".strip()
            )
            raise
        seams.reach("appliance.machine.started-again")
        source = self._parts.replication.find(machine_id)
        if source is not None:
            source.saw(PowerState.RUNNING)
            source.hurry()

    def _alone(self, machine_id: str) -> contextlib.AbstractContextManager[object]:
        """Lock the machine. Raises DeadlineExceeded while a long cycle has it: it is then tried again
        later."""
        whose = self._whose(machine_id)
        return contextlib.nullcontext() if whose is None else whose.lock("starting it again", LOCK_SECONDS)

    def _whose(self, machine_id: str) -> Source | HostedReplica | None:
        return self._parts.replication.find(machine_id) or self._parts.host.find(machine_id)

    def _power(self, asked: ShutdownRequest) -> PowerState:
        return self._parts.fabric.power.state(asked.fabric_id)

    def _tell(self, machine_id: str, asked: ShutdownRequest, what: str) -> None:
        whose = self._whose(machine_id)
        if whose is not None:
            name = whose.setup.machine_name
            whose.findings.add(
                WENT_OFF_LATE,
                (
                    f"{name} was asked to shut down at {asked.asked_at:%H:%M:%S} UTC, ran on when that was "
                    f"given up, and went off later. {what}"
                ),
            )

    def _forget(self, machine_id: str) -> None:
        self._parts.state.remove_fact(PREFIX + machine_id)
        whose = self._whose(machine_id)
        if whose is not None:
            whose.findings.clear(WENT_OFF_LATE)


def _put(state: State, machine_id: str, asked: ShutdownRequest) -> None:
    state.put_fact(PREFIX + machine_id, asked.model_dump_json())
