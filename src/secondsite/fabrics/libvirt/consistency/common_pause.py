"""Pauses several machines at once, for a recovery point that they share.

vCPUs are paused, so no guest can write anything after the instant. If this process dies, a watchdog process
resumes them at once, or the next opening of the fabric does, from a record on disk."""

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from ....domain import errors
from ....ground import durable, threads
from ....ground.problem import ours
from ... import interface
from ..host import connection, inventory, power
from . import freezing, lifeline

AGAIN_SECONDS = 0.5
AGAIN_BY_ITSELF = "The common point is tried again; make the group smaller if this happens often."

log = structlog.get_logger(__name__)


class CommonPause:
    def __init__(self, hypervisor: connection.Hypervisor, work_dir: Path, agents: freezing.Agents) -> None:
        self._hypervisor = hypervisor
        self._agents = agents
        self._records = work_dir / "held"

    def pause(
        self, fabric_ids: Sequence[str], budget_seconds: float, do: str = AGAIN_BY_ITSELF
    ) -> AbstractContextManager[datetime]:
        """As the interface says; `do` is the advice when the budget is used up."""
        return self._pause(fabric_ids, budget_seconds, do)

    @contextlib.contextmanager
    def freeze(self, fabric_ids: Sequence[str]) -> Iterator[Mapping[str, interface.Freeze]]:
        """Freeze the guests' file systems inside the context: all agents at the same time, each with its own
        watchdog."""
        domains = [self._hypervisor.domain(fabric_id) for fabric_id in fabric_ids]
        guests = [self._agents.frozen(domain) for domain in domains]
        with ThreadPoolExecutor(max_workers=max(1, len(guests))) as pool, contextlib.ExitStack() as thaw:
            begun = [pool.submit(guest.__enter__) for guest in guests]
            freezes = {}
            for fabric_id, guest, entering in zip(fabric_ids, guests, begun, strict=True):
                problem = entering.exception()
                if problem is None:
                    thaw.callback(pool.submit, guest.__exit__, None, None, None)
                freezes[fabric_id] = (
                    entering.result() if problem is None else interface.Freeze(reason=ours(problem).message)
                )
            yield freezes

    def release_left_over(self) -> None:
        """Resumes machines that a dead process left paused; goes on in the background if one cannot be."""
        for record in self._records.glob("*.json"):
            guards = contextlib.ExitStack()
            guards.callback(record.unlink, missing_ok=True)
            finds = [partial(self._hypervisor.find, each) for each in json.loads(record.read_text())]
            left = [find for find in finds if not _is_resumed(find)]
            if left:
                threads.worker("resuming", _until_resumed, left, guards).start()
            else:
                guards.close()

    @contextlib.contextmanager
    def _pause(self, fabric_ids: Sequence[str], budget_seconds: float, do: str) -> Iterator[datetime]:
        domains = [self._hypervisor.domain(fabric_id) for fabric_id in fabric_ids]
        running = [domain for domain in domains if inventory.power_of(domain) is interface.PowerState.RUNNING]
        with contextlib.ExitStack() as guards:
            self._put_on_record(running, guards)
            guards.enter_context(_watched(self._hypervisor, running, budget_seconds))
            paused: list[Any] = []
            budget = threading.Timer(budget_seconds, lambda: _resume_all(paused))
            budget.start()
            try:
                _in_parallel(partial(_suspend, paused=paused), running)
                yield datetime.now(UTC)
                if not budget.is_alive():
                    raise errors.DeadlineExceeded(
                        (
                            f"The machines were paused for {budget_seconds:.1f} s, the whole budget, and "
                            "then resumed."
                        ),
                        do=do,
                    )
            finally:
                budget.cancel()
                self._resume_for_sure(paused, guards)

    def _resume_for_sure(self, domains: Sequence[Any], guards: contextlib.ExitStack) -> None:
        """Resume all; if that fails, as when libvirtd is just restarted, go on in the background. `guards`
        stay open until all are resumed: the watchdog resumes, too."""
        try:
            _resume_all(domains)
        except BaseException:
            find = self._hypervisor.find
            left = [partial(find, domain.UUIDString()) for domain in domains]
            threads.worker("resuming", _until_resumed, left, guards.pop_all()).start()
            raise

    def _put_on_record(self, domains: Sequence[Any], guards: contextlib.ExitStack) -> None:
        """Until `guards` are closed."""
        self._records.mkdir(parents=True, exist_ok=True)
        record = self._records / f"{uuid.uuid4()}.json"
        guards.callback(record.unlink, missing_ok=True)
        durable.write(record, json.dumps([domain.UUIDString() for domain in domains]))


@contextlib.contextmanager
def _watched(
    hypervisor: connection.Hypervisor, domains: Sequence[Any], budget_seconds: float
) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(
                lifeline.tied([_rescue(hypervisor, domain) for domain in domains], budget_seconds)
            )
        except OSError as error:
            raise errors.FabricError(
                f"The machines were not paused, because no watchdog could be started: {error}.",
                do="Check the host's free memory and process limits, then retry.",
            ) from error
        yield


def _rescue(hypervisor: connection.Hypervisor, domain: Any) -> tuple[str, ...]:
    root = hypervisor.embedded_root
    if root is not None:
        for monitor in (root / "lib" / "qemu").glob(f"domain-{domain.ID()}-*/monitor.sock"):
            return ("monitor", str(monitor))
    return (connection.virsh(), "-c", hypervisor.uri, "resume", domain.UUIDString())


def _suspend(domain: Any, paused: list[Any]) -> None:
    """Pauses a machine, and notes that: one that its owner has paused meanwhile stays so."""
    if inventory.power_of(domain) is not interface.PowerState.RUNNING:
        return
    paused.append(domain)
    connection.call(f"pausing '{domain.name()}'", domain.suspend, seconds=10)


def _resume(domain: Any) -> None:
    """Resumes a paused machine; harmless if it went off meanwhile."""
    with contextlib.suppress(errors.NotFound):
        power.resume(domain)


def _resume_all(domains: Sequence[Any]) -> None:
    _in_parallel(_resume, domains)


def _until_resumed(finds: Sequence[Callable[[], Any]], guards: contextlib.ExitStack) -> None:
    """Resume these machines again and again, for five minutes at most; then close `guards`. The record of
    what is paused still stays for the next opening of the fabric."""
    deadline = time.monotonic() + lifeline.RESCUE_SECONDS
    with guards:
        while finds and time.monotonic() < deadline:
            time.sleep(AGAIN_SECONDS)
            finds = [find for find in finds if not _is_resumed(find)]
        if finds:
            log.error("group.left-paused", machines=len(finds))
            guards.pop_all()


def _is_resumed(find: Callable[[], Any]) -> bool:
    try:
        domain = find()
        if domain is not None:
            _resume(domain)
    except errors.SecondsiteError:
        return False
    return True


def _in_parallel(act: Any, domains: Sequence[Any]) -> None:
    """Acts on all in parallel; raises the first failure after all have ended."""
    failures: list[errors.SecondsiteError] = []

    def run(domain: Any) -> None:
        try:
            act(domain)
        except errors.SecondsiteError as error:
            failures.append(error)

    acting = [threads.worker("common_pause", run, domain) for domain in domains]
    for thread in acting:
        thread.start()
    for thread in acting:
        thread.join()
    if failures:
        raise failures[0]
